"""What a backend's folder says of itself: read, not run. ``pytest tests/contract -k rq``."""

from __future__ import annotations

import ast
import re
import socket

import pytest
from support import ROOT

from backends import Choice, all_backends, choose, known_variants
from backends.spec import Backend, Capabilities
from bench.workers.workers import PLAIN
from scenarios import all_scenarios

#: The checks of trials, and the contract's own, that a known defect may name.
CHECKS = {
    *("enqueued", "lost", "repeated", "attempts", "results", "outcome", "retry_delay"),
    *("delivered", "order"),
    *("drain", "pending", "stop", "processes", "keys", "secrets", "library"),
}

NAMESPACE = "tqb-1-2-3"


@pytest.fixture(params=list(all_backends()))
def backend(request: pytest.FixtureRequest) -> Backend:
    return all_backends()[request.param]


@pytest.fixture(params=known_variants(hidden=True))
def choice(request: pytest.FixtureRequest) -> Choice:
    return choose(request.param)[0]


def _with_options() -> list[str]:
    """Each variant as it is, and with each of the options that it knows."""
    return [
        Choice(choice.backend, choice.backend.with_options(choice.variant, names), None).name
        for name in known_variants(hidden=True)
        for choice in choose(name)
        for names in [(), *((o.name,) for o in choice.backend.options if o.fits(choice.variant))]
    ]


@pytest.fixture(params=_with_options())
def optioned(request: pytest.FixtureRequest) -> Choice:
    """Also what a choice makes of its commands by an option is held to what is true of commands."""
    return choose(request.param)[0]


# --- files ----------------------------------------------------------------------------------


def test_the_folder_is_whole(backend: Backend) -> None:
    assert backend.folder.name == backend.name
    present = {path.name for path in backend.folder.iterdir()}
    needed = {"producer.py", "tasks.py", "NOTES.md", "requirements.in", "requirements.lock"}
    assert needed <= present
    assert len((backend.folder / "NOTES.md").read_text(encoding="utf-8")) > 200


def test_notes_tell_every_setting(choice: Choice) -> None:
    notes = (choice.backend.folder / "NOTES.md").read_text(encoding="utf-8")
    told = set(_words(notes))
    settings = choice.backend.settings + choice.variant.settings
    missing = {s.name: words for s in settings if (words := set(_words(s.name)) - told)}
    assert missing == {}
    assert [o.name for o in choice.backend.options if f"`{o.name}`" not in notes] == []


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_][\w-]*|--[\w-]+", text)


def test_lock_pins_with_hashes(backend: Backend) -> None:
    lock = (backend.folder / "requirements.lock").read_text(encoding="utf-8")
    lines = [line for line in lock.replace("\\\n", " ").splitlines() if line.strip()]
    entries = [line for line in lines if not line.lstrip().startswith("#")]
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[.*\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    if backend.distribution:
        assert any(entry.startswith(f"{backend.distribution}==") for entry in entries)


# --- what it says ---------------------------------------------------------------------------


def test_a_compared_backend_names_its_library_and_home(backend: Backend) -> None:
    assert bool(backend.distribution) is not backend.hidden
    assert bool(backend.imports) is not backend.hidden
    assert backend.homepage.startswith("https://") is not backend.hidden
    assert all(name.isidentifier() for name in backend.imports)


def test_a_variant_says_how_it_runs_and_what_it_promises(choice: Choice) -> None:
    variant, promised = choice.variant, choice.variant.semantics
    assert variant.summary
    assert variant.concurrency
    assert promised.ack in ("early", "late")
    assert promised.delivery in ("at most once", "at least once")
    assert all((promised.results, promised.retries, promised.chain))
    assert variant.nominal_tasks_per_s > 0


def test_every_setting_that_is_not_the_librarys_has_a_reason(choice: Choice) -> None:
    settings = (*choice.backend.settings, *choice.variant.settings)
    assert all(s.name and s.value and s.default and s.why for s in settings)
    assert all(s.value != s.default for s in settings)
    assert len({s.name for s in settings}) == len(settings)


def test_a_known_defect_can_be_quoted_and_shown(backend: Backend) -> None:
    for defect in backend.known_defects:
        assert defect.check in CHECKS
        assert backend.name in defect.told
        assert not defect.told.endswith(".")
        assert (ROOT / defect.where).is_file()
        assert defect.variants <= {variant.name for variant in backend.variants}
        assert defect.scenarios <= set(all_scenarios())


def test_an_option_says_what_it_sets_and_why(backend: Backend) -> None:
    names = [option.name for option in backend.options]
    assert len(names) == len(set(names))
    for option in backend.options:
        assert option.summary
        assert option.settings or option.includes
        assert set(option.includes) < set(names)
        assert all(s.value != s.default and s.why for s in option.settings)
        assert option.source, "who advises it?"
        knowing = [variant for variant in backend.variants if option.fits(variant)]
        assert len(knowing) == (len(option.variants) or len(backend.variants))


# --- its commands and keys ------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
def test_commands_are_words_without_a_secret(optioned: Choice, concurrency: int) -> None:
    """Helpers may stand beside the workers, of which there are as many as tasks at once at most."""
    commands = optioned.backend.worker_commands(optioned.variant, concurrency)
    assert 1 <= sum(command.role == "worker" for command in commands) <= concurrency
    for command in commands:
        assert all(isinstance(word, str) and word for word in command.words)
        assert command.words[0] == "-m"
        assert command.words[1].split(".")[0] in {"backends", *optioned.backend.imports}
        assert not any("redis://" in word for word in command.words)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_readiness_is_a_pattern_that_can_fail_to_match(optioned: Choice, concurrency: int) -> None:
    for command in optioned.backend.worker_commands(optioned.variant, concurrency):
        assert command.readiness.times >= 1
        if command.readiness.probe is None:
            assert not re.search(command.readiness.pattern, "")


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_librarys_own_way_to_stop_names_the_workers(optioned: Choice, concurrency: int) -> None:
    """All that is stopped is ours: it says so, and holds no secret."""
    commands = optioned.backend.worker_commands(optioned.variant, concurrency)
    for words in {command.stop_words for command in commands} - {()}:
        assert all(isinstance(word, str) and word for word in words)
        assert not [word for word in words if "redis://" in word]
        assert socket.gethostname() in " ".join(words)


def test_a_stop_is_asked_for_by_a_signal(optioned: Choice) -> None:
    for command in optioned.backend.worker_commands(optioned.variant, 1):
        assert command.stop_signal in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1")
        assert command.exit_codes


def test_the_keys_of_a_lease_name_it(backend: Backend) -> None:
    keys = backend.queue_keys(NAMESPACE)
    assert all(NAMESPACE in key for key in keys)
    assert bool(keys) is not backend.hidden


def test_without_a_namespace_the_keys_are_the_librarys_own(backend: Backend) -> None:
    keys = backend.queue_keys(None)
    assert len(keys) == len(backend.queue_keys(NAMESPACE))
    assert not any("None" in key or key.startswith(":") for key in keys)


# --- its tasks ------------------------------------------------------------------------------


def tasks_sent(capabilities: Capabilities) -> set[str]:
    """The tasks of all scenarios that such a library can be given under some load."""
    sent = set()
    for scenario in all_scenarios().values():
        if all(capabilities.lacks(load, scenario.asks) for load in scenario.loads):
            continue
        params = {p.name: p.default for p in scenario.parameters}
        sent |= {w.task for item in scenario.items(0, 5, params, 1) for w in item}
    return sent


def test_the_scenarios_send_something() -> None:
    assert {"add", "flaky", "notification", "payload"} <= tasks_sent(Capabilities())


def test_only_what_a_library_can_do_is_asked_of_it() -> None:
    nothing = Capabilities(results=False, retries=False, chains=False)
    assert tasks_sent(nothing) == {"add", "compute", "payload"}


def test_every_task_is_a_function_that_takes_the_tasks_id(backend: Backend) -> None:
    """By whatever kind of argument; a new scenario may not forget any backend."""
    tree = ast.parse((backend.folder / "tasks.py").read_text(encoding="utf-8"))
    arguments = {
        node.name: {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    sent = tasks_sent(backend.capabilities)
    assert sent <= set(arguments)
    assert {name for name in sent if "task_id" not in arguments[name]} == set()


# --- its plain program ----------------------------------------------------------------------


def test_a_plain_program_imports_nothing_of_ours_and_is_called_as_ours_is(backend: Backend) -> None:
    folder = backend.folder / PLAIN
    if not folder.is_dir():
        pytest.skip("it has none: the doctor says so")
    for path in folder.glob("*.py"):
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module).partition(".")[0])
        assert names & {"backends", "bench", "scenarios"} == set(), path
    assert (folder / "send.py").is_file()
    ours = f"backends.{backend.folder.name}."
    for command in backend.worker_commands(backend.variants[0], 2):
        for module in (w.removeprefix(ours) for w in command.words if w.startswith(ours)):
            assert (folder / f"{module.partition('.')[0]}.py").is_file(), module
