"""Where guest code runs: here, as the harness does, or on another platform that this machine
imitates. Whoever starts guests, reads their clock or counts what they use asks it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.system import posix, windows


@dataclass(frozen=True)
class Guests:
    """Guests as they are where nothing is imitated.

    Attributes:
        name: what ``--platform`` and ``run.json`` call it.
        platform: ``sys.platform`` of the guests: what a variant must support.
        told: in one line, what interpreter on what they have; empty where it is the harness's own.
        recipe: what their environments depend on, beside their locks; empty for the running
            interpreter.
        launcher: the words before the interpreter.
        variables: what they need in their environment.
        needs_pipes: their output can go to a pipe only, not to a file.
        signals_reach: a signal of this system reaches them, if it does any program: without it
            leases kill their workers unasked.
        clock: the name in :mod:`time` of the system's clock that their ``perf_counter_ns`` is;
            empty for the harness's ``perf_counter_ns``.
    """

    name: str = sys.platform
    platform: str = sys.platform
    told: str = ""
    recipe: tuple[str, ...] = ()
    launcher: tuple[str, ...] = ()
    variables: Mapping[str, str] | None = None
    needs_pipes: bool = False
    signals_reach: bool = True
    clock: str = ""

    def python_in(self, folder: Path) -> Path:
        """The interpreter of the virtual environment in a folder."""
        if self.platform == "win32":
            return windows.interpreter_in(folder)
        return posix.interpreter_in(folder)

    def now_ns(self) -> int:
        """The time on the clock of the guests' events."""
        return time.clock_gettime_ns(getattr(time, self.clock)) if self.clock else _here()

    def roots(self, pid: int) -> list[int]:
        """The processes whose trees are all that came of the one that was started as ``pid``."""
        return [pid]

    def accounts(self, roles: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
        """Whose use of processor and memory can be told apart.

        Args:
            roles: root processes by role.

        Returns:
            The same, or the same under fewer names.
        """
        return {role: list(pids) for role, pids in roles.items()}


_here = time.perf_counter_ns

HERE = Guests()
