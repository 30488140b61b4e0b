from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from backends.spec import Backend
from bench.errors import EnvironmentFailed
from bench.system.guests import Guests
from bench.workers import environments
from bench.workers.environments import (
    MICRO_LOCK,
    Environment,
    cache_folder,
    environment,
    lock,
    lock_micro,
    make,
)


@pytest.fixture
def backend(tmp_path):
    """A backend whose folder holds a lock and the loose requirements beside it."""
    folder = tmp_path / "backend"
    folder.mkdir()
    (folder / "requirements.lock").write_text("queue-library==2.0 --hash=sha256:aa\n")
    (folder / "requirements.in").write_text("queue-library\n")
    return Backend(
        name="queue",
        distribution="Queue-Library",
        homepage="",
        variants=(),
        folder=folder,
    )


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """No test may touch the user's own cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("TASK_QUEUE_BENCH_CACHE", str(folder))
    return folder


# --- names -----------------------------------------------------------------------------------


def test_an_environment_is_named_by_its_backend_and_a_digest(backend, cache):
    env = environment(backend)
    assert env.folder.parent == cache / "environments"
    assert re.fullmatch(r"queue-[0-9a-f]{12}", env.folder.name)
    assert env.name == "queue"


def test_a_pinned_version_is_in_the_name(backend):
    env = environment(backend, "1.5.2")
    assert re.fullmatch(r"queue-1\.5\.2-[0-9a-f]{12}", env.folder.name)
    assert env.name == "queue@1.5.2"


def test_the_same_lock_gives_the_same_environment(backend):
    assert environment(backend) == environment(backend)


def test_a_changed_lock_gives_another_environment(backend):
    before = environment(backend).folder
    lock_file = backend.folder / "requirements.lock"
    lock_file.write_text(lock_file.read_text() + "# changed\n")
    assert environment(backend).folder != before


def test_a_pinned_environment_follows_the_requirements_and_not_the_lock(backend):
    before = environment(backend, "1.0").folder
    (backend.folder / "requirements.lock").write_text("changed")
    assert environment(backend, "1.0").folder == before
    (backend.folder / "requirements.in").write_text("changed")
    assert environment(backend, "1.0").folder != before


def test_two_pins_have_two_digests(backend):
    digests = {environment(backend, pin).folder.name[-12:] for pin in ("1.0", "1.1", None)}
    assert len(digests) == 3


@pytest.mark.parametrize(("name", "value"), [("version", "3.99.0 (other)"), ("platform", "plan9")])
def test_another_interpreter_or_platform_gets_another_environment(
    backend, monkeypatch, name, value
):
    before = environment(backend).folder
    facts = {"version": sys.version, "platform": sys.platform}
    monkeypatch.setattr(environments, "sys", SimpleNamespace(**facts))
    assert environment(backend).folder == before
    monkeypatch.setattr(environments, "sys", SimpleNamespace(**facts | {name: value}))
    assert environment(backend).folder != before


def test_a_missing_lock_is_told_with_the_command_that_makes_it(backend):
    (backend.folder / "requirements.lock").unlink()
    with pytest.raises(EnvironmentFailed, match=r"requirements\.lock is missing: run 'bench env l"):
        environment(backend)


def test_without_a_choice_environments_are_in_the_users_cache(monkeypatch):
    monkeypatch.delenv("TASK_QUEUE_BENCH_CACHE")
    folder = cache_folder()
    assert folder.is_absolute()
    assert "task-queue-bench" in folder.parts


@pytest.mark.parametrize(
    ("platform", "path"), [("linux", "bin/python"), ("win32", "Scripts/python.exe")]
)
def test_the_interpreter_is_where_the_platform_has_it(platform, path):
    guests = Guests(platform=platform)
    env = Environment(SimpleNamespace(name="queue"), None, Path("env"), guests=guests)
    assert env.python == Path("env") / path


@pytest.fixture
def extra(tmp_path):
    """A lock of what is installed beside a backend."""
    path = tmp_path / "tools.lock"
    path.write_text("tool==1.0 --hash=sha256:bb\n")
    return path


def test_what_is_installed_beside_makes_another_environment(backend, extra):
    env = environment(backend, extra=extra)
    assert re.fullmatch(r"queue-tools-[0-9a-f]{12}", env.folder.name)
    assert (env.name, env.label) == ("queue", "queue with tools")
    assert environment(backend, "1.0", extra).folder.name.startswith("queue-1.0-tools-")
    extra.write_text("tool==1.1 --hash=sha256:cc\n")
    assert environment(backend, extra=extra).folder != env.folder


def test_a_missing_lock_of_what_is_beside_is_told_with_its_own_command(backend, extra):
    extra.unlink()
    with pytest.raises(EnvironmentFailed, match=r"tools\.lock is missing: run 'bench env lock to"):
        environment(backend, extra=extra)


# --- what is inside --------------------------------------------------------------------------


def install(env, folder, metadata, where="lib/python3.12/site-packages"):
    path = env.folder / where / f"{folder}.dist-info" / "METADATA"
    path.parent.mkdir(parents=True)
    path.write_bytes(metadata)


def test_versions_are_read_from_what_is_installed(backend):
    env = environment(backend)
    install(env, "queue_library-2.0", b"Metadata-Version: 2.1\nName: queue_library\nVersion: 2.0\n")
    install(env, "Zope_x-1", b"Metadata-Version: 2.1\r\nName: Zope-X\r\nVersion: 1.0.post1\r\n\r\n")
    install(
        env,
        "liar-3",
        b"Name: liar\nVersion: 3\n\nVersion: 9\nName: told-in-the-description\n\xff\n",
    )
    assert env.versions() == {"liar": "3", "queue-library": "2.0", "zope-x": "1.0.post1"}
    assert list(env.versions()) == ["liar", "queue-library", "zope-x"]
    assert env.library_version == "2.0"


def test_an_environment_of_windows_is_read_alike(backend):
    env = environment(backend)
    install(env, "a-1", b"Name: a\nVersion: 1\n", where="Lib/site-packages")
    assert env.versions() == {"a": "1"}


def test_metadata_without_a_name_or_a_version_is_passed_over(backend):
    env = environment(backend)
    install(env, "broken-1", b"Name: broken\n")
    install(env, "empty-1", b"")
    assert env.versions() == {}


def test_an_environment_not_yet_made_holds_nothing(backend):
    env = environment(backend)
    assert (env.exists, env.versions(), env.library_version) == (False, {}, "")


# --- making ----------------------------------------------------------------------------------


@pytest.fixture
def uv(monkeypatch):
    """Stands in for uv: notes its commands and makes the interpreter's file."""
    calls = []

    def run(name, *arguments):
        calls.append(arguments)
        if arguments[0] == "venv":
            python = Environment(None, None, Path(arguments[-1])).python
            python.parent.mkdir(parents=True)
            python.write_text("")

    monkeypatch.setattr(environments, "uv_run", run)
    return calls


def test_making_installs_the_lock_with_hashes_and_nothing_else(backend, uv, cache):
    env = environment(backend)
    make(env)
    assert env.exists
    venv, install_command = uv
    assert venv[:4] == ("venv", "--relocatable", "--python", sys.executable)
    lock_path = str(backend.folder / "requirements.lock")
    assert install_command[-4:] == ("--require-hashes", "--no-deps", "-r", lock_path)
    assert [path.name for path in (cache / "environments").iterdir()] == [env.folder.name]


def test_of_what_two_locks_name_the_backends_version_is_installed_last(backend, extra, uv):
    make(environment(backend, extra=extra))
    _, beside, own = uv
    assert beside[-4:] == ("--require-hashes", "--no-deps", "-r", str(extra))
    assert own[-4:-1] == beside[-4:-1]
    assert own[-1] == str(backend.folder / "requirements.lock")


def test_making_a_pinned_one_constrains_the_requirements(backend, uv):
    env = environment(backend, "1.5.2")
    make(env)
    assert uv[1][-4:-1] == ("-r", str(backend.folder / "requirements.in"), "-c")
    pin = env.python.parent / "pin.txt"
    assert pin.read_text() == "Queue-Library==1.5.2\n"


def test_what_exists_is_not_made_again(backend, uv):
    make(environment(backend))
    uv.clear()
    make(environment(backend))
    assert uv == []


def test_what_another_process_made_meanwhile_is_taken(backend, uv, monkeypatch, cache):
    env = environment(backend)
    noted = environments.uv_run

    def run(name, *arguments):
        noted(name, *arguments)
        if arguments[0] == "pip":
            env.python.parent.mkdir(parents=True)
            env.python.write_text("another's")

    monkeypatch.setattr(environments, "uv_run", run)
    make(env)
    assert env.python.read_text() == "another's"
    assert [path.name for path in (cache / "environments").iterdir()] == [env.folder.name]


def test_a_failure_leaves_nothing_half_made(backend, monkeypatch, cache):
    def run(name, *arguments):
        if arguments[0] == "venv":
            Path(arguments[-1]).mkdir(parents=True)
        else:
            raise EnvironmentFailed("no network")

    monkeypatch.setattr(environments, "uv_run", run)
    with pytest.raises(EnvironmentFailed, match=r"^no network$"):
        make(environment(backend))
    assert list((cache / "environments").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_told_with_what_to_set(backend, cache):
    env = environment(backend)
    cache.write_text("a file")
    with pytest.raises(EnvironmentFailed, match="set TASK_QUEUE_BENCH_CACHE to a folder that can"):
        make(env)


def test_locking_writes_the_lock_of_the_requirements_with_hashes(backend, uv):
    lock(backend)
    (command,) = uv
    assert command[:2] == ("pip", "compile")
    assert "--generate-hashes" in command
    assert command[-3:] == (
        "--output-file",
        str(backend.folder / "requirements.lock"),
        str(backend.folder / "requirements.in"),
    )


def test_locking_what_microbenchmarks_need_writes_their_lock(uv):
    lock_micro()
    (command,) = uv
    assert "--generate-hashes" in command
    assert command[-3:] == ("--output-file", str(MICRO_LOCK), str(MICRO_LOCK.with_suffix(".in")))


# --- what uv says ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("", "no reason given"),
        ("Using CPython 3.12\n", "no reason given"),
        ("error: no space left\n", "error: no space left"),
        (
            "Using Python\n  \u00d7 Failed to fetch\n  ├─▶ request\n  ╰─▶ dns error\nhint: x\n",
            "Failed to fetch / dns error",
        ),
        ("x" * 1000, "x" * 300),
    ],
)
def test_what_uv_said_is_told_on_one_line(stderr, reason):
    assert environments._reason(stderr) == reason


def test_a_failing_uv_is_told_with_its_reason_and_what_to_do(backend, monkeypatch):
    done = SimpleNamespace(returncode=2, stderr="error: broken\n")
    seen = {}

    def run(command, **options):
        seen.update(options["env"])
        return done

    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere")
    monkeypatch.setattr(environments.subprocess, "run", run)
    with pytest.raises(EnvironmentFailed) as caught:
        environments.uv_run("queue@1.0", "venv", "x")
    assert str(caught.value) == (
        "cannot make the environment of queue@1.0: uv venv: error: broken"
        " - check the version, the network and the disk, then run the same command again"
    )
    assert seen["UV_PYTHON_DOWNLOADS"] == "never"
    assert "VIRTUAL_ENV" not in seen
