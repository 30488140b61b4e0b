"""Files moved and removed, though another program may have them open.

Windows refuses either while somebody holds the file: a virus scanner, an indexer or an editor, most
for a moment only. So it is tried again for a while, then told in one line who must let go.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from bench.system.platforms import here

#: For how long it is tried: scanners take some tenths of a second.
PATIENCE_S = 2.0

HELD = "another program has it open (a virus scanner, an editor, a terminal): close that, try again"


def move(source: Path, target: Path) -> None:
    """Move a file in the place of another, or a folder to where there is none, in one step.

    Raises:
        OSError: it cannot be done; where another program holds it, that is its ``strerror``.
    """
    _patiently(lambda: source.replace(target), target)


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        OSError: as of :func:`move`.
    """
    _patiently(lambda: path.unlink(missing_ok=True), path)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all that is in it.

    Raises:
        OSError: as of :func:`move`.
    """
    _patiently(lambda: shutil.rmtree(folder), folder)


def discard_tree(folder: Path) -> None:
    """Remove a folder that nobody needs any more, as far as that can be done."""
    try:
        remove_tree(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def _patiently(action: Callable[[], object], path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            action()
            return
        except PermissionError as error:
            if here.OPEN_FILES_MOVE:
                raise
            if time.monotonic() > deadline:
                raise PermissionError(error.errno, HELD, str(path)) from error
        time.sleep(0.02)
