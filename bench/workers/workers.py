"""A variant's worker processes, by its library's own command(s), from start to stop."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.spec import Backend, Command, Variant
from bench.system import processes
from bench.system.places import ROOT
from bench.workers import logs
from bench.workers.logs import Logs
from bench.workers.producer import LeaseFailed, ended

READY_WITHIN_S = 30.0


@dataclass(frozen=True)
class Stopped:
    """How workers ended.

    Attributes:
        how: ``gracefully``, ``killed``, or ``by itself`` where one had ended before it was asked.
        took_s: from the asking to the end of the last.
    """

    how: str
    took_s: float
    exit_codes: list[int]


class Workers:
    """The processes that run one variant at one setting.

    Args:
        python: the interpreter of the backend's environment.
        variables: their environment variables.
        log_files: where their output goes.

    Attributes:
        ready_s: seconds from start to readiness; ``None`` until then.
        may_end: whether the end of a worker is expected, as under a fault that kills one.
    """

    def __init__(
        self,
        backend: Backend,
        variant: Variant,
        concurrency: int,
        *,
        python: Path,
        variables: Mapping[str, str],
        log_files: Logs,
    ) -> None:
        self.commands = _commands(backend, variant, concurrency)
        self.ready_s: float | None = None
        self.may_end = False
        self._backend = backend
        self._concurrency = concurrency
        self._python = python
        self._variables = dict(variables) | {"BENCH_ROLE": "worker"}
        self._logs = log_files
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> list[int]:
        """Of the commands' own processes, without their children; empty before the start."""
        return [process.pid for process in self._processes]

    def start(self) -> None:
        """Start the commands, without waiting for anything."""
        log = self._logs.open(logs.WORKER)
        for command in self.commands:
            self._processes.append(
                processes.start([self._python, *command], env=self._variables, cwd=ROOT, log=log)
            )

    def await_ready(self, deadline: float) -> None:
        """Wait until the library says that they take tasks.

        Args:
            deadline: on the clock of ``time.monotonic``.

        Raises:
            LeaseFailed: a worker ended, or was not ready in time.
        """
        started = time.monotonic()
        deadline = min(deadline, started + READY_WITHIN_S)
        readiness = self._backend.readiness
        per_command = readiness.times == "per command"
        wanted = len(self._processes) if per_command else self._concurrency
        while len(re.findall(readiness.pattern, self._logs.read(logs.WORKER))) < wanted:
            self.check_alive()
            if time.monotonic() > deadline:
                waited = time.monotonic() - started
                raise LeaseFailed(f"the worker was not ready within {waited:.0f} s")
            time.sleep(0.02)
        self.ready_s = round(time.monotonic() - started, 3)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within it none of them runs, children included; after it they go on as they were.

        Raises:
            LeaseFailed: one of them could not be stopped.
        """
        try:
            processes.hold(self.pids)
            yield
        except TimeoutError as error:
            raise LeaseFailed(f"the workers cannot be held: {error}") from None
        finally:
            processes.let_go(self.pids)

    def check_alive(self) -> None:
        """Raise LeaseFailed if a worker has ended that should not."""
        for process in self._processes:
            if process.poll() is not None and not self.may_end:
                raise ended("the worker", process.returncode)

    def stop(self, within_s: float) -> Stopped | None:
        """Ask them to stop, and kill what has not after that time; ``None`` if none was started."""
        if not self._processes:
            return None
        started = time.monotonic()
        gone = any(process.poll() is not None for process in self._processes)
        graceful = processes.stop_all(self._processes, within_s)
        how = "by itself" if gone else "gracefully" if graceful else "killed"
        codes = [process.returncode for process in self._processes]
        return Stopped(how, round(time.monotonic() - started, 3), codes)


def _commands(backend: Backend, variant: Variant, concurrency: int) -> tuple[Command, ...]:
    try:
        return backend.worker_commands(variant, concurrency)
    except NotImplementedError as error:
        raise LeaseFailed(f"the backend is not finished: {error}") from None


def facts(stopped: Stopped | None) -> dict[str, Any]:
    """What ``lease.json`` says of their end."""
    if stopped is None:
        return {}
    return {"stopped": stopped.how, "stop_s": stopped.took_s, "exit_codes": stopped.exit_codes}
