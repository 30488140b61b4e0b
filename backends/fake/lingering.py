"""Not stopping: a process, and a child of its, that ignore every signal to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from backends.kit.stopping import STOP_SIGNALS

_CHILD = "from backends.fake import lingering; lingering.linger()"
#: A child that no one kills ends by itself at last.
_LINGER_S = 600.0


def ignore_stop() -> None:
    """Stop for nothing but a kill."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def start_lingering_child() -> None:
    """Start a process that does nothing and has to be killed as well."""
    subprocess.Popen([sys.executable, "-c", _CHILD])


def linger() -> None:
    """What that process does."""
    ignore_stop()
    time.sleep(_LINGER_S)
