"""What only shows over time: half a second of the machine as it is now."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import psutil

from bench.doctor import cgroup
from bench.doctor.advice import NOT_TOLD

WATCHED_S = 0.5


@dataclass(frozen=True)
class Watched:
    """Half a second of the machine.

    Attributes:
        busy: share of all cores' time that was neither idle nor waiting for a disk.
        stolen: share that the hypervisor gave to other machines; 0 where it does not tell.
        swap_used: bytes; 0 where it is not told.
        swap_total: bytes; 0 where there is none or it is not told.
        swapped: bytes moved to or from swap.
        throttled: periods in which a control group was stopped at its quota.
    """

    busy: float
    stolen: float
    swap_used: int
    swap_total: int
    swapped: int
    throttled: int


def watch() -> Watched:
    """Watch the machine for half a second."""
    _, _, moved = _swap()
    throttled = cgroup.throttled()
    times = psutil.cpu_times_percent(interval=WATCHED_S)
    used, total, moved_since = _swap()
    return Watched(
        busy=(100 - times.idle - getattr(times, "iowait", 0.0)) / 100,
        stolen=getattr(times, "steal", 0.0) / 100,
        swap_used=used,
        swap_total=total,
        swapped=moved_since - moved,
        throttled=cgroup.throttled() - throttled,
    )


def _swap() -> tuple[int, int, int]:
    """Bytes in use, bytes at all, bytes moved either way since the machine was started."""
    try:
        with warnings.catch_warnings():  # psutil warns where /proc does not tell
            warnings.simplefilter("ignore")
            swap = psutil.swap_memory()
    except NOT_TOLD:
        return 0, 0, 0
    return swap.used, swap.total, swap.sin + swap.sout
