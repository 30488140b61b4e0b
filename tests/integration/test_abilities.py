"""Abilities in a run, and the errors of real workers that a backend explains."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import bench_process, run_bench, run_folders, wait_until, write_profile

from backends import choose
from backends.spec import Backend
from bench.measure.abilities import answered
from bench.record.store import RunFolder
from bench.run.abilities import Prober
from bench.run.probes import Probing
from bench.server.redis_server import Server
from bench.system import processes
from bench.workers.environments import Environment
from bench.workers.logs import Logs
from bench.workers.workers import Workers

pytestmark = pytest.mark.integration

CELL = 'scenario = "add"; load = "drain"; tasks = 20'
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


def profile(folder: Path) -> Path:
    keys = {"baseline": '"celery:solo"', "concurrency": [1], "abilities": '["graceful_stop"]'}
    return write_profile(folder / "able.toml", CELL, variants="celery:solo dramatiq", **keys)


@POSIX
@pytest.mark.slow
def test_a_run_that_is_interrupted_while_it_probes_goes_on_with_what_is_left(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None]
) -> None:
    made_environments("celery:solo", "dramatiq")
    results = tmp_path / "results"
    with bench_process("run", profile(tmp_path), "--out", results, cwd=tmp_path) as bench:
        token = bench.token()
        kept = wait_until(lambda: list(results.glob("*/abilities/*.json")), "one is probed")
        wait_until(lambda: bench.members("worker"), "the next one is being probed")
        bench.signal(signal.SIGINT)
        done = bench.end()
    assert done.code == 130, done.all
    assert processes.carrying(token) == []
    assert [path.name for path in kept] == ["celery-solo.json"]
    (run,) = run_folders(results)
    assert run.read_run()["status"] == "interrupted"
    assert sorted(path.name for path in run.path.glob("abilities/*")) == ["celery-solo.json"]
    before = kept[0].read_bytes()

    done = run_bench("run", "--resume", run.path, cwd=tmp_path)
    assert done.code == 0, done.all
    assert kept[0].read_bytes() == before
    assert run.read_run()["status"] == "complete"
    report = " ".join((run.path / "report.md").read_text(encoding="utf-8").split())
    assert "## What they can do" in report
    assert "| graceful stop | yes: it finished its 1.5 s, then the worker ended |" in report
    other = json.loads((run.path / "abilities" / "dramatiq.json").read_text(encoding="utf-8"))
    assert other["probes"]["graceful_stop"]["stopped"]["how"] == "gracefully"


def test_what_needs_a_worker_that_is_not_there_is_unknown_with_its_reason(
    tmp_path: Path,
    server: Server,
    token: str,
    environment_of: Callable[[Backend], Environment],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And a known error in the worker's log is explained beside it."""
    (choice,) = choose("celery:solo")
    monkeypatch.setattr("bench.run.probes.PATIENCE_S", 3.0)
    prober = Prober(
        RunFolder(tmp_path),
        server,
        {choice.name: environment_of(choice.backend)},
        wanted=("graceful_stop",),
        token=token,
        scratch=tmp_path,
    )
    kind = type("Kind", (), {"settings": {}, "ends": True, "probe": _hold})
    monkeypatch.setattr("bench.run.abilities.KINDS", {"graceful_stop": kind})
    facts = prober.probe(choice)["graceful_stop"]
    # Without its setting the worker does not know the probes' tasks.
    assert facts["problem"].startswith("a task was not started (the worker has not imported the")
    assert answered("graceful_stop", facts) == (None, facts["problem"])


def _hold(probing: Probing, _: object) -> None:
    probing.hold(1, 0.0)
    probing.started(1)


def test_a_worker_without_a_server_is_explained(
    tmp_path: Path, environment_of: Callable[[Backend], Environment]
) -> None:
    (choice,) = choose("celery:threads")
    url = "redis://127.0.0.1:1/0"  # nobody listens on the first of all ports
    variables = {
        "BENCH_REDIS_URL": url,
        "BENCH_OWN_DATABASE": "1",
        "BENCH_CONCURRENCY": "1",
        "BENCH_NAMESPACE": "none",
    }
    log_files = Logs(tmp_path, url)
    workers = Workers(
        choice.backend,
        choice.variant,
        1,
        python=environment_of(choice.backend).python,
        variables=processes.clean_environment(variables),
        log_files=log_files,
    )
    workers.start()
    try:
        told = wait_until(lambda: choice.backend.explained(log_files.all()), "it is explained")
    finally:
        workers.stop(0)
        log_files.close()
    assert told.startswith("the worker finds no Redis at the broker's URL")
