"""Made-up runs of Windows' consumer loop: lines by service time whose crossings are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from small_runs import SmallRun, thrice

TIMES = (0.0, 0.001, 0.01, 0.1, 1.0)
BASE = "q:one+loop"
RIVAL = "q:many+loop"

OPTIONS = {
    "loop": {"name": "loop", "summary": "as there", "emulates": ["win32"]},
    "small": {"name": "small", "summary": "fetches little", "emulates": []},
}
HOW = {"q:one": "N workers x 1 task", "q:many": "1 worker x N threads"}


def windows_run(path: Path, **facts: Any) -> SmallRun:
    """An empty one, against :data:`BASE`."""
    return SmallRun(path, **({"baseline": BASE} | facts))


def line(
    run: SmallRun,
    variant: str,
    rates: Sequence[float | None],
    *,
    times: Sequence[float] = TIMES,
    concurrency: int = 4,
    rounds: int = 3,
    metrics: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """One line of a sweep: tasks/s by service time; ``None`` for a cell that timed out."""
    for time, rate in zip(times, rates, strict=True):
        given = thrice(rate)[:rounds] if rate else []
        bad = [] if rate else [("timeout", "not done within 60 s")] * rounds
        run.cell(
            variant,
            given,
            load="surge",
            params={"service_s": time},
            concurrency=concurrency,
            bad=bad,
            metrics=metrics if rate else None,
        )
    optioned(run, variant)


def optioned(run: SmallRun, variant: str) -> None:
    """Say in the facts which options a variant has, and how it is run."""
    base, *names = variant.split("+")
    known = run.variants[variant]
    known |= {"options": [OPTIONS[name] for name in names if name in OPTIONS]}
    known |= {"concurrency": HOW.get(base, "1 x N")}
    run.variants[variant] = known


def stalling(path: Path, **facts: Any) -> SmallRun:
    """One that stalls at 10 ms and is level at a second; not written."""
    run = windows_run(path, **facts)
    line(run, BASE, [1500, 1100, 330, 39, 3.9])
    line(run, RIVAL, [1100, 400, 18, 9.2, 3.9])
    line(run, "q:many+loop+small", [1100, 300, 2.7, 2.3, 1.6])
    line(run, "q:many", [1100, 900, 317, 39, 3.9])
    line(run, "other", [1600, 1300, 380, 39.5, 3.95])
    line(run, BASE, [1160, 500, 83, 9.8], concurrency=1, times=TIMES[:4])
    line(run, RIVAL, [400, 200, 2.8, None], concurrency=1, times=TIMES[:4])
    return run
