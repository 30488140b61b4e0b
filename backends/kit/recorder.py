"""Append events to a file per process: one ``write(2)`` each, no lock, no buffer, no Redis.

What the kernel has taken survives a SIGKILL of the process. The raw ``write`` is used because
gevent and eventlet replace ``os.write`` by one that may switch to another greenlet.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial

from backends.kit import events

if sys.platform == "win32":
    from nt import write as _write
else:
    from posix import write as _write

#: Beside guests of another platform the host's own processes record by the clock of theirs.
_now_ns: Callable[[], int] = time.perf_counter_ns
if _clock := os.environ.get("BENCH_CLOCK"):
    _now_ns = partial(time.clock_gettime_ns, getattr(time, _clock))

_pack = events.RECORD.pack
_descriptor = -1
_shared = False
#: By its path the descriptor of each file that this process has opened.
_opened: dict[str, int] = {}


def record(kind: int, task_id: int, value: int = 0) -> None:
    """Append one event, stamped now."""
    now = _now_ns()
    _write(_descriptor if _descriptor >= 0 else _open(), _pack(now, task_id, kind, value))


def record_all(kind: int, times_and_ids: Iterable[tuple[int, int]]) -> None:
    """Append events of one kind that bear other times than now, in one write."""
    content = b"".join(_pack(t_ns, task_id, kind, 0) for t_ns, task_id in times_and_ids)
    descriptor = _descriptor if _descriptor >= 0 else _open()
    while content:
        content = content[_write(descriptor, content) :]


def _open() -> int:
    """Open this process's file, on its first event.

    Threads that have their first events at once all come here, and must get one descriptor: on
    Windows to append is to go to the end and to write there, which two would do at the same place.
    """
    global _descriptor
    name = f"{os.environ.get('BENCH_ROLE', 'worker')}-{os.getpid()}.events"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    path = os.path.join(os.environ["BENCH_EVENTS"], name)
    mine = os.open(path, flags, 0o644)
    _descriptor = first = _opened.setdefault(path, mine)
    if first != mine:
        os.close(mine)
    return first


def share() -> None:
    """Open the file now, and let the processes that this one forks write to the same.

    For a queue that forks a process for every task: a file for each would be a cost of each task,
    and of the harness that follows them. A record is one write at the file's end, so none is torn.
    """
    global _shared
    _open()
    _shared = True


def _forget() -> None:
    global _descriptor
    if not _shared:
        _descriptor = -1


_shared = False


# A child has a file of its own, unless it is shared. To ask for the process's id per event would be
# a system call each.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
