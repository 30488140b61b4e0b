"""The walls between the parts, read from the source: who imports whom, and who may name whom."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from backends import all_backends
from scenarios import all_scenarios

ROOT = Path(__file__).resolve().parents[2]
OUR_PACKAGES = ("backends", "bench", "scenarios")
HEAVY = {"numpy", "pandas", "psutil", "pyarrow", "pydantic", "rich", "typer"}
#: What a library brings along that the harness needs, too: its own client of Redis.
SHARED = {"redis"}

#: The one guest module that imports pytest: ``bench micro`` runs it, in environments of its own.
MICRO = "backends/kit/micro.py"

#: Literals that name a backend outside backends/, with the reason why they may.
MAY_NAME_A_BACKEND = {
    # The default baselines, where a profile does not name its own.
    ("bench/plan/profile.py", "celery:prefork"),
    ("bench/plan/profile.py", "celery:solo"),
    # Examples of what to type, shown by --help.
    ("bench/cli/run.py", "Only this, e.g. rq or celery:solo."),
}

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
#: Longer ones: a command's options are its signature, one or two lines each.
LONG_FUNCTIONS = {("bench/cli/run.py", "run"): 70}


#: Where it may be asked which system this is, with the reason.
MAY_ASK_FOR_WINDOWS = {
    "bench/system/platforms.py",  # the one place that chooses
    "bench/plan/planner.py",  # plans for the platform that it is told: its baseline
    "backends/abilities.py",  # what is expected of the platform that it is told
    "bench/system/guests.py",  # guests may run on another platform than the harness
    "backends/kit/recorder.py",  # guest code, which has nothing of the harness
}

# --- reading the source ----------------------------------------------------------------------


def sources(*patterns: str) -> list[str]:
    """Paths of our modules, relative to the root."""
    found = {
        path.relative_to(ROOT).as_posix()
        for pattern in patterns or [f"{package}/**/*.py" for package in OUR_PACKAGES]
        for path in ROOT.glob(pattern)
    }
    assert found, f"nothing matches {patterns}"
    return sorted(found)


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), path)


def module_of(path: str) -> str:
    name = path.removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


def exists(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def imports_of(node: ast.AST, path: str) -> Iterator[str]:
    """The modules that one node of the tree imports; of ``from a import b`` the finest known."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, f"{path}:{node.lineno}: relative import"
        assert node.module
        for alias in node.names:
            finer = f"{node.module}.{alias.name}"
            yield finer if exists(finer) else node.module
    elif isinstance(node, ast.Call) and node.args:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        called = node.func.id if isinstance(node.func, ast.Name) else called
        if called in ("import_module", "__import__"):
            name = literal_start(node.args[0])
            if name:
                yield name.rstrip(".")


def literal_start(node: ast.expr) -> str:
    """The text that a literal begins with; empty where it is computed from the start."""
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@cache
def imported(path: str) -> frozenset[str]:
    """Every module imported anywhere in the file, functions included."""
    return frozenset(name for node in ast.walk(tree(path)) for name in imports_of(node, path))


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def offences(paths: list[str], *packages: str) -> list[str]:
    """Who of ``paths`` imports something of ``packages``."""
    return [
        f"{path} imports {name}"
        for path in paths
        for name in sorted(imported(path))
        if within(name, *packages)
    ]


@cache
def reach(module: str) -> frozenset[str]:
    """Our modules that importing ``module`` may load, by whatever way, and itself."""
    found: set[str] = set()
    todo = {module}
    while todo:
        name = todo.pop()
        found.add(name)
        parents = {name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)}
        stem = name.replace(".", "/")
        path = f"{stem}.py" if (ROOT / f"{stem}.py").is_file() else f"{stem}/__init__.py"
        ours = {other for other in imported(path) if within(other, *OUR_PACKAGES)}
        todo |= {other for other in parents | ours if exists(other)} - found
    return frozenset(found)


# --- the reader itself -----------------------------------------------------------------------


def test_the_reader_sees_every_way_to_import():
    text = (
        "import a.b, c as d\n"
        "from e import f\n"
        "from bench import plan, nothing\n"
        "def g():\n"
        "    import h\n"
        "    importlib.import_module('i.j')\n"
        "    import_module(f'k.{name}')\n"
        "    __import__('l')\n"
        "    importlib.import_module(name)\n"
    )
    found = [n for node in ast.walk(ast.parse(text)) for n in imports_of(node, "text")]
    assert sorted(found) == ["a.b", "bench", "bench.plan", "c", "e", "h", "i.j", "k", "l"]


def test_the_reader_follows_imports_through_other_modules():
    assert "backends.spec" in reach("bench.plan.planner")  # through backends
    assert "bench.plan.planner" not in reach("backends.spec")


def test_the_reader_finds_all_our_packages():
    folders = {path.split("/", 1)[0] for path in sources()}
    assert folders == set(OUR_PACKAGES)


# --- who imports whom ------------------------------------------------------------------------


def test_scenarios_know_neither_backends_nor_the_harness():
    assert offences(sources("scenarios/**/*.py"), "backends", "bench") == []


def test_backends_know_nothing_of_the_harness():
    assert offences(sources("backends/**/*.py"), "bench") == []


def test_what_runs_in_a_workers_interpreter_carries_no_weight():
    assert offences(sources("backends/**/*.py", "scenarios/**/*.py"), *HEAVY) == []


def guest_code() -> list[str]:
    """What runs inside a backend's own environment."""
    own = [path for path in sources("backends/*/*.py") if not path.endswith("/__init__.py")]
    return [*own, "scenarios/workload.py"]


@pytest.mark.parametrize("path", guest_code())
def test_guest_code_imports_only_what_its_environment_has(path):
    folder = path.split("/")[1]
    allowed = ["backends.kit"]
    if path == "scenarios/workload.py":
        allowed = ["httpx"]
    elif folder != "kit":
        own = [f"backends.{folder}", *all_backends()[folder].imports]
        allowed += [*own, "scenarios.workload"]
    if path == MICRO:
        allowed.append("pytest")
    strange = [
        name
        for name in imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not within(name, *allowed)
    ]
    assert strange == []


def test_only_microbenchmarks_know_pytest():
    assert {line.split()[0] for line in offences(sources(), "pytest", "_pytest")} == {MICRO}
    reached = [
        path for path in sources() if path != MICRO and "backends.kit.micro" in imported(path)
    ]
    assert reached == []


def test_the_registry_and_what_backends_say_of_themselves_need_no_library():
    paths = [*sources("backends/*.py"), *sources("backends/*/__init__.py")]
    strange = [
        f"{path} imports {name}"
        for path in paths
        for name in imported(path)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "backends"}
        and name != "scenarios.loads"  # facts, of the standard library alone
    ]
    assert strange == []


def test_a_backends_library_is_imported_in_its_own_folder_only():
    """Whose it is the backends say themselves; two may use the same."""
    folders = {
        library: [f"backends/{b.name}/" for b in all_backends().values() if library in b.imports]
        for backend in all_backends().values()
        for library in {*backend.imports} - SHARED
    }
    assert {"arq", "celery", "dramatiq", "kombu", "rq"} <= set(folders)
    strange = [
        f"{path} imports {name}"
        for path in sources()
        for name in imported(path)
        if (top := name.split(".")[0]) in folders and not path.startswith(tuple(folders[top]))
    ]
    assert strange == []


def test_the_http_client_is_imported_by_the_workload_only_and_on_first_use():
    users = [path for path in sources() if any(within(n, "httpx") for n in imported(path))]
    assert users == ["scenarios/workload.py"]
    at_the_top = [n for node in tree(users[0]).body for n in imports_of(node, users[0])]
    assert "httpx" not in at_the_top


#: The floors of the harness, from the top: each imports only what lies below it, and itself.
FLOORS = (
    "bench.cli",
    "bench.doctor",
    "bench.run",
    "bench.workers",
    "bench.report",
    "bench.analysis",
    "bench.record",
    "bench.measure",
    "bench.plan",
    "bench.server",
    "bench.scaffold",
    "bench.system",
    "bench.errors",
)


def floor_of(module: str) -> int:
    """Which floor a module of the harness lies on; -1 for what stands over all of them."""
    return next((n for n, floor in enumerate(FLOORS) if within(module, floor)), -1)


@pytest.mark.parametrize("path", sources("bench/**/*.py"))
def test_imports_go_down_only(path):
    own = floor_of(module_of(path))
    upwards = [
        name for name in sorted(imported(path)) if within(name, "bench") and floor_of(name) < own
    ]
    assert [name for name in upwards if name != "bench"] == []


def asks_for_windows(node: ast.AST) -> bool:
    """``sys.platform == "win32"`` in some form, or ``os.name``."""
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and (node.value.id, node.attr) == ("os", "name")
    if not isinstance(node, ast.Compare):
        return False
    parts = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
    named = any(getattr(part, "attr", getattr(part, "id", "")) == "platform" for part in parts)
    return named and any(isinstance(part, ast.Constant) and part.value == "win32" for part in parts)


def test_which_system_it_is_is_asked_in_one_place():
    """What differs has one name in bench/system/windows.py and in bench/system/posix.py."""
    asking = {path for path in sources() if any(map(asks_for_windows, ast.walk(tree(path))))}
    assert asking == MAY_ASK_FOR_WINDOWS


@pytest.mark.parametrize("floor", FLOORS)
def test_every_floor_is_there(floor):
    assert exists(floor)


def test_every_module_of_the_harness_lies_on_a_floor():
    also = {"bench", "bench.__main__", "bench.profiles"}
    strays = [path for path in sources("bench/**/*.py") if floor_of(module_of(path)) < 0]
    assert {module_of(path) for path in strays} == also


@pytest.mark.parametrize("floor", [f for f in FLOORS if f != "bench.errors"])
def test_a_floor_has_no_circles(floor):
    """Within a floor, too, no module reaches itself through others."""
    paths = sources(f"{floor.replace('.', '/')}/**/*.py")
    needs = {module_of(p): {n for n in imported(p) if within(n, floor)} for p in paths}
    while ready := [m for m, others in needs.items() if not others - {m, floor} & needs.keys()]:
        for module in ready:
            del needs[module]
    assert needs == {}


@pytest.mark.parametrize("path", sources("bench/measure/*.py"))
def test_measuring_is_pure(path):
    """Numbers come from events and facts alone: nothing is run, stored, shown or asked."""
    ours = ["bench.measure", "backends.kit", "scenarios"]
    stated = ["backends.spec", "backends.keys", "backends.abilities", "backends.known"]
    outside = [
        name
        for name in reach(module_of(path))
        if not within(name, *ours, *stated) and name not in ("bench", "backends")
    ]
    assert outside == []
    effects = ("os", "subprocess", "socket", "pathlib", "time", "datetime", "redis")
    assert offences([path], *effects) == []


#: Within the report: formats draw chapters, chapters are made of tables and pictures, these of
#: values. What lies on one line may import each other, without circles.
REPORT = (
    ("bench.report.formats",),
    (
        *("bench.report.document", "bench.report.compare"),
        *("bench.report.quote", "bench.report.quote_sweep"),
    ),
    ("bench.report.model",),
    ("bench.report.chapters", "bench.report.findings", "bench.report.next_steps"),
    ("bench.report.grids", "bench.report.tables", "bench.report.limits", "bench.report.pictures"),
    (
        *("bench.report.parts", "bench.report.common_rate"),
        *("bench.report.sweep", "bench.report.versions"),
    ),
    ("bench.report.cells", "bench.report.defects", "bench.report.endings"),
    (
        *("bench.report.measures", "bench.report.sections", "bench.report.wording"),
        *("bench.report.setups", "bench.report.platforms"),
    ),
)


@pytest.mark.parametrize("path", sources("bench/report/**/*.py"))
def test_a_report_is_built_from_values_upwards(path):
    def level(module: str) -> int:
        return next((n for n, row in enumerate(REPORT) if within(module, *row)), -1)

    own = level(module_of(path))
    assert (own < 0) == (path == "bench/report/__init__.py")
    upwards = [
        name for name in imported(path) if within(name, "bench.report") and level(name) < own
    ]
    assert upwards == []


@pytest.mark.parametrize("path", sources("bench/report/**/*.py"))
def test_only_its_formats_know_how_a_report_is_drawn(path):
    """What is drawn by others, too, is no business of the terminal's library."""
    drawn = [name for name in imported(path) if within(name, "rich")]
    assert not drawn or path == "bench/report/formats/terminal.py"


@pytest.mark.parametrize("path", sources("bench/report/**/*.py"))
def test_reports_are_made_of_what_is_stored_not_of_what_runs(path):
    running = (
        "bench.workers.lease",
        "bench.run.runner",
        "bench.run.session",
        "bench.run.trial",
        "bench.server.redis_server",
    )
    assert [name for name in reach(module_of(path)) if within(name, *running)] == []


def test_the_fake_bot_api_starts_quickly():
    allowed = ("backends.kit", "scenarios.notification")
    strange = [
        name
        for name in imported("bench/workers/bot_api.py")
        if name.split(".")[0] not in sys.stdlib_module_names and not within(name, *allowed)
    ]
    assert strange == []


# --- importable with the standard library alone ----------------------------------------------

ALONE = sorted(
    {"backends", "backends.kit", "scenarios", "bench"}
    | {module_of(path) for path in sources("bench/*/__init__.py")}
    | {f"backends.{name}" for name in all_backends()}
)


def run_alone(statement: str) -> str:
    """Run a statement in a bare interpreter that finds our packages and no others."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.append({str(ROOT)!r}); {statement}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("package", ALONE)
def test_a_package_can_be_imported_with_the_standard_library_alone(package):
    assert run_alone(f"import {package}; print({package}.__name__)").strip() == package


def test_all_backends_and_scenarios_are_found_with_the_standard_library_alone():
    found = run_alone(
        "from backends import all_backends; from scenarios import all_scenarios;"
        "print(*all_backends(), *all_scenarios())"
    ).split()
    assert found == [*all_backends(), *all_scenarios()]


def test_the_fake_bot_api_can_be_imported_with_the_standard_library_alone():
    assert (
        run_alone("import bench.workers.bot_api; print(bench.workers.bot_api.TOKEN)").strip()
        == "4242:bench"
    )


# --- who names whom --------------------------------------------------------------------------


def docstrings(module: ast.Module) -> set[int]:
    """Ids of the constants that document something: statements that are a string and no more."""
    return {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def literals(path: str) -> Iterator[str]:
    documentation = docstrings(tree(path))
    for node in ast.walk(tree(path)):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in documentation:
            yield node.value


def names_a_backend(text: str) -> bool:
    """Whether it is or begins with a backend's name, or has a real one's somewhere within."""
    names = "|".join(all_backends())
    # The floor's name is a word, and what it is called in every report.
    real = "|".join(name for name, b in all_backends().items() if not (b.hidden or b.is_floor))
    begins = re.match(rf"({names})([:@]|$)", text)
    return bool(begins or re.search(rf"(?<![\w.-])({real})(?![\w-])", text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rq", True),
        ("fake:honest", True),
        ("celery@5", True),
        ("only celery does", True),
        ("Only rq:fork", True),
        ("the fake Bot API", False),
        ("the floor is 5 times as fast", False),
        ("floor:many", True),
        ("parquet", False),
        ("task-queue", False),
        ("search", False),
    ],
)
def test_names_of_backends_are_recognised(text, expected):
    assert names_a_backend(text) is expected


def test_nothing_outside_backends_names_a_backend():
    """The harness and the scenarios treat all queues alike: a name would be a special case."""
    found = {
        (path, text)
        for path in sources("bench/**/*.py", "scenarios/**/*.py")
        for text in literals(path)
        if names_a_backend(text)
    }
    assert sorted(found - MAY_NAME_A_BACKEND) == []


def test_every_allowed_name_is_still_there():
    found = {(path, text) for path, _ in MAY_NAME_A_BACKEND for text in literals(path)}
    assert sorted(MAY_NAME_A_BACKEND - found) == []


# --- size ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sources())
def test_modules_stay_small(path):
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", sources())
def test_functions_stay_small(path):
    too_long = [
        f"{node.name} in line {node.lineno} has {lines} lines"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for lines in [(node.end_lineno or 0) - node.lineno + 1]
        if lines > LONG_FUNCTIONS.get((path, node.name), MAX_FUNCTION_LINES)
    ]
    assert too_long == []
