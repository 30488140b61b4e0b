"""A process, told from one that has its number later: the number and the time of its start."""

from __future__ import annotations

import os

import psutil

#: Linux counts a process's start from the boot, whose time of day may be corrected by a little.
_SAME_START_S = 2


def this_process() -> str:
    """``<pid>-<start>``, fit for a file's name."""
    return f"{os.getpid()}-{int(psutil.Process().create_time())}"


def running(identity: str) -> int | None:
    """The number of that process; ``None`` if it has ended, or another has its number now.

    Args:
        identity: as of :func:`this_process`.
    """
    pid, started = (int(part) for part in identity.split("-"))
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) <= _SAME_START_S
        return pid if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
    except (psutil.Error, OverflowError):  # somebody else's: it cannot be looked at, but is there
        return pid
