"""The two arms of the comparison: a drain as a run does it, and the same drain with nothing."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.spec import Backend
from bench.doctor.costs import close
from bench.doctor.drain import Observer, Seen
from bench.plan.cells import LeasePlan
from bench.record.store import RunFolder
from bench.run.items import wire
from bench.run.trial import run_trial
from bench.server.redis_server import Server
from bench.system import processes
from bench.system.places import ROOT
from bench.workers import logs
from bench.workers.environments import Environment
from bench.workers.lease import Lease
from bench.workers.logs import Logs
from bench.workers.producer import LeaseFailed, Producer
from bench.workers.workers import Workers

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Place:
    """Where the arms run.

    Attributes:
        token: the run's, carried by every process.
        scratch: may be removed after the run.
        folder: where the harness writes as in a run.
    """

    token: str
    scratch: Path
    server: Server
    folder: RunFolder


# --- with the harness -------------------------------------------------------------------------


class _Observed(Lease):
    """A lease that tells the observer when the workers start and when the work is done."""

    observer: Observer
    seen: Seen | None = None

    def start_workers(self, deadline: float) -> None:
        if not self.ready:
            self.observer.start()
        super().start_workers(deadline)

    def ask(self, deadline: float, **command: Any) -> dict[str, Any]:
        # Fetching results is not part of a drain: the bare arm fetches none.
        if command["op"] == "collect":
            self.see(deadline)
        return super().ask(deadline, **command)

    def see(self, deadline: float) -> Seen:
        """What the observer has seen of the drain."""
        if self.seen is None:
            self.seen = self.observer.finish(deadline, self.check_alive)
        return self.seen


def with_harness(plan: LeasePlan, env: Environment, place: Place) -> Seen:
    """Run the plan's one drain trial as a run does, recording included.

    Raises:
        LeaseFailed: the trial is not ok.
        TrialTimeout: it did not end.
        TooFewPolls: it was too short to be seen.
    """
    (trial,) = plan.trials
    lease = _Observed(
        plan,
        lease_id=plan.id,
        run=place.folder,
        server=place.server,
        env=env,
        token=place.token,
        scratch=place.scratch,
    )
    lease.observer = _observer(plan, lease.namespace, place)
    with lease.observer, lease:
        outcome = run_trial(lease, trial, TIMEOUT_S)
        if outcome.status != "ok":
            raise LeaseFailed(f"{outcome.status}: {outcome.reason}")
        return lease.see(time.monotonic() + TIMEOUT_S)


# --- with nothing -----------------------------------------------------------------------------


def bare(plan: LeasePlan, env: Environment, place: Place) -> Seen:
    """Drain the same tasks by the same worker command, sent by a bare loop; nothing is recorded.

    Raises:
        LeaseFailed: a process ended by itself.
        TrialTimeout: it did not end.
        TooFewPolls: it was too short to be seen.
    """
    (trial,) = plan.trials
    deadline = time.monotonic() + TIMEOUT_S
    namespace = f"{place.token}-{trial.number:04d}-{time.monotonic_ns() & 0xFFFF:04x}"
    variables = bare_variables(plan, namespace, place)
    with (
        _observer(plan, namespace, place) as observer,
        _gone_after(plan, namespace, place) as log_files,
        _sender(env, variables, log_files) as sender,
    ):
        sender.await_ready(deadline)
        sender.ask(deadline, items=wire(trial.cell.items(trial.number)))
        observer.start()
        with _workers(plan, env, variables, log_files) as workers:
            return observer.finish(deadline, workers.check_alive)


def bare_variables(plan: LeasePlan, namespace: str, place: Place) -> dict[str, str]:
    """The environment of a lease's processes, without a folder for events."""
    return processes.clean_environment(
        {
            processes.TOKEN_VARIABLE: place.token,
            "BENCH_NAMESPACE": namespace,
            "BENCH_VARIANT": plan.choice.variant.name,
            "BENCH_CONCURRENCY": str(plan.concurrency),
            "BENCH_SCRATCH": str(place.scratch / namespace),
            "BENCH_SETTINGS": json.dumps(plan.settings),
            "BENCH_REDIS_URL": place.server.url,
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place.scratch)),
        }
    )


@contextlib.contextmanager
def _gone_after(plan: LeasePlan, namespace: str, place: Place) -> Iterator[Logs]:
    """Logs for the arm's processes; after it no process, key or file of the arm is left."""
    scratch = place.scratch / namespace
    scratch.mkdir(parents=True)
    backend: Backend = plan.choice.backend
    log_files = Logs(scratch, place.server.url)
    try:
        yield log_files
    finally:
        log_files.close()
        processes.kill_carrying(namespace, "BENCH_NAMESPACE")
        with place.server.client() as client:
            backend.sweep(client, namespace)
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _sender(env: Environment, variables: dict[str, str], log_files: Logs) -> Iterator[Producer]:
    process = processes.start(
        [env.python, "-m", "backends.kit.bare", f"backends.{env.backend.folder.name}.producer"],
        env=variables | {"BENCH_ROLE": "producer"},
        cwd=ROOT,
        log=log_files.open(logs.PRODUCER),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Producer(process)
    finally:
        close(process)


@contextlib.contextmanager
def _workers(
    plan: LeasePlan, env: Environment, variables: dict[str, str], log_files: Logs
) -> Iterator[Workers]:
    backend = plan.choice.backend
    workers = Workers(
        backend,
        plan.choice.variant,
        plan.concurrency,
        python=env.python,
        variables=variables,
        log_files=log_files,
    )
    patience_s = 0.5
    try:
        workers.start()
        yield workers
        patience_s = backend.stop_within_s
    finally:
        workers.stop(patience_s)


def _observer(plan: LeasePlan, namespace: str, place: Place) -> Observer:
    tasks = plan.trials[0].cell.tasks
    scratch = place.scratch / namespace
    return Observer(place.server, plan.choice.backend, namespace, scratch, tasks)
