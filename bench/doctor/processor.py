"""The processor: cores, quota, frequency, and who else uses it."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from bench.doctor import cgroup
from bench.doctor.advice import NOT_TOLD, Advice, judged
from bench.doctor.watch import Watched
from bench.system.host import machine
from bench.system.platforms import here

#: Above this share of busy cores before a run, other programs are measured too.
BUSY = 0.25
#: Above this load average per core other programs want the cores, though not at this moment.
WAITING = 0.5
#: Share of the time taken by other virtual machines, above which figures jump.
STOLEN = 0.02
#: Below this share of its top frequency under a governor that asks for all, it is slowed down.
SLOWED = 0.7

GOVERNORS = Path("/sys/devices/system/cpu")


def examine(seen: Watched) -> list[Advice]:
    """All there is to say of the processor."""
    facts = machine()
    usable, present = int(facts["cores"]), os.cpu_count() or 1
    found = [
        cores(usable, present, facts["cpu"]),
        quota(cgroup.quota(), usable, seen.throttled),
        frequency(governors(), *_frequencies()),
        load(seen.busy, _load_average(), usable),
        stolen(seen.stolen),
    ]
    return [advice for advice in found if advice is not None]


def cores(usable: int, present: int, name: str) -> Advice:
    """Whether there are cores for workers, producer and server, and none kept from us."""
    if usable < 2:
        do = "workers, producer and server share one core: compare ratios only"
        return Advice("warn", "processor", f"{usable} cores, {name}", do)
    found = (
        f"{usable} of {present} cores, {name}" if usable < present else f"{usable} cores, {name}"
    )
    do = "this process is bound to some cores: start it without taskset or cpuset"
    return judged("processor", found, usable < present, do)


def quota(allowed: float | None, usable: int, throttled: int) -> Advice | None:
    """Whether a control group takes the cores away again; ``None`` where none has a quota."""
    if allowed is None and not throttled:
        return None
    stops = f", stopped {throttled} times in half a second" if throttled else ""
    limit = f"{allowed:g} cores' worth" if allowed is not None else "a quota"
    do = "raise the container's CPU limit (docker --cpus, cpu.max): a stop shows as latency"
    short = throttled > 0 or (allowed is not None and allowed < usable)
    return judged("processor quota", f"{limit} for {usable} cores{stops}", short, do)


def frequency(governors: set[str], current: float | None, top: float | None) -> Advice | None:
    """Whether the processor runs at one speed; ``None`` where nothing is known of it.

    Args:
        governors: those of all cores, as Linux names them; empty elsewhere.
        current: MHz now.
        top: MHz at most.
    """
    known = current is not None and top is not None
    speed = f"{current:,.0f} of {top:,.0f} MHz" if known else "speed not known"
    saving = ", ".join(sorted(governors - {"performance"}))
    if saving:
        do = "sudo cpupower frequency-set -g performance: else the speed follows the load"
        return Advice("warn", "frequency", f"governor {saving}, {speed}", do)
    if current is None or top is None:
        return Advice("ok", "frequency", "governor performance") if governors else None
    do = "it is slowed down: let it cool, choose the power plan for performance"
    return judged("frequency", speed, current < SLOWED * top, do)


def load(busy: float, average: float | None, usable: int) -> Advice:
    """Whether the machine is ours.

    Args:
        busy: share of all cores' time.
        average: processes that ran or waited, over the last minute; ``None`` where not known.
    """
    found = f"{busy:.0%} busy"
    crowded = average is not None and average / usable > WAITING
    if average is not None:
        found += f", load average {average:.1f} on {usable} cores"
    do = "close other programs, wait a minute: they are measured too"
    return judged("load", found, busy > BUSY or crowded, do)


def stolen(share: float) -> Advice | None:
    """Whether other virtual machines take processor time; ``None`` where nothing is taken."""
    if share <= 0:
        return None
    do = "other virtual machines share these cores: use dedicated ones, or repeat at another time"
    return judged("stolen time", f"{share:.0%} of the processor", share > STOLEN, do)


def governors(folder: Path = GOVERNORS) -> set[str]:
    """What decides each core's frequency on Linux; empty where that is not told."""
    found = set()
    for path in folder.glob("cpu[0-9]*/cpufreq/scaling_governor"):
        try:
            found.add(path.read_text(encoding="utf-8").strip())
        except OSError:  # a core that is switched off
            continue
    return found - {""}


def _frequencies() -> tuple[float | None, float | None]:
    try:
        told = psutil.cpu_freq()
    except NOT_TOLD:
        return None, None
    return (told.current or None, told.max or None) if told else (None, None)


def _load_average() -> float | None:
    try:
        return here.load_average()
    except NOT_TOLD:
        return None
