"""What trees of processes use: memory, CPU, context switches, as the system tells them."""

from __future__ import annotations

import contextlib
import mmap
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.system import processes
from bench.system.platforms import here

LINUX = sys.platform == "linux"

_PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """What one process, or the sum of several, has used until now.

    Attributes:
        cpu_s: user and system time of what lives, with that of the children it has reaped.
        reaped_s: the part of ``cpu_s`` that is of reaped children.
        switches: voluntary and involuntary context switches of the threads that live; a system
            that does not tell them apart gives their sum first.
        peak_rss: highest resident memory of each, summed, in bytes; 0 where it is not kept.
    """

    cpu_s: float = 0.0
    reaped_s: float = 0.0
    switches: tuple[int, int] = (0, 0)
    peak_rss: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.cpu_s + other.cpu_s,
            self.reaped_s + other.reaped_s,
            (self.switches[0] + other.switches[0], self.switches[1] + other.switches[1]),
            self.peak_rss + other.peak_rss,
        )


def members(roots: Iterable[int]) -> list[int]:
    """The pids of those processes and of all their descendants, parents first."""
    if not (LINUX and (_PROC / "thread-self/children").exists()):
        return [process.pid for root in roots for process in processes.tree(root)]
    # psutil would read the table of all processes of the machine: too dear for every sample.
    found: list[int] = []
    todo = list(roots)
    while todo:
        pid = todo.pop(0)
        with contextlib.suppress(OSError):
            threads = list((_PROC / str(pid) / "task").iterdir())
            found.append(pid)
            for thread in threads:
                with contextlib.suppress(OSError):
                    todo += map(int, (thread / "children").read_text().split())
    return found


def used(roots: Sequence[int]) -> Usage:
    """What the trees under ``roots`` have used.

    A child that ends meanwhile would be missed or counted twice: then it is read again.
    """
    for _ in range(5):
        before = members(roots)
        total = sum(map(_used_by, before), Usage())
        if members(roots) == before:
            break
    return total


def resident(pids: Iterable[int]) -> int:
    """Resident memory of the processes, summed, in bytes; shared pages count once in each."""
    return sum(map(_resident, pids))


def proportional(pids: Iterable[int]) -> int | None:
    """Memory of the processes in bytes, a page shared by n of them counted as 1/n in each.

    ``None`` where the system does not tell it.
    """
    if sys.platform != "linux":
        return None
    total = 0
    for pid in pids:
        try:
            total += psutil.Process(pid).memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
        except psutil.Error:
            return None
    return total


def _resident(pid: int) -> int:
    if LINUX:
        try:
            return int((_PROC / str(pid) / "statm").read_bytes().split()[1]) * mmap.PAGESIZE
        except OSError:
            return 0
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _used_by(pid: int) -> Usage:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            reaped = times.children_user + times.children_system if here.REAPED_IS_KNOWN else 0.0
            own = _precise_cpu_s(pid) or times.user + times.system
            return Usage(own + reaped, reaped, _switches(process), _peak(process))
    except (psutil.Error, OSError):
        return Usage()


def _precise_cpu_s(pid: int) -> float | None:
    """CPU time in ns resolution, of dead threads too, where ``/proc`` has ticks of 10 ms.

    The clock's number is made as in ``clock_getcpuclockid(3)``, which Python does not offer.
    """
    if sys.platform != "linux":
        return None
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return None


def _switches(process: psutil.Process) -> tuple[int, int]:
    if not LINUX:
        counted = process.num_ctx_switches()
        return counted.voluntary, counted.involuntary
    # The status of the process is that of its first thread alone.
    sums = [0, 0]
    for thread in (_PROC / str(process.pid) / "task").iterdir():
        with contextlib.suppress(OSError):
            for line in (thread / "status").read_text().splitlines()[-2:]:
                name, _, count = line.partition(":")
                sums[name.startswith("nonvoluntary")] += int(count)
    return sums[0], sums[1]


def _peak(process: psutil.Process) -> int:
    if LINUX:
        for line in (_PROC / str(process.pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0
    return int(getattr(process.memory_info(), "peak_wset", 0))


def machine() -> dict[str, float]:
    """What all processors of this machine have done since its start, and what this process has.

    Returns:
        ``busy_s``: in any program or in the kernel on its behalf, not for interrupts; ``stolen_s``:
        taken away by a hypervisor, 0 where the system does not say; ``harness_s``: this process;
        ``cores``: how many processors that is of.
    """
    times, own = psutil.cpu_times(), psutil.Process().cpu_times()
    busy = times.user + times.system + getattr(times, "nice", 0.0)
    return {
        "busy_s": round(busy, 2),
        "stolen_s": round(getattr(times, "steal", 0.0), 2),
        "harness_s": round(own.user + own.system, 3),
        "cores": psutil.cpu_count() or 1,
    }
