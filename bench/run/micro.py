"""``bench micro``: pytest-benchmark inside each backend's own environment, variant by variant.

Two leases per variant. In the first nobody works the queue off, so that the enqueue calls are
timed alone; in the second a worker of concurrency 1 runs, for the round trips. In both the
benchmark process takes the producer's place.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import redis

from backends import Choice
from bench.analysis.tables import analyse
from bench.errors import RedisError
from bench.plan.cells import LeasePlan, file_name
from bench.record import lock
from bench.record.micro_files import FOLDER, tidy, write_merged
from bench.record.store import RunFolder, create_run, disk_errors, write_json, write_text
from bench.run.session import Ground, Options, ground, surroundings
from bench.server.redis_server import Server
from bench.system import processes
from bench.system.places import MICRO_LOCK, ROOT
from bench.workers import logs
from bench.workers.environments import Environment, environment
from bench.workers.lease import Lease
from bench.workers.producer import LeaseFailed, TrialTimeout
from bench.workers.workers import READY_WITHIN_S

#: Seconds of ``--max-time``: how long a benchmark shall measure.
MAX_TIME_S = 1.0

#: A benchmark process may take so long, and so many times ``--max-time``, before it is ended.
PATIENCE_S, PATIENCE_TIMES = 120.0, 30.0

_MODULE = MICRO_LOCK.with_suffix(".py")


def environments_of(choices: Sequence[Choice]) -> dict[str, Environment]:
    """By variant its backend's environment with pytest and pytest-benchmark added."""
    return {c.name: environment(c.backend, c.version, MICRO_LOCK) for c in choices}


#: The phases, as pytest mark expressions.
WITHOUT_WORKER, WITH_WORKER = "not worker", "worker"


class MicroLease(Lease):
    """A lease in which the benchmarks send, and not the usual producer."""

    def _start_producer(self) -> None:
        """Not this one: :meth:`benchmark` starts and ends a process of its own."""

    def benchmark(self, marked: str, max_time_s: float) -> tuple[dict[str, Any], str]:
        """Run the benchmarks that a pytest mark expression names.

        Returns:
            What pytest-benchmark wrote of those that ended well, and what is wrong with the rest.

        Raises:
            LeaseFailed: it wrote nothing, or a worker has ended.
            TrialTimeout: it did not end in time.
        """
        output = self.folder / "benchmark.json"
        process = processes.start(
            [self._env.python, *self._pytest(marked, max_time_s, output)],
            env=self._variables
            | {
                "BENCH_ROLE": "producer",
                "BENCH_CLIENT": f"backends.{self.backend.folder.name}.producer",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the libraries bring some of their own
                "COLUMNS": "300",  # or pytest cuts its reasons short
            },
            cwd=ROOT,
            log=self.logs.open(logs.PRODUCER),
        )
        try:
            self._await(process, PATIENCE_S + PATIENCE_TIMES * max_time_s)
        finally:
            processes.stop_all([process], 0.2)
        problem = _problem(self.logs.tail(), process.returncode)
        try:
            report: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise LeaseFailed(problem or "pytest-benchmark wrote nothing") from None
        return report, problem

    def _pytest(self, marked: str, max_time_s: float, output: Path) -> list[str]:
        """Its arguments. The settings of our own tests are not those of the benchmarks."""
        settings = self.folder / "pytest.ini"
        settings.write_text("[pytest]\nmarkers = worker: needs one\n", encoding="utf-8")
        return [
            *("-m", "pytest", str(_MODULE), "-c", str(settings), "--rootdir", str(ROOT)),
            *("-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider", "-m", marked),
            *("-q", "-rfE", "--tb=short", "--color=no", f"--benchmark-json={output}"),
            *(f"--benchmark-max-time={max_time_s}", "--benchmark-columns=min,median,iqr,rounds"),
        ]

    def _await(self, process: subprocess.Popen[bytes], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while True:
            try:
                process.wait(0.1)
                return
            except subprocess.TimeoutExpired:
                self.check_alive()
                if time.monotonic() > deadline:
                    raise TrialTimeout(f"no end of the benchmarks in {within_s:g} s") from None


def _problem(log: Sequence[str], code: int) -> str:
    """Why not all benchmarks ended well, in pytest's own words; empty if they did."""
    if code == 0:
        return ""
    failed: dict[str, list[str]] = {}
    for line in log:
        if line.startswith(("FAILED ", "ERROR ")):
            test, _, reason = line.partition("::")[2].partition(" - ")
            failed.setdefault(reason, []).append(test)
    told = "; ".join(f"{', '.join(tests)}: {reason}" for reason, tests in failed.items())
    return told or f"pytest's exit code was {code}"


class Observer(Protocol):
    """Is told how it goes."""

    def run_opened(self, run: RunFolder) -> None:
        """Figures will go to this folder."""

    def variant_started(self, variant: str) -> None:
        """A variant is about to be measured."""

    def variant_kept(self, variant: str) -> None:
        """What was measured of it, or why nothing was, is in its file."""


@dataclass(frozen=True)
class Micro:
    """What a call of ``bench micro`` was asked for.

    Attributes:
        into: an existing run that gets the figures; ``None`` for a run of their own.
    """

    choices: Sequence[Choice]
    options: Options
    max_time_s: float
    into: RunFolder | None
    observer: Observer


def measure(micro: Micro) -> RunFolder:
    """Run all variants' benchmarks, keeping each as it ends. The environments must exist.

    Raises:
        BenchError: the server or the folder cannot be used, or another process works on it.
        KeyboardInterrupt: interrupted; what has ended is kept.
    """
    environments = environments_of(micro.choices)
    with ExitStack() as held:
        if micro.into is not None:
            held.enter_context(lock.held(micro.into.path))
        place = held.enter_context(ground(micro.options, micro.choices))
        facts = _facts(micro, place.server, environments)
        run = micro.into or create_run(micro.options.out, FOLDER)
        if micro.into is None:
            held.enter_context(lock.held(run.path))
        status = "interrupted"
        with disk_errors(run.path):
            try:
                micro.observer.run_opened(run)
                if micro.into is None:
                    run.write_run(facts)
                (run.path / FOLDER).mkdir(exist_ok=True)
                _measure_all(micro, place, environments, run.path / FOLDER)
                status = "complete"
            except redis.RedisError as error:
                raise RedisError(
                    f"lost the Redis at {place.server.masked_url} ({error}): what was measured is "
                    f"kept in {run.path}; start the server and run again"
                ) from None
            finally:
                try:
                    _close(micro, run, facts | {"status": status})
                except KeyboardInterrupt:  # it comes once: what it cut short is done again
                    _close(micro, run, facts | {"status": "interrupted"})
                    raise
    return run


def _close(micro: Micro, run: RunFolder, facts: dict[str, Any]) -> None:
    """Merge what there is; of a run of its own also write how it ended."""
    (run.path / FOLDER).mkdir(exist_ok=True)
    write_merged(run.path / FOLDER)
    if micro.into is None:
        run.write_run(facts | {"ended_at": datetime.now(UTC).isoformat(timespec="seconds")})
        analyse(run)


def _measure_all(
    micro: Micro, place: Ground, environments: dict[str, Environment], target: Path
) -> None:
    numbers = itertools.count(1)  # a namespace has its lease's number: no two may meet
    for choice in micro.choices:
        micro.observer.variant_started(choice.name)
        env = environments[choice.name]
        name = file_name(choice.name)

        def lease(choice: Choice = choice, env: Environment = env, name: str = name) -> MicroLease:
            return MicroLease(
                LeasePlan(choice, concurrency=1, round=1),
                lease_id=f"micro-{next(numbers):04d}-{name}",
                run=RunFolder(place.scratch),
                server=place.server,
                env=env,
                token=place.token,
                scratch=place.scratch,
            )

        reports, problems, wrote = _measure_variant(lease, choice, micro.max_time_s)
        report = tidy(reports, choice.name, env.library_version, "; ".join(problems))
        write_json(target / f"{name}.json", report)
        write_text(target / f"{name}.log", wrote)
        micro.observer.variant_kept(choice.name)


def _facts(micro: Micro, server: Server, environments: dict[str, Environment]) -> dict[str, Any]:
    """``run.json`` of a run that has nothing but microbenchmarks."""
    return {
        "profile": FOLDER,
        "tuning": "aligned",
        "seed": 0,
        "baseline": "",
        **surroundings(micro.options, server, environments.values(), micro.choices),
        "cells": [],
        "planned_trials": 0,
    }


def _measure_variant(
    lease: Callable[[], MicroLease], choice: Choice, max_time_s: float
) -> tuple[list[dict[str, Any]], list[str], str]:
    """What pytest-benchmark wrote, what went wrong, and the logs. A failure is a result."""
    if reason := choice.variant.unsupported_reason():
        return [], [reason], ""
    reports, problems, wrote = [], [], ""
    for phase in (WITHOUT_WORKER, WITH_WORKER):
        if phase == WITH_WORKER and not choice.backend.capabilities_of(choice.variant).results:
            continue
        current = lease()
        try:
            with current:
                if phase == WITH_WORKER:
                    current.start_workers(time.monotonic() + READY_WITHIN_S)
                report, problem = current.benchmark(phase, max_time_s)
            reports.append(report)
        except (LeaseFailed, TrialTimeout) as error:
            problem = str(error)
        problems += [problem] if problem else []
        # Passwords are masked once it has ended.
        wrote += current.logs.all()
    return reports, problems, wrote
