"""One harness per run folder: a file that names the process, and is stale once that has ended."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.errors import RunFolderError
from bench.record.store import disk_errors

_NAME = re.compile(r"\.lock-(\d+)-(\d+)")
#: Linux counts a process's start from the boot, whose time of day may be corrected by a little.
_SAME_START_S = 2


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep every other harness off ``folder``.

    All is in the file's name, so that there is no moment at which it is half written. Of two that
    begin at the same moment both may be refused, but never none.

    Raises:
        RunFolderError: another process works on it, or it cannot be written to.
    """
    mine = folder / f".lock-{os.getpid()}-{int(psutil.Process().create_time())}"
    with disk_errors(folder):
        mine.touch()
    try:
        for path in folder.glob(".lock-*"):
            if path == mine:
                continue
            if (holder := _holder(path.name)) is not None:
                raise RunFolderError(
                    f"process {holder} is at work on {folder}: wait for its end, or interrupt it"
                )
            path.unlink(missing_ok=True)
        yield
    finally:
        mine.unlink(missing_ok=True)


def _holder(name: str) -> int | None:
    """The process that a lock names; ``None`` if it has ended, or another has its number now."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    pid, started = int(match[1]), int(match[2])
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) <= _SAME_START_S
        return pid if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
    except psutil.Error:  # somebody else's process: it cannot be looked at, but it is there
        return pid
