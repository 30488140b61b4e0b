"""The harness itself on a Windows CPython: its commands, a run, and what is left when it is killed.

Skipped where there is none; ``BENCH_TEST_WINE`` names it, see ``tests/wine_python.py``.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
import wine_python
from support import Done, run_bench, run_folders, wait_until, write_profile

from bench.record.store import RunFolder
from bench.server.redis_server import Server

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(bool(wine_python.why_not()), reason=wine_python.why_not()),
]

#: The making of environments, and Wine on a busy machine: a run of 40 s has taken 160 s.
WITHIN_S = 300.0

DRAIN = 'scenario = "add"; load = "drain"; tasks = 40'
CLOSED = 'scenario = "add"; load = "closed"; for_s = 1.0'


#: ``python -m bench``, which first says that the interpreter has come so far.
BEGUN = "begun"
PROGRAM = (
    f"import os, runpy; os.write(1, b'{BEGUN} '); "
    "runpy.run_module('bench', run_name='__main__', alter_sys=True)"
)


@dataclass
class Windows:
    """What commands are typed on."""

    prefix: dict[str, str]

    def started(
        self, *arguments: str, **more: str
    ) -> AbstractContextManager[subprocess.Popen[str]]:
        return wine_python.started("-c", PROGRAM, *arguments, **self.prefix, **more)

    def bench(self, *arguments: str, **more: str) -> Done:
        """Run a command to its end.

        Once, in a prefix that other sessions used and ended, a start gave code 0 and no output. In
        one of their own 150 starts of the harness and 500 of the interpreter, up to four at once on
        a busy machine, gave all of theirs. Should one not, this tells whose it is: a program that
        the interpreter did not come to is Wine's loss, and is started again; a harness that began
        and says nothing is ours, and fails.
        """
        for _ in range(2):
            with self.started(*arguments, **more) as process:
                out, _ = process.communicate(timeout=WITHIN_S)
            if out.startswith(BEGUN):
                break
        assert out.startswith(BEGUN), (process.returncode, out)
        return Done(process.returncode, out.removeprefix(f"{BEGUN} "), "")


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    with wine_python.own_prefix(tmp_path_factory.mktemp("windows")) as prefix:
        yield Windows(prefix)


@pytest.mark.parametrize("encoding", ["cp1251", "cp866"])
def test_what_there_is_is_listed_on_any_console(windows: Windows, encoding: str) -> None:
    done = windows.bench("list", "backends", "--json", PYTHONIOENCODING=encoding)
    assert done.code == 0, done.out
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert rows["celery:solo"]["here"] == "yes"
    assert rows["celery:prefork"]["here"].startswith("no: its workers start, but no task is done")
    table = windows.bench("list", "backends", PYTHONIOENCODING=encoding)
    assert table.code == 0, table.out
    assert "celery:threads" in table.out


def test_the_doctor_says_how_to_get_a_server_and_who_plays_windows(windows: Windows) -> None:
    done = windows.bench("doctor", COLUMNS="400")
    assert "Redis server" in done.out
    assert "Traceback" not in done.out
    told = " ".join(done.out.split())
    assert "winget install Memurai.MemuraiDeveloper" in told or "runs here: --redis-url" in told


@dataclass
class Run:
    folder: RunFolder
    done: Done


@pytest.fixture(scope="module")
def run(windows: Windows, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """solo and threads on Windows, its results where the path has a space and other letters."""
    home = tmp_path_factory.mktemp("wine") / "Мои прогоны 1"
    home.mkdir()
    profile = write_profile(
        home / "small.toml", DRAIN, CLOSED, variants="celery:solo celery:threads", concurrency="[2]"
    )
    out = home / "results"
    done = windows.bench(
        *("run", wine_python.windows_path(profile), "--out", wine_python.windows_path(out)),
        REDIS_URL=server.url,
    )
    assert done.code in (0, 1), done.out
    (folder,) = run_folders(out)
    return Run(folder, done)


def test_a_run_is_complete(run: Run) -> None:
    assert run.done.code == 0, run.done.out
    assert [trial["status"] for trial in run.folder.read_trials()] == ["ok"] * 4, run.done.out
    facts = run.folder.read_run()
    assert facts["status"] == "complete"
    assert facts["baseline"] == "celery:solo"
    assert "Windows" in facts["host"]["os"]
    assert "(Wine " in facts["host"]["os"]


def test_its_workers_were_asked_by_their_librarys_own_command(run: Run) -> None:
    """Wine sends no Ctrl-Break, and on Windows that would end them with all that they do."""
    leases = {lease["variant"]: lease for lease in run.folder.read_leases()}
    assert set(leases) == {"celery:solo", "celery:threads"}
    for lease in leases.values():
        assert lease["stopped"] == "gracefully", lease
        assert set(lease["exit_codes"]) == {0}
        assert (lease["abnormal_stops"], lease["stragglers"], lease["keys_left"]) == ([], 0, [])
    assert len(leases["celery:solo"]["exit_codes"]) == 2


def test_its_report_is_made_there_and_here(windows: Windows, run: Run) -> None:
    there = windows.bench("report", wine_python.windows_path(run.folder.path))
    assert there.code == 0, there.out
    assert "celery:threads" in there.out
    here = run_bench("report", run.folder.path, cwd=run.folder.path.parent)
    assert here.code == 0, here.err
    assert "celery:threads" in (run.folder.path / "report.md").read_text(encoding="utf-8")


def test_when_it_is_killed_its_guard_ends_what_it_started(
    windows: Windows, server: Server, tmp_path: Path
) -> None:
    profile = write_profile(
        tmp_path / "long.toml",
        'scenario = "add"; load = "drain"; tasks = 100; service_s = 5.0',
        variants="celery:threads",
        concurrency="[2]",
        trial_timeout_s=120.0,
    )
    out = tmp_path / "results"
    arguments = [wine_python.windows_path(profile), "--out", wine_python.windows_path(out)]
    with (
        server.client() as client,
        windows.started("run", *arguments, REDIS_URL=server.url) as harness,
    ):
        before = _clients(client)
        wait_until(lambda: list(out.glob("*/leases/*/events/worker-*")), "tasks run", WITHIN_S)
        (folder,) = run_folders(out)
        token = folder.read_run()["token"]
        assert len(_clients(client) - before) > 2
        assert list(client.scan_iter(match=f"*{token}*", count=1000))
        harness.send_signal(signal.SIGKILL)
        harness.wait(20)
        wait_until(lambda: not _clients(client) - before, "nobody is connected any more", 60)
        wait_until(
            lambda: not list(client.scan_iter(match=f"*{token}*", count=1000)), "no key is left", 60
        )


def _clients(client: redis.Redis) -> set[str]:
    return {connection["id"] for connection in client.client_list()}
