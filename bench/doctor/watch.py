"""What only shows over time: half a second of the machine as it is now."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import psutil

from bench.doctor import cgroup

WATCHED_S = 0.5


@dataclass(frozen=True)
class Watched:
    """Half a second of the machine.

    Attributes:
        busy: share of all cores' time that was neither idle nor waiting for a disk.
        stolen: share that the hypervisor gave to other machines; 0 where it does not tell.
        swapped: bytes moved to or from swap.
        throttled: periods in which a control group was stopped at its quota.
    """

    busy: float
    stolen: float
    swapped: int
    throttled: int


def watch() -> Watched:
    """Watch the machine for half a second."""
    swapped, throttled = _swapped(), cgroup.throttled()
    times = psutil.cpu_times_percent(interval=WATCHED_S)
    return Watched(
        busy=(100 - times.idle - getattr(times, "iowait", 0.0)) / 100,
        stolen=getattr(times, "steal", 0.0) / 100,
        swapped=_swapped() - swapped,
        throttled=cgroup.throttled() - throttled,
    )


def _swapped() -> int:
    with warnings.catch_warnings():  # psutil warns where /proc does not tell
        warnings.simplefilter("ignore")
        swap = psutil.swap_memory()
    return int(swap.sin + swap.sout)
