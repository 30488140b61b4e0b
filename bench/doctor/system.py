"""Memory, swap, battery and the limits of a process."""

from __future__ import annotations

import psutil

from bench.doctor.advice import NOT_TOLD, Advice, judged
from bench.doctor.watch import Watched

#: Share of the swap in use above which programs that wake up come from the disk.
SWAP_USED = 0.25
#: A worker with hundreds of greenlets or a process per job opens as many files.
FILES_NEEDED = 1024
#: All of a user's processes and threads count, the desktop's too.
PROCESSES_NEEDED = 512


def examine(seen: Watched) -> list[Advice]:
    """All there is to say of memory, power and limits."""
    found = [
        memory(psutil.virtual_memory().available / 2**30),
        swap(seen.swap_used, seen.swap_total, seen.swapped),
        battery(_plugged()),
        limits(*_limits()),
    ]
    return [advice for advice in found if advice is not None]


def memory(available_gb: float) -> Advice:
    """Whether workers and server fit."""
    do = "close other programs: swapping spoils latencies"
    return judged("memory", f"{available_gb:.1f} GB available", available_gb < 1, do)


def swap(used: int, total: int, moved: int) -> Advice | None:
    """Whether memory goes to disk and back; ``None`` where there is no swap.

    Args:
        used: bytes.
        total: bytes.
        moved: bytes in half a second.
    """
    if not total:
        return None
    found = f"{used / 2**30:.1f} of {total / 2**30:.1f} GB in use"
    if moved:
        do = "close other programs until nothing is swapped: a page from disk takes milliseconds"
        return Advice("warn", "swap", f"{found}, {moved / 2**20:.1f} MB moved just now", do)
    do = "close other programs, then 'sudo swapoff -a && sudo swapon -a'"
    return judged("swap", found, used > SWAP_USED * total, do)


def battery(plugged: bool | None) -> Advice | None:
    """Whether the machine saves power; ``None`` where there is no battery."""
    if plugged is None:
        return None
    do = "plug it in: on battery the processor is slowed down"
    return judged("power", "mains" if plugged else "battery", not plugged, do)


def limits(files: int | None, processes: int | None) -> Advice | None:
    """Whether a process may open what it needs; ``None`` for either: no limit is known."""
    told = [
        (files, FILES_NEEDED, "open files", "-n"),
        (processes, PROCESSES_NEEDED, "processes", "-u"),
    ]
    found = ", ".join(f"{limit:,} {what}" for limit, _, what, _ in told if limit is not None)
    if not found:
        return None
    small = [
        f"ulimit {flag} {need}"
        for limit, need, _, flag in told
        if limit is not None and limit < need
    ]
    do = f"run '{'; '.join(small)}' in this shell first, or a worker fails under load"
    return judged("limits", found, bool(small), do)


def _plugged() -> bool | None:
    try:
        told = psutil.sensors_battery()
    except NOT_TOLD:
        return None
    return told.power_plugged if told else None


def _limits() -> tuple[int | None, int | None]:
    """Soft limits of open files and of processes; ``None`` where unlimited or not known."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return None, None
    found: list[int | None] = []
    for name in ("RLIMIT_NOFILE", "RLIMIT_NPROC"):
        number = getattr(resource, name, None)
        soft = resource.RLIM_INFINITY if number is None else resource.getrlimit(number)[0]
        found.append(None if soft == resource.RLIM_INFINITY or soft < 0 else soft)
    return found[0], found[1]
