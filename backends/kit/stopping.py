"""Signals that ask a process to stop, on every platform: for workers that we write ourselves."""

from __future__ import annotations

import signal
import time
from types import FrameType

#: SIGBREAK is how Windows asks a process group.
STOP_SIGNALS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name)
]


class Stop:
    """Whether to stop: a plain flag, as a signal handler must not take an Event's lock."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        self.asked = True

    def wait(self) -> None:
        """Sleep until asked to stop."""
        while not self.asked:
            time.sleep(0.05)


def on_signals() -> Stop:
    """A flag that the signals set from now on."""
    stop = Stop()

    def handler(signum: int, frame: FrameType | None) -> None:
        stop.ask()

    for number in STOP_SIGNALS:
        signal.signal(number, handler)
    return stop
