"""The two arms of the comparison: a drain as a run does it, and the library's plain program."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.doctor.costs import close
from bench.doctor.drain import Observer, Seen
from bench.plan.cells import LeasePlan
from bench.record.store import RunFolder
from bench.run.trial import run_trial
from bench.server.keyspace import Keyspace
from bench.server.redis_server import Server
from bench.system import processes
from bench.system.files import discard_tree
from bench.workers import logs
from bench.workers.environments import Environment
from bench.workers.lease import Lease
from bench.workers.logs import Logs
from bench.workers.producer import LeaseFailed, TrialTimeout, ended
from bench.workers.workers import PLAIN, Workers

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
            self.observer.start(lambda: self.workers.pids)
        super().start_workers(deadline)

    def ask(self, deadline: float, **command: Any) -> dict[str, Any]:
        # Fetching results is not part of a drain: the plain program fetches none.
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
    lease.observer = _observer(plan, lease.keys, place.scratch / lease.namespace)
    with lease.observer, lease:
        outcome = run_trial(lease, trial)
        if outcome.status != "ok":
            raise LeaseFailed(f"{outcome.status}: {outcome.reason}")
        return lease.see(time.monotonic() + TIMEOUT_S)


# --- without -----------------------------------------------------------------------------------


def plain(plan: LeasePlan, env: Environment, place: Place) -> Seen:
    """Drain as many tasks by the library's plain program: a user's, with nothing of ours in it.

    Raises:
        LeaseFailed: a process ended by itself.
        TrialTimeout: it did not end.
        TooFewPolls: it was too short to be seen.
    """
    (trial,) = plan.trials
    deadline = time.monotonic() + TIMEOUT_S
    name = f"{place.token}-{trial.number:04d}-{time.monotonic_ns() & 0xFFFF:04x}"
    with _ground(plan, name, place) as (keys, log_files):
        variables = plain_variables(plan, name, keys, place)
        with (
            _observer(plan, keys, place.scratch / name) as observer,
            _sent(env, variables, log_files, trial.cell.tasks, deadline),
            _workers(plan, env, variables, log_files) as workers,
        ):
            observer.start(lambda: workers.pids)
            workers.start()
            return observer.finish(deadline, workers.check_alive)


def plain_variables(plan: LeasePlan, name: str, keys: Keyspace, place: Place) -> dict[str, str]:
    """What the plain program's processes are told; the first two are for us to find them by."""
    return processes.clean_environment(
        {
            processes.TOKEN_VARIABLE: place.token,
            "BENCH_NAMESPACE": name,
            "REDIS_URL": keys.server.url,
            "CONCURRENCY": str(plan.concurrency),
            "SCRATCH": str(place.scratch / name),
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place.scratch)),
        }
    )


@contextlib.contextmanager
def _ground(plan: LeasePlan, name: str, place: Place) -> Iterator[tuple[Keyspace, Logs]]:
    """Keys and logs for the arm's processes; after it nothing of the arm is left."""
    scratch = place.scratch / name
    scratch.mkdir(parents=True)
    keys = Keyspace(place.server, name)
    log_files = Logs(scratch, place.server.url)
    try:
        with keys.server.client() as client:
            keys.prepare(client)
            yield keys, log_files
    finally:
        log_files.close()
        processes.kill_carrying(name, "BENCH_NAMESPACE")
        with keys.server.client() as client:
            keys.clear(client, plan.choice.backend)
        keys.release()
        discard_tree(scratch)


@contextlib.contextmanager
def _sent(
    env: Environment, variables: dict[str, str], log_files: Logs, tasks: int, deadline: float
) -> Iterator[None]:
    """A program that has sent so many tasks and stays connected."""
    process = processes.start(
        [env.python, "send.py", str(tasks)],
        env=variables | {"BENCH_ROLE": "producer"},
        cwd=env.backend.folder / PLAIN,
        log=log_files.open(logs.PRODUCER),
        stdin=subprocess.PIPE,
    )
    try:
        while f"sent {tasks}" not in log_files.read(logs.PRODUCER):
            if process.poll() is not None:
                raise ended("the plain sender", process.returncode)
            if time.monotonic() > deadline:
                raise TrialTimeout("the plain sender has not sent its tasks")
            time.sleep(0.02)
        yield
    finally:
        close(process)


@contextlib.contextmanager
def _workers(
    plan: LeasePlan, env: Environment, variables: dict[str, str], log_files: Logs
) -> Iterator[Workers]:
    """The plain program's workers, not yet started."""
    backend = plan.choice.backend
    workers = Workers(
        backend,
        plan.choice.variant,
        plan.concurrency,
        python=env.python,
        variables=variables,
        log_files=log_files,
        plain=True,
    )
    patience_s = 0.5
    try:
        yield workers
        patience_s = backend.stop_within_s
    finally:
        workers.stop(patience_s)


def _observer(plan: LeasePlan, keys: Keyspace, scratch: Path) -> Observer:
    tasks = plan.trials[0].cell.tasks
    return Observer(keys.server, plan.choice.backend, keys.namespace, scratch, tasks)
