"""A variant's worker processes, by its library's own command(s), from start to stop."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.spec import Backend, Command, Variant
from bench.system import processes
from bench.system.places import ROOT
from bench.workers import logs
from bench.workers.logs import Logs
from bench.workers.producer import LeaseFailed, ended, how_it_ended

READY_WITHIN_S = 30.0

#: As in :class:`backends.spec.Readiness`.
Probe = Callable[[Any, str | None], int]

#: The folder of a backend's plain program, in the backend's own.
PLAIN = "plain"


@dataclass(frozen=True)
class Stopped:
    """How workers ended.

    Attributes:
        how: ``gracefully``, ``killed``, ``unasked`` where they were killed without having been
            asked, or ``by itself`` where one had ended before.
        took_s: from the asking to the end of the last.
        exit_codes: of each command.
        abnormal: of those that stopped in time but not in order, each in a sentence.
    """

    how: str
    took_s: float
    exit_codes: list[int]
    abnormal: list[str]


class Workers:
    """The processes that run one variant at one setting.

    Args:
        python: the interpreter of the backend's environment.
        variables: their environment variables.
        log_files: where their output goes, each command's into a log of its own.
        plain: run the library's plain program instead (``backends/NAME/plain``), by the same
            commands: its modules are called as ours are, and import nothing of ours.

    Attributes:
        log_names: of each command its log.
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
        plain: bool = False,
    ) -> None:
        self.commands = _commands(backend, variant, concurrency)
        self.log_names = logs.names_of(self.commands)
        self.ready_s: float | None = None
        self.may_end = False
        self._python = python
        self._variables = dict(variables) | {"BENCH_ROLE": "worker"}
        self._logs = log_files
        self._folder = backend.folder / PLAIN if plain else ROOT
        self._ours = f"backends.{backend.folder.name}." if plain else ""
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> list[int]:
        """Of the commands' own processes, without their children; empty before the start."""
        return [process.pid for process in self._processes]

    def start(self) -> None:
        """Start the commands, without waiting for anything."""
        for command, name in zip(self.commands, self.log_names, strict=True):
            self._processes.append(
                processes.start(
                    [self._python, *(word.removeprefix(self._ours) for word in command.words)],
                    env=self._variables,
                    cwd=self._folder,
                    log=self._logs.open(name),
                )
            )

    def await_ready(self, deadline: float, probe: Callable[[Probe], int]) -> None:
        """Wait until each command says, in its own way, that it takes tasks.

        Args:
            deadline: on the clock of ``time.monotonic``.
            probe: asks a :class:`~backends.spec.Readiness` its probe.

        Raises:
            LeaseFailed: a worker ended, or was not ready in time.
        """
        started = time.monotonic()
        deadline = min(deadline, started + READY_WITHIN_S)
        while late := self._not_ready(probe):
            self.check_alive()
            if time.monotonic() > deadline:
                waited = time.monotonic() - started
                raise LeaseFailed(f"the {late} was not ready within {waited:.0f} s")
            time.sleep(0.02)
        self.ready_s = round(time.monotonic() - started, 3)

    def _not_ready(self, probe: Callable[[Probe], int]) -> str:
        """The role of a command that is not ready yet; empty if all are."""
        probed: Counter[Probe] = Counter()
        for command, name in zip(self.commands, self.log_names, strict=True):
            readiness = command.readiness
            if readiness.probe is not None:
                probed[readiness.probe] += readiness.times
                if probe(readiness.probe) < probed[readiness.probe]:
                    return command.role
            elif len(re.findall(readiness.pattern, self._logs.read(name))) < readiness.times:
                return command.role
        return ""

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
        for command, process in zip(self.commands, self._processes, strict=False):
            if process.poll() is not None and not self.may_end:
                raise ended(f"the {command.role}", process.returncode)

    def stop(self, within_s: float, stop_signal: str = "") -> Stopped | None:
        """Ask them to stop, and kill what has not after that time; ``None`` if none was started.

        Args:
            within_s: 0 to kill them unasked.
            stop_signal: the name of that to ask by; empty for each command's own.
        """
        if not self._processes:
            return None
        started = time.monotonic()
        gone = any(process.poll() is not None for process in self._processes)
        started_of = self.commands[: len(self._processes)]
        signals = [stop_signal or command.stop_signal for command in started_of]
        if not within_s:
            processes.kill([p for pid in self.pids for p in processes.tree(pid)])
        graceful = processes.stop_all(self._processes, within_s, signals)
        how = "unasked" if not within_s else "gracefully" if graceful else "killed"
        how = "by itself" if gone else how
        took_s = round(time.monotonic() - started, 3)
        codes = [process.returncode for process in self._processes]
        return Stopped(how, took_s, codes, self._abnormal(codes) if how == "gracefully" else [])

    def _abnormal(self, codes: Sequence[int]) -> list[str]:
        return [
            f"asked to stop, the {command.role} ended with {how_it_ended(code)}"
            for command, code in zip(self.commands, codes, strict=False)
            if code not in command.exit_codes
        ]


def _commands(backend: Backend, variant: Variant, concurrency: int) -> tuple[Command, ...]:
    try:
        return backend.worker_commands(variant, concurrency)
    except NotImplementedError as error:
        raise LeaseFailed(f"the backend is not finished: {error}") from None


def facts(stopped: Stopped | None) -> dict[str, Any]:
    """What ``lease.json`` says of their end."""
    if stopped is None:
        return {}
    told = {"stopped": stopped.how, "stop_s": stopped.took_s, "exit_codes": stopped.exit_codes}
    return told | {"abnormal_stops": stopped.abnormal}
