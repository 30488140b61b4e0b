"""The harness itself on a Windows CPython: its commands, a run, and what is left when it is killed.

Skipped where there is none; ``BENCH_TEST_WINE`` names it, see ``tests/wine_python.py``.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
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


@pytest.fixture(autouse=True, scope="module")
def awake() -> Iterator[None]:
    """One program that stays: each further one then starts ten times as fast."""
    with wine_python.started("-c", "print(1, flush=True); import time; time.sleep(900)") as idle:
        assert idle.stdout is not None
        idle.stdout.readline()
        yield


def bench(*arguments: str, **more: str) -> Done:
    # Seen once in some thirty starts on a busy machine: code 0, and nothing of what was written.
    for _ in range(2):
        with wine_python.started("-m", "bench", *arguments, **more) as process:
            out, _ = process.communicate(timeout=WITHIN_S)
            if out or process.returncode:
                break
    return Done(process.returncode, out, "")


@pytest.mark.parametrize("encoding", ["cp1251", "cp866"])
def test_what_there_is_is_listed_on_any_console(encoding: str) -> None:
    done = bench("list", "backends", "--json", PYTHONIOENCODING=encoding)
    assert done.code == 0, done.out
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert rows["celery:solo"]["here"] == "yes"
    assert rows["celery:prefork"]["here"].startswith("no: its workers start, but no task is done")
    table = bench("list", "backends", PYTHONIOENCODING=encoding)
    assert table.code == 0, table.out
    assert "celery:threads" in table.out


def test_the_doctor_says_how_to_get_a_server_and_who_plays_windows() -> None:
    done = bench("doctor", COLUMNS="400")
    assert "Redis server" in done.out
    assert "Traceback" not in done.out
    told = " ".join(done.out.split())
    assert "winget install Memurai.MemuraiDeveloper" in told or "runs here: --redis-url" in told


@dataclass
class Run:
    folder: RunFolder
    done: Done


@pytest.fixture(scope="module")
def run(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """solo and threads on Windows, its results where the path has a space and other letters."""
    home = tmp_path_factory.mktemp("wine") / "Мои прогоны 1"
    home.mkdir()
    profile = write_profile(
        home / "small.toml", DRAIN, CLOSED, variants="celery:solo celery:threads", concurrency="[2]"
    )
    out = home / "results"
    done = bench(
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


def test_its_report_is_made_there_and_here(run: Run) -> None:
    there = bench("report", wine_python.windows_path(run.folder.path))
    assert there.code == 0, there.out
    assert "celery:threads" in there.out
    here = run_bench("report", run.folder.path, cwd=run.folder.path.parent)
    assert here.code == 0, here.err
    assert "celery:threads" in (run.folder.path / "report.md").read_text(encoding="utf-8")


def test_when_it_is_killed_its_guard_ends_what_it_started(server: Server, tmp_path: Path) -> None:
    profile = write_profile(
        tmp_path / "long.toml",
        'scenario = "add"; load = "drain"; tasks = 100; service_s = 5.0',
        variants="celery:threads",
        concurrency="[2]",
        trial_timeout_s=120.0,
    )
    out = tmp_path / "results"
    arguments = [wine_python.windows_path(profile), "--out", wine_python.windows_path(out)]
    more = {"REDIS_URL": server.url}
    with (
        server.client() as client,
        wine_python.started("-m", "bench", "run", *arguments, **more) as harness,
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
