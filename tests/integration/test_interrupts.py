"""Ctrl-C, kill and dying workers: nothing is left behind, and what was finished is kept.

Every run is a real ``python -m bench run`` with its own temporary folder; its processes are found
by the token in their environment.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis
from support import (
    Bench,
    Done,
    bench_process,
    files_with,
    redis_with_password,
    run_folders,
    wait_until,
    write_profile,
)

from bench.record.store import RunFolder
from bench.system import processes

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
]

#: Starts workers at once, then lasts: 3 rounds of a short drain and a long wait.
LASTING = (
    'scenario = "add"; load = "drain"; tasks = 20',
    'scenario = "add"; load = "closed"; for_s = 1.5',
)


class Place:
    """A folder for one run: profile, results and temporary files."""

    def __init__(self, folder: Path, variants: str, *cells: str, rounds: int = 3) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.tmp = folder / "tmp"
        self.tmp.mkdir()
        keys = {"concurrency": [2], "rounds": rounds}
        self.profile = write_profile(folder / "tiny.toml", *cells, variants=variants, **keys)

    def start(self, *arguments: str) -> Bench:
        """A context manager that starts the run."""
        return bench_process(
            *("run", self.profile, "--out", self.results, *arguments),
            cwd=self.folder,
            TMPDIR=str(self.tmp),
        )

    def run(self) -> RunFolder | None:
        folders = run_folders(self.results)
        assert len(folders) <= 1
        return folders[0] if folders else None

    def finished(self) -> list[str]:
        """Names of the trials that have been recorded."""
        run = self.run()
        return sorted(path.name for path in run.trials.glob("*.json")) if run else []

    def assert_nothing_left(self, token: str) -> None:
        """No process of the run, the server among them, and no temporary file."""
        assert [p.cmdline() for p in processes.carrying(token)] == []
        assert [p.cmdline() for p in processes.working_in(self.tmp)] == []
        assert [p for p in _guards() if token in p] == []
        assert [path.name for path in self.tmp.iterdir()] == []

    def assert_kept(self, finished: list[str]) -> None:
        """The finished trials and the reports of them are there, and no half-written file."""
        run = self.run()
        assert run is not None
        assert set(finished) <= set(self.finished())
        assert run.read_run()["status"] == "interrupted"
        for name in ("report.md", "summary.csv", "rounds.csv", "verdicts.csv"):
            assert (run.path / name).is_file(), name
        assert list(run.path.rglob("*.tmp")) == []
        for lease in run.leases.iterdir():
            assert {path.name for path in lease.iterdir()} >= {"lease.json", "events.parquet"}
            facts = json.loads((lease / "lease.json").read_text(encoding="utf-8"))
            assert facts["keys_left"] == []


def _guards() -> list[list[str]]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "bench.run.guard" in command:
            found.append(command)
    return found


def _assert_interrupted(done: Done) -> None:
    assert done.code == 130, done.all
    assert "Traceback" not in done.all


@pytest.mark.parametrize(
    ("variant", "number"),
    [
        ("celery:prefork", signal.SIGINT),
        pytest.param("celery:prefork", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("fake:honest", signal.SIGINT, marks=pytest.mark.slow),
        ("fake:honest", signal.SIGHUP),
        # Its workers ignore every request to stop.
        ("fake:lingers", signal.SIGINT),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else value,
)
def test_interrupt_in_the_middle(
    tmp_path: Path,
    server_program: Path,
    made_environments: Callable[..., None],
    variant: str,
    number: signal.Signals,
) -> None:
    made_environments(variant)
    place = Place(tmp_path, variant, *LASTING)
    with place.start() as bench:
        token = bench.token()
        wait_until(place.finished, "a trial is finished")
        finished = place.finished()
        bench.signal(number)
        done = bench.end()
    _assert_interrupted(done)
    place.assert_nothing_left(token)
    place.assert_kept(finished)
    assert "trials are kept in" in done.err


def test_second_interrupt_does_not_cut_the_cleaning_short(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None]
) -> None:
    made_environments("celery:prefork")
    place = Place(tmp_path, "celery:prefork", *LASTING)
    with place.start() as bench:
        token = bench.token()
        finished = wait_until(place.finished, "a trial is finished")
        bench.signal(signal.SIGINT)
        wait_until(lambda: not bench.members("worker"), "it has begun to stop")
        for _ in range(3):
            bench.signal(signal.SIGINT)
        done = bench.end()
    _assert_interrupted(done)
    place.assert_nothing_left(token)
    place.assert_kept(finished)


def test_interrupt_while_a_lease_stops(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None]
) -> None:
    """The keys in a Redis that is not ours, and a password in a log, must not stay."""
    made_environments("fake:leaky-log", "dramatiq")
    place = Place(tmp_path, "dramatiq", 'scenario = "add"; load = "closed"; for_s = 0.2', rounds=2)
    with redis_with_password("s3cretword", tmp_path / "server") as port:
        url = f"redis://:s3cretword@127.0.0.1:{port}/0"
        with place.start("--redis-url", url) as bench:
            token = bench.token()
            wait_until(lambda: bench.members("worker"), "the worker runs")
            (producer,) = bench.members("producer")
            wait_until(place.finished, "the lease's only trial is finished")
            # dramatiq takes over 2 s to stop, and the producer is told to go first. That of the
            # next lease may be there already.
            wait_until(lambda: producer not in bench.members("producer"), "the lease is stopping")
            assert bench.members("worker")
            bench.signal(signal.SIGINT)
            done = bench.end()
        _assert_interrupted(done)
        place.assert_nothing_left(token)
        place.assert_kept(place.finished())
        import redis

        with redis.Redis.from_url(url) as client:
            assert client.keys() == []
    assert files_with(place.results, "s3cretword") == []


def _importing(bench: Bench, place: Place) -> bool:
    return "numpy" in _maps(bench.process.pid)


def _maps(pid: int) -> str:
    try:
        return " ".join(m.path for m in psutil.Process(pid).memory_maps())
    except psutil.Error:
        return ""


STARTING = {
    "imports": _importing,
    "guard": lambda bench, place: [c for c in _guards() if str(place.tmp) in " ".join(c)],
    "server": lambda bench, place: processes.tree(bench.process.pid)[1:] and bench._find_token(),
    "run folder": lambda bench, place: place.run() is not None,
    "producer": lambda bench, place: bench.members("producer"),
    "worker": lambda bench, place: bench.members("worker"),
}


@pytest.mark.parametrize("moment", STARTING)
def test_interrupt_during_the_start(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None], moment: str
) -> None:
    if moment == "imports" and not Path("/proc/self/maps").exists():
        pytest.skip("needs /proc to see how far the imports are")
    made_environments("celery:prefork")
    place = Place(tmp_path, "celery:prefork", *LASTING)
    with place.start() as bench:
        wait_until(lambda: STARTING[moment](bench, place), moment)
        mine = processes.tree(bench.process.pid)[1:]
        bench.signal(signal.SIGINT)
        done = bench.end()
    _assert_interrupted(done)
    wait_until(lambda: not any(_alive(child) for child in mine), "its children are gone")
    assert [p.cmdline() for p in processes.working_in(place.tmp)] == []
    assert [path.name for path in place.tmp.iterdir()] == []
    if (run := place.run()) is not None:
        assert run.read_run()["status"] == "interrupted"
        assert (run.path / "report.md").is_file()


@pytest.mark.parametrize("variant", ["celery:prefork", "rq:fork", "fake:lingers"])
def test_killed_harness_leaves_nothing_running(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None], variant: str
) -> None:
    made_environments(variant)
    place = Place(tmp_path, variant, *LASTING)
    with place.start() as bench:
        token = bench.token()
        finished = wait_until(place.finished, "a trial is finished")
        assert processes.carrying(token)
        bench.signal(signal.SIGKILL)
        assert bench.end().code == -signal.SIGKILL
        wait_until(lambda: not any(token in c for c in _guards()), "the guard is gone")
    place.assert_nothing_left(token)
    assert set(finished) <= set(place.finished())


def test_killed_harness_during_the_start(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None]
) -> None:
    made_environments("celery:prefork")
    place = Place(tmp_path, "celery:prefork", *LASTING)
    with place.start() as bench:
        token = bench.token()  # of the server: it is the first
        bench.signal(signal.SIGKILL)
        bench.end()
        wait_until(lambda: not any(token in c for c in _guards()), "the guard is gone")
    place.assert_nothing_left(token)


@pytest.mark.parametrize("variant", ["celery:threads", "rq:simple"])
def test_killed_harness_leaves_no_key_on_a_server_that_is_not_its_own(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None], variant: str
) -> None:
    made_environments(variant)
    place = Place(tmp_path, variant, *LASTING)
    with redis_with_password("p4ss", tmp_path / "server") as port:
        client = redis.Redis("127.0.0.1", port, password="p4ss")
        client.set("somebody's", "value")
        with place.start("--redis-url", f"redis://:p4ss@127.0.0.1:{port}/0") as bench:
            token = bench.token()
            wait_until(place.finished, "a trial is finished")
            assert client.dbsize() > 1
            bench.signal(signal.SIGKILL)
            bench.end()
            wait_until(lambda: not any(token in c for c in _guards()), "the guard is gone")
        assert client.keys("*") == [b"somebody's"]
        client.close()
    place.assert_nothing_left(token)


@pytest.mark.parametrize(
    ("variant", "whole_tree"),
    [("celery:threads", False), ("celery:prefork", False), ("celery:prefork", True)],
)
def test_killed_worker_fails_one_trial(
    tmp_path: Path,
    server_program: Path,
    made_environments: Callable[..., None],
    variant: str,
    whole_tree: bool,
) -> None:
    made_environments(variant)
    place = Place(
        tmp_path,
        variant,
        'scenario = "add"; load = "drain"; tasks = 400; service_s = 0.05',
        'scenario = "add"; load = "closed"; for_s = 0.3; service_s = 0.05',
        rounds=1,
    )
    with place.start() as bench:
        token = bench.token()
        recorded = place.results.glob
        wait_until(
            lambda: [p for p in recorded("*/leases/*/events/worker-*") if p.stat().st_size > 200],
            "the worker works",
        )
        (main,) = [p for p in bench.members("worker") if p.ppid() == bench.process.pid]
        victims = [main, *main.children(recursive=True)] if whole_tree else [main]
        children = main.children(recursive=True)
        assert bool(children) == (variant == "celery:prefork")
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):  # children end when theirs is gone
                victim.kill()
        done = bench.end()
    assert done.code == 1, done.all
    assert "Traceback" not in done.all
    run = place.run()
    assert run is not None
    first, second = sorted(run.read_trials(), key=lambda trial: trial["started_at"])
    assert (first["status"], second["status"]) == ("failed", "ok")
    assert first["reason"] == "the worker ended by itself with signal 9"
    assert first["log_tail"]
    assert first["lease_id"] != second["lease_id"]
    assert not any(_alive(child) for child in children)
    place.assert_nothing_left(token)
    lease = json.loads((run.leases / first["lease_id"] / "lease.json").read_text(encoding="utf-8"))
    assert lease["exit_codes"] == [-9]
    assert lease["keys_left"] == []


@pytest.mark.parametrize("variant", ["arq", pytest.param("fake:honest", marks=pytest.mark.slow)])
def test_killed_server_ends_the_run(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None], variant: str
) -> None:
    made_environments(variant)
    place = Place(tmp_path, variant, *LASTING)
    with place.start() as bench:
        token = bench.token()
        finished = wait_until(place.finished, "a trial is finished")
        (server,) = processes.working_in(place.tmp)
        server.kill()
        done = bench.end()
    assert done.code == 2, done.all
    assert "Traceback" not in done.all
    assert done.err.splitlines()[-1].startswith("bench: lost the Redis at redis://:***@127.0.0.1:")
    place.assert_nothing_left(token)
    run = place.run()
    assert run is not None
    assert set(finished) <= set(place.finished())
    assert run.read_run()["status"] == "interrupted"


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)]
)
def test_a_run_that_is_to_ignore_a_signal_is_ended_by_sigterm(
    tmp_path: Path, server_program: Path, number: signal.Signals
) -> None:
    """A script's ``bench run &`` ignores SIGINT, ``nohup bench run`` SIGHUP, imports included."""
    place = Place(tmp_path, "fake:honest", *LASTING)
    ignore = f'trap "" {number.name.removeprefix("SIG")}; exec "$@"'
    bench = Bench("run", place.profile, "--out", place.results, cwd=tmp_path, before=ignore)
    try:
        token = bench.token()
        bench.signal(number)
        wait_until(place.finished, "a trial is finished")
        bench.signal(number)
        count = len(place.finished())
        wait_until(lambda: len(place.finished()) > count, "it goes on")
        bench.signal(signal.SIGTERM)
        done = bench.end()
    finally:
        bench.process.kill()
    _assert_interrupted(done)
    place.assert_nothing_left(token)
