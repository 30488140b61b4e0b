"""A lease: a variant's workers and their producer at one setting, from start to graceful stop."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from backends.kit import events
from bench.plan.cells import LeasePlan
from bench.record import store
from bench.record.events import Tail, read_raw, write_parquet
from bench.server.keyspace import Keyspace
from bench.server.redis_server import Server
from bench.system import processes
from bench.system.files import discard_tree, remove_tree
from bench.system.places import ROOT
from bench.workers import bot_api, logs
from bench.workers.environments import Environment
from bench.workers.logs import Logs
from bench.workers.meter import Meter
from bench.workers.producer import LeaseFailed, Producer
from bench.workers.workers import IN_HASTE_S, READY_WITHIN_S, Probe, Workers, facts

#: Between two looks at the workers' memory while a trial runs.
SAMPLE_EVERY_S = 0.5


class Lease:
    """Use as a context manager: whatever happens inside, its processes and keys are gone after.

    Args:
        plan: variant, concurrency and worker settings.
        lease_id: its folder's name.
        run: the run it belongs to.
        server: the one Redis.
        env: the backend's environment.
        token: the run's token, carried by every process.
        scratch: a folder that may be removed after the run.
    """

    #: What asks the workers for something: a program of the kit, and a backend's module for it.
    PRODUCER = ("backends.kit.producer", "producer")

    def __init__(
        self,
        plan: LeasePlan,
        *,
        lease_id: str,
        run: store.RunFolder,
        server: Server,
        env: Environment,
        token: str,
        scratch: Path,
    ) -> None:
        self.id = lease_id
        self.plan = plan
        self.backend = plan.choice.backend
        self.namespace = f"{token}-{lease_id.split('-')[1]}-{time.monotonic_ns() & 0xFFFF:04x}"
        self.folder = run.leases / lease_id
        self.tail = Tail(self.folder / "events")
        self._guests = env.guests
        self.logs = Logs(self.folder, server.url, piped=env.guests.needs_pipes)
        self.keys = Keyspace(server, self.namespace)
        #: Ids that tasks of warm-ups have had.
        self.warm_tasks = 0
        self._env = env
        self._token = token
        self._scratch = scratch / self.namespace
        self._workers: Workers | None = None
        self._producer: Producer | None = None
        self._bot_api: subprocess.Popen[bytes] | None = None
        self._meter: Meter | None = None
        self._sampled = 0.0
        self._facts: dict[str, Any] = {}

    # --- start -------------------------------------------------------------------------------

    def __enter__(self) -> Lease:
        (self.folder / "events").mkdir(parents=True)
        self._scratch.mkdir(parents=True)
        self._meter = Meter(self.keys.server, self._roles, self._guests.now_ns)
        self._facts = {
            "lease_id": self.id,
            "variant": self.plan.choice.name,
            "version": self._env.library_version,
            "concurrency": self.plan.concurrency,
            "round": self.plan.round,
            "settings": self.plan.settings,
            "namespace": self.namespace,
            "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        try:
            self.keys.prepare(self._meter.client)
            self._variables = self._environment_variables()
            self._workers = Workers(
                self.backend,
                self.plan.choice.variant,
                self.plan.concurrency,
                python=self._env.python,
                variables=self._variables,
                log_files=self.logs,
                guests=self._guests,
            )
            commands = self._workers.commands
            self._facts["commands"] = [["python", *command.words] for command in commands]
            self._facts["roles"] = [command.role for command in commands]
            self._facts["logs"] = self._workers.log_names
            self._start_producer()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def _environment_variables(self) -> dict[str, str]:
        variables = {
            processes.TOKEN_VARIABLE: self._token,
            **self.keys.variables,
            "BENCH_VARIANT": self.plan.choice.variant.name,
            "BENCH_OPTIONS": "+".join(option.name for option in self.plan.choice.variant.chosen),
            "BENCH_CONCURRENCY": str(self.plan.concurrency),
            "BENCH_EVENTS": str(self.folder.resolve() / "events"),
            "BENCH_SCRATCH": str(self._scratch),
            "BENCH_SETTINGS": json.dumps(self.plan.settings),
            # A killed worker leaves its temporary files: there they go with the run's.
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self._scratch.parent)),
        }
        if any("bot-api" in trial.cell.scenario.needs for trial in self.plan.trials):
            variables["BENCH_TELEGRAM_URL"] = self._start_bot_api(variables)
        return processes.clean_environment({**variables, **(self._guests.variables or {})})

    def _start_bot_api(self, variables: dict[str, str]) -> str:
        settings = bot_api.settings_of(self.plan.settings) | {"seed": self.plan.trials[0].cell.seed}
        extra = {"BENCH_ROLE": "api", "BENCH_BOT_API": json.dumps(settings)}
        extra |= {"BENCH_CLOCK": self._guests.clock} if self._guests.clock else {}
        self._bot_api = processes.start(
            [sys.executable, "-m", "bench.workers.bot_api"],
            env=processes.clean_environment(variables | extra),
            cwd=ROOT,
            log=self.logs.open(logs.BOT_API),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._bot_api.stdout is not None
        port = self._bot_api.stdout.readline().decode().strip()
        if not port:
            raise LeaseFailed("the fake Bot API did not start: see bot-api.log")
        return f"http://127.0.0.1:{port}/bot{bot_api.TOKEN}"

    def _start_producer(self) -> None:
        program, module = self.PRODUCER
        process = processes.start(
            [
                *self._guests.launcher,
                self._env.python,
                *("-m", program, f"backends.{self.backend.folder.name}.{module}"),
            ],
            env=self._variables | {"BENCH_ROLE": "producer"},
            cwd=ROOT,
            log=self.logs.open(logs.PRODUCER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._producer = Producer(process, self.watch)
        self._producer.await_ready(time.monotonic() + READY_WITHIN_S)

    def start_workers(self, deadline: float) -> None:
        """Start the workers unless they run, and wait until the library says they are ready.

        Args:
            deadline: on the clock of ``time.monotonic``.

        Raises:
            LeaseFailed: a worker ended, or was not ready in time.
        """
        if self.ready:
            return
        self.workers.start()
        self.workers.await_ready(deadline, self._probe)
        self._facts["ready_s"] = self.workers.ready_s

    def _probe(self, count: Probe) -> int:
        assert self._meter is not None
        return count(self._meter.client, self.keys.namespace)

    # --- meanwhile ---------------------------------------------------------------------------

    @property
    def workers(self) -> Workers:
        """Its workers, within the lease."""
        assert self._workers is not None
        return self._workers

    @property
    def ready(self) -> bool:
        """Whether the workers have said that they take tasks."""
        return self._workers is not None and self._workers.ready_s is not None

    def check_alive(self) -> None:
        """Raise LeaseFailed if a worker or the producer has ended."""
        if self._workers is not None:
            self._workers.check_alive()
        if self._producer is not None:
            self._producer.check_alive()

    def watch(self) -> None:
        """:meth:`check_alive`; now and then also a look at the workers' memory."""
        self.check_alive()
        if self._meter is not None and time.monotonic() - self._sampled > SAMPLE_EVERY_S:
            self._meter.sample()
            self._sampled = time.monotonic()

    def explained(self) -> str:
        """What a known error in its logs means; empty where there is none."""
        return self.backend.explained(self.logs.all())

    def mark(self, at: str, trial: int) -> dict[str, Any]:
        """What the lease has cost so far, by the server's and the system's counters.

        Args:
            at: which point of the trial this is.
        """
        assert self._meter is not None

        def ended() -> int:
            self.tail.poll()
            return self.tail.count(trial, events.END, events.FAIL)

        return self._meter.mark(at, ended=ended)

    def recorded(self, trial: int) -> pd.DataFrame:
        """The trial's events so far, as of :func:`bench.record.events.read_raw`."""
        table = read_raw(self.folder / "events")
        return table[table["task_id"] // 2**32 == trial]

    def _roles(self) -> dict[str, list[int]]:
        """The root processes whose cost counts, by role."""
        roles = {"worker": self._workers.pids if self._workers else []}
        if self._producer is not None:
            roles["producer"] = self._guests.roots(self._producer.process.pid)
        return self._guests.accounts(roles)

    def ask(self, deadline: float, **command: Any) -> dict[str, Any]:
        """Send one command to the producer; see :meth:`bench.workers.producer.Producer.ask`."""
        assert self._producer is not None
        return self._producer.ask(deadline, **command)

    def pending(self) -> int:
        """Tasks the broker still holds."""
        assert self._meter is not None
        return self.backend.pending(self._meter.client, self.keys.namespace, self._scratch)

    # --- stop --------------------------------------------------------------------------------

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything: in order after a good end, if the plan says so; at once otherwise."""
        orderly = self.plan.stops_in_order and self._guests.signals_reach and not kind
        patience_s = self.backend.stop_within_s if orderly else IN_HASTE_S if kind else 0.0
        steps: list[Callable[[], None]] = [
            lambda: self._stop_processes(patience_s),
            self._sweep,
            self._keep_events,
            self.logs.mask,
            self._write_facts,
            lambda: discard_tree(self._scratch),
        ]
        failure: Exception | None = None
        interrupt: BaseException | None = None
        for step in steps:  # each is tried, whatever the one before did
            try:
                step()
            except Exception as problem:
                failure = failure or problem
            except BaseException as problem:  # it comes once: do the step again, in haste
                interrupt, patience_s = problem, IN_HASTE_S
                with contextlib.suppress(Exception):
                    step()
        if interrupt is not None:
            raise interrupt
        if failure is not None and kind is None:
            raise failure

    def _stop_processes(self, within_s: float) -> None:
        producer = self._producer.process if self._producer else None
        helpers = [process for process in (producer, self._bot_api) if process is not None]
        for process in helpers:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
        if self._workers is not None:
            self._facts |= facts(self._workers.stop(within_s))
        for process in helpers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1 if within_s == IN_HASTE_S else 2)
        processes.stop_all(helpers, 0.2)
        self._facts["stragglers"] = processes.kill_carrying(self.namespace, "BENCH_NAMESPACE")
        for process in helpers:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        self.logs.close()

    def _sweep(self) -> None:
        """Remove the lease's keys."""
        try:
            if self._meter is not None:
                with self._meter.client as client:
                    self._facts["keys_left"] = self.keys.clear(client, self.backend)
        finally:
            self.keys.release()

    def _write_facts(self) -> None:
        gone = {"gone_t_ns": self._guests.now_ns()}
        store.write_json(self.folder / "lease.json", self._facts | gone)

    def _keep_events(self) -> None:
        table = self.folder / "events.parquet"
        if not table.exists():  # it does if this is done again after an interrupt
            write_parquet(read_raw(self.folder / "events"), table)
        remove_tree(self.folder / "events")
