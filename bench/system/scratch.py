"""The temporary folder of a harness: its name tells whose it is, so that what a killed one left
is found by the next.

The name holds everything, so that there is no moment at which it is half written:
``<token>-<machine>-<pid>-<start>``. It is short, for sockets in it may not have long paths.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import tempfile
import zlib
from pathlib import Path

from bench.system import wine
from bench.system.files import discard_tree
from bench.system.identity import running, this_process
from bench.system.processes import kill, kill_carrying, working_in

_NAME = re.compile(
    r"(?P<token>tqb-[0-9a-f]{10})-(?P<machine>[0-9a-f]{8})-(?P<owner>\d+-\d+)", re.ASCII
)


def make() -> tuple[str, Path]:
    """A new run's token, and its temporary folder, which only this user may enter."""
    token = f"tqb-{secrets.token_hex(5)}"
    folder = Path(tempfile.gettempdir()) / f"{token}-{_machine()}-{this_process()}"
    folder.mkdir(mode=0o700)
    return token, folder


def clear(token: str, folder: Path) -> None:
    """End every process that carries the token or works in the folder, and remove the folder.

    The latter is how the server is found, which overwrites its own environment with the title
    that it shows in ``ps``.
    """
    kill_carrying(token)
    kill(working_in(folder))
    wine.forget(wine.prefix_in(folder))
    discard_tree(folder)


def end_orphans() -> list[Path]:
    """Clear what harnesses of this user have left that were killed together with their guard.

    Returns:
        The folders that were theirs.
    """
    try:
        temporary = Path(tempfile.gettempdir())
    except FileNotFoundError:  # whoever needs one will say so
        return []
    found = []
    for folder in temporary.glob("tqb-*"):
        match = _NAME.fullmatch(folder.name)
        if match is None or match["machine"] != _machine() or not _ours(folder):
            continue
        if running(match["owner"]) is None:
            clear(match["token"], folder)
            found.append(folder)
    return found


def _machine() -> str:
    """Temporary folders may be shared by machines and containers, processes are not: what can be
    seen of them is what has one name and, on Linux, one space of process numbers."""
    space = ""
    with contextlib.suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return f"{zlib.crc32(f'{platform.node()} {space}'.encode()):08x}"


def _ours(folder: Path) -> bool:
    """Whether this user made it: whoever else may write there shall not choose whom we kill."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return not hasattr(os, "getuid") or status.st_uid == os.getuid()
