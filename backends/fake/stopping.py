"""Signals that ask a process to stop, on every platform."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from types import FrameType

#: SIGBREAK is how Windows asks a process group.
_STOP = [
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGBREAK") if hasattr(signal, name)
]
_CHILD = "from backends.fake import stopping; stopping.linger()"
#: A child that no one kills ends by itself at last.
_LINGER_S = 600.0


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

    for number in _STOP:
        signal.signal(number, handler)
    return stop


def ignore_stop() -> None:
    """Stop for nothing but a kill."""
    for number in _STOP:
        signal.signal(number, signal.SIG_IGN)


def start_lingering_child() -> None:
    """Start a process that does nothing and has to be killed as well."""
    subprocess.Popen([sys.executable, "-c", _CHILD])


def linger() -> None:
    """What that process does."""
    ignore_stop()
    time.sleep(_LINGER_S)
