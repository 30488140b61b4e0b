"""What Linux and macOS do in one way and Windows in another; :mod:`bench.system.windows` has the
same names. :mod:`bench.system.platforms` chooses."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

#: Whether a signal reaches another program; else a worker may have to be asked in its own way.
SIGNALS_REACH = True
#: Whether a process that has been waited for leaves its CPU time with the one that waited.
REAPED_IS_KNOWN = sys.platform != "darwin"
#: Whether a file can be moved and removed while another program has it open.
OPEN_FILES_MOVE = True
#: What to do where no Redis comes with the suite.
REDIS_HINT = (
    "start one with 'docker compose up -d' and pass --redis-url redis://127.0.0.1:6379/0, "
    "or install valkey-server or redis-server"
)


def group_options() -> dict[str, Any]:
    """Of :class:`subprocess.Popen`, for a process that a terminal's Ctrl-C does not reach."""
    return {"start_new_session": True}


def apart_options() -> dict[str, Any]:
    """As :func:`group_options`, for a process that outlives the terminal."""
    return group_options()


def ask_to_stop(process: subprocess.Popen[bytes], stop_signal: str) -> None:
    """Send the signal of that name.

    Raises:
        OSError: it cannot be sent.
    """
    process.send_signal(getattr(signal, stop_signal))


def cut_short(code: int, stop_signal: str) -> bool:
    """Whether a process that was asked by that signal had no handler for it: it ended on the spot,
    with all that it was doing."""
    return code == -int(getattr(signal, stop_signal))


def how_it_ended(code: int) -> str:
    """``exit code 3``, or for -9 ``signal 9``."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def quoted(word: str) -> str:
    """One word of a command, as a shell takes it."""
    return shlex.quote(word)


def acts(process: psutil.Process) -> bool:
    """Whether a process that was told to stand still has not yet."""
    try:
        return process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def interpreter_in(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / "bin" / "python"


def emulated_by() -> str:
    """What plays the system, in brackets after a space; empty where it is the real one."""
    return ""


def load_average() -> float | None:
    """Processes that ran or waited, over the last minute.

    Raises:
        OSError: it is not told.
    """
    return psutil.getloadavg()[0]


def longest_path() -> int | None:
    """How many characters a path may have; ``None`` where the disk alone decides."""
    return None
