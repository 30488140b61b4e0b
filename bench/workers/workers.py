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
from bench.system.guests import HERE, Guests
from bench.system.places import ROOT
from bench.system.platforms import here
from bench.workers import logs
from bench.workers.logs import Logs
from bench.workers.producer import LeaseFailed, ended

READY_WITHIN_S = 30.0
#: After an error or an interrupt nobody waits longer for a graceful stop.
IN_HASTE_S = 0.5
#: For a library's own command to reach its workers: it starts as they did, in a second or in many.
ASKED_WITHIN_S = 60.0

#: As in :class:`backends.spec.Readiness`.
Probe = Callable[[Any, str | None], int]

#: The folder of a backend's plain program, in the backend's own.
PLAIN = "plain"


@dataclass(frozen=True)
class Stopped:
    """How workers ended.

    Attributes:
        how: ``gracefully``; ``on the spot`` where the asking ended one, which had no handler for
            it; ``killed``; ``unasked`` where they were killed without having been asked, for it
            was not wanted or not possible; or ``by itself`` where one had ended before.
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
        guests: the platform that they run on.

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
        guests: Guests = HERE,
    ) -> None:
        self.commands = _commands(backend, variant, concurrency)
        self.log_names = logs.names_of(self.commands)
        self.ready_s: float | None = None
        self.may_end = False
        self._interpreter: tuple[str | Path, ...] = (*guests.launcher, python)
        self._guests = guests
        self._variables = dict(variables) | {"BENCH_ROLE": "worker"}
        self._logs = log_files
        self._folder = backend.folder / PLAIN if plain else ROOT
        self._ours = f"backends.{backend.folder.name}." if plain else ""
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> list[int]:
        """The roots of the commands' trees; empty before the start."""
        return [pid for process in self._processes for pid in self._guests.roots(process.pid)]

    def start(self) -> None:
        """Start the commands, without waiting for anything."""
        for command, name in zip(self.commands, self.log_names, strict=True):
            self._processes.append(
                processes.start(
                    self._line(command.words),
                    env=self._variables,
                    cwd=self._folder,
                    log=self._logs.open(name),
                )
            )

    def _line(self, words: Sequence[str]) -> list[str | Path]:
        return [*self._interpreter, *(word.removeprefix(self._ours) for word in words)]

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
            within_s: 0 to kill them unasked. Where signals do not reach a worker, its library's own
                command asks it, which takes some seconds more; without one it is killed unasked.
            stop_signal: the name of that to ask by; empty for each command's own.
        """
        if not self._processes:
            return None
        started = time.monotonic()
        gone = any(process.poll() is not None for process in self._processes)
        started_of = self.commands[: len(self._processes)]
        signals = [stop_signal or command.stop_signal for command in started_of]
        may_ask = within_s > IN_HASTE_S and not gone and not stop_signal
        asked = may_ask and self._ask_by_command()
        wanted = within_s > 0 and (asked or self._guests.signals_reach)
        if not wanted:
            processes.kill([p for pid in self.pids for p in processes.tree(pid)])
        graceful = processes.stop_all(self._processes, within_s, [] if asked else signals, asked)
        codes = [process.returncode for process in self._processes]
        how = "gracefully" if graceful else "killed"
        how = "unasked" if graceful is None or not wanted else how
        if how == "gracefully" and any(self._cut_short(codes)):
            how = "on the spot"
        how = "by itself" if gone else how
        took_s = round(time.monotonic() - started, 3)
        tells = how in ("gracefully", "on the spot")
        return Stopped(how, took_s, codes, self._abnormal(codes) if tells else [])

    def _ask_by_command(self) -> bool:
        """Ask by the libraries' own commands, where signals do not reach and all have such."""
        words = dict.fromkeys(command.stop_words for command in self.commands)
        if (here.SIGNALS_REACH and self._guests.signals_reach) or () in words:
            return False
        for each in words:
            asking = processes.start(
                self._line(each),
                env=self._variables | {"BENCH_ROLE": "control"},
                cwd=self._folder,
                log=subprocess.DEVNULL,
            )
            deadline = time.monotonic() + ASKED_WITHIN_S
            while asking.poll() is None and self._any_runs() and time.monotonic() < deadline:
                time.sleep(0.02)
            processes.kill(processes.tree(asking.pid))
            asking.wait()
        return True

    def _any_runs(self) -> bool:
        return any(process.poll() is None for process in self._processes)

    def _cut_short(self, codes: Sequence[int]) -> list[bool]:
        return [
            here.cut_short(code, command.stop_signal) and code not in command.exit_codes
            for command, code in zip(self.commands, codes, strict=False)
        ]

    def _abnormal(self, codes: Sequence[int]) -> list[str]:
        return [
            f"asked to stop, the {command.role} ended "
            + (f"on the spot with all that it did, {how}" if cut_short else f"with {how}")
            for command, code, cut_short in zip(
                self.commands, codes, self._cut_short(codes), strict=False
            )
            if code not in command.exit_codes
            for how in [here.how_it_ended(code)]
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
