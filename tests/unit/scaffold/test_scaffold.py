"""Skeletons: whole, honest, found, and never half-written."""

from __future__ import annotations

import errno
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.cli.app import run_cli
from bench.errors import UsageError
from bench.scaffold import skeleton as scaffold

OWN = ("arq", "celery", "dramatiq", "fake", "floor", "kit", "rq")

#: The first sorts before ``backends.kit``, the second after it; the third is as long as can be.
NAMES = ["a", "taskiq", "z" * scaffold.MAX_NAME]

_LISTING = """
import json
from backends import known_variants
from scenarios import all_scenarios
print(json.dumps([known_variants(), list(all_scenarios())]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout to write into, with the suite's own backends and no others."""
    target = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for part in (*(f"backends/{name}" for name in OWN), "scenarios"):
        shutil.copytree(scaffold.checkout() / part, target / part, ignore=ignored)
    for module in (scaffold.checkout() / "backends").glob("*.py"):
        shutil.copy(module, target / "backends")
    shutil.copy(scaffold.checkout() / "pyproject.toml", target)
    return target


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in root.rglob("*")
    }


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("skeleton", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_checkout_is_the_one_that_runs() -> None:
    assert (scaffold.checkout() / "bench" / "scaffold" / "skeleton.py").samefile(scaffold.__file__)


def test_backend_has_every_file(root: Path) -> None:
    before = tree(root)
    files = scaffold.new_backend("huey", root)
    names = {"__init__.py", "app.py", "tasks.py", "producer.py", "NOTES.md"}
    names |= {"requirements.in", "requirements.lock"}
    assert {path.relative_to(root / "backends" / "huey").as_posix() for path in files} == names
    written = set(tree(root)) - set(before)
    assert written == {"backends/huey"} | {f"backends/huey/{name}" for name in names}


def test_scenario_is_one_module(root: Path) -> None:
    before = tree(root)
    assert scaffold.new_scenario("primes", root) == [root / "scenarios" / "primes.py"]
    assert set(tree(root)) - set(before) == {"scenarios/primes.py"}


@pytest.mark.parametrize("name", NAMES)
def test_skeletons_compile_and_are_tidy(root: Path, name: str) -> None:
    files = scaffold.new_backend(name, root) + scaffold.new_scenario(f"{name[:-1]}y", root)
    code = [path for path in files if path.suffix == ".py"]
    for path in code:
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
        assert b"\r" not in path.read_bytes()
        assert "$" not in path.read_text(encoding="utf-8")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", *map(str, code)],
            cwd=root,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_skeletons_are_found_beside_the_others(root: Path) -> None:
    def listed() -> tuple[set[str], set[str]]:
        done = subprocess.run(
            [sys.executable, "-c", _LISTING], cwd=root, capture_output=True, text=True, check=True
        )
        variants, scenarios = json.loads(done.stdout)
        return set(variants), set(scenarios)

    variants, scenarios = listed()
    scaffold.new_backend("huey", root)
    scaffold.new_scenario("primes", root)
    assert listed() == (variants | {"huey"}, scenarios | {"primes"})


def test_backend_skeleton_claims_nothing(root: Path) -> None:
    scaffold.new_backend("my_queue", root)
    module = load(root / "backends" / "my_queue" / "__init__.py")
    (variant,) = module.BACKEND.variants
    assert module.BACKEND.name == "my_queue"
    assert (variant.semantics.ack, variant.semantics.delivery) == ("early", "at most once")
    assert not re.search(module._READY.pattern, "worker ready\n")
    assert module.BACKEND.imports == ("my_queue",)
    with pytest.raises(NotImplementedError, match="worker command"):
        module.BACKEND.worker_commands(variant, 1)
    with pytest.raises(NotImplementedError, match="Redis keys"):
        module.BACKEND.pending(None, "ns", root)


def test_guest_skeleton_claims_nothing(root: Path) -> None:
    scaffold.new_backend("huey", root)
    client = load(root / "backends" / "huey" / "producer.py").connect()
    for call in (lambda: client.send([]), lambda: client.result(None, 1.0), client.close):
        with pytest.raises(NotImplementedError):
            call()
    for name in ("app.py", "tasks.py"):
        text = (root / "backends" / "huey" / name).read_text(encoding="utf-8")
        assert "raise NotImplementedError(" in text


def test_scenario_skeleton_claims_nothing(root: Path) -> None:
    scaffold.new_scenario("primes", root)
    scenario = load(root / "scenarios" / "primes.py").SCENARIO
    assert scenario.name == "primes"
    with pytest.raises(NotImplementedError, match="items to send"):
        scenario.items(0, 1, {}, 1)


BAD_NAMES = ["", "Huey", "1st", "my-queue", "a b", "_x", "class", "../up", "z" * 33, "größe"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused(root: Path, name: str) -> None:
    before = tree(root)
    for new in (scaffold.new_backend, scaffold.new_scenario):
        with pytest.raises(UsageError, match="expected a lower-case Python identifier"):
            new(name, root)
    assert tree(root) == before


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("celery", "exists already"),
        ("kit", "exists already"),
        ("spec", "exists already"),
        ("importlib", "would be shadowed"),
        ("choose", "would be shadowed"),
        ("queue", "standard library"),
    ],
)
def test_taken_backend_names_are_refused(root: Path, name: str, why: str) -> None:
    before = tree(root)
    with pytest.raises(UsageError, match=why):
        scaffold.new_backend(name, root)
    assert tree(root) == before


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("chain", "exists already"),
        ("workload", "exists already"),
        ("pkgutil", "would be shadowed"),
        ("http_client", "would be shadowed"),
        ("task", "would be shadowed"),
        ("dramatiq", "would be shadowed"),
        ("sum", "builtin"),
    ],
)
def test_taken_scenario_names_are_refused(root: Path, name: str, why: str) -> None:
    before = tree(root)
    with pytest.raises(UsageError, match=why):
        scaffold.new_scenario(name, root)
    assert tree(root) == before


def test_nothing_is_written_twice(root: Path) -> None:
    scaffold.new_backend("huey", root)
    scaffold.new_scenario("primes", root)
    before = tree(root)
    for new, name in ((scaffold.new_backend, "huey"), (scaffold.new_scenario, "primes")):
        with pytest.raises(UsageError, match="exists already"):
            new(name, root)
    assert tree(root) == before


def test_full_disk_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(root)
    write_text = Path.write_text
    room = [None] * 3

    def write(path: Path, *args: str, **kwargs: str) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        room.pop()
        return write_text(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", write)
    for new in (scaffold.new_backend, scaffold.new_scenario):
        with pytest.raises(UsageError, match="No space left on device"):
            new("huey", root)
    assert tree(root) == before


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape("pyproject.toml is missing")):
        scaffold.new_backend("huey", tmp_path)
    assert tree(tmp_path) == {}


def test_a_broken_module_is_told(root: Path) -> None:
    (root / "backends" / "rq" / "tasks.py").write_text("def (:\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"cannot read .*tasks\.py"):
        scaffold.new_scenario("primes", root)


def test_command_tells_what_to_do_next(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["new", "backend", "huey", "--into", str(root)]) == 0
    told = capsys.readouterr().out
    for line in ("backends/huey/tasks.py", "bench env lock huey", "pytest tests/contract -k huey"):
        assert line in told
    assert run_cli(["new", "scenario", "primes", "--into", str(root)]) == 0
    told = capsys.readouterr().out
    for line in ("scenarios/primes.py", "backends/celery/tasks.py", "def primes("):
        assert line in told


@pytest.mark.parametrize("arguments", [["backend", "Huey"], ["scenario", "add"], ["backend"]])
def test_mistakes_are_one_line(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run_cli(["new", *arguments, "--into", str(root)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("bench: ")
    assert told.err.count("\n") == 1
