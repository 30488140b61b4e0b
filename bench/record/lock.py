"""One harness per run folder: a file that names the process, and is stale once that has ended."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from bench.errors import RunFolderError
from bench.record.store import disk_errors
from bench.system.files import remove
from bench.system.identity import running, this_process

_NAME = re.compile(r"\.lock-(\d+-\d+)")


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep every other harness off ``folder``.

    All is in the file's name, so that there is no moment at which it is half written. Of two that
    begin at the same moment both may be refused, but never none.

    Raises:
        RunFolderError: another process works on it, or it cannot be written to.
    """
    mine = folder / f".lock-{this_process()}"
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
            remove(path)
        yield
    finally:
        remove(mine)


def _holder(name: str) -> int | None:
    """The process that a lock names; ``None`` if it has ended."""
    match = _NAME.fullmatch(name)
    return running(match[1]) if match else None
