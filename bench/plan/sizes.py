"""Trials that cannot be: of more tasks than a trial may have, or longer than it is given."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.errors import UsageError
from bench.plan.cells import MIN_TASKS, STEPS, Cell
from bench.plan.profile import MOST_TASKS, CellSpec, Profile

#: Of a second each they take more than a day.
MOST_TRIALS = 100_000
#: What makes a trial smaller, by its load.
_SMALLER = {
    "open": "lower rate_per_s or for_s",
    "closed": "lower for_s, or give tasks = N as their limit",
}


def whole(tasks: float) -> int:
    """So many tasks, rounded up; where no trial may have them, only that they are too many."""
    return math.ceil(min(tasks, 10.0 * MOST_TASKS))


def refuse_too_many(cells: Sequence[Cell], profile: Profile) -> None:
    """Tell of a run that would never end, before its plan is laid out.

    Raises:
        UsageError: more trials than a run may have.
    """
    trials = sum(cell.rounds for cell in cells)
    if trials > MOST_TRIALS:
        raise UsageError(
            f"the profile {profile.name} with so many rounds has {trials:,} trials, more than the "
            f"{MOST_TRIALS:,} that a run may have: ask for fewer rounds or cells"
        )


def refuse_too_much(cell: Cell, spec: CellSpec, profile: Profile) -> None:
    """Tell before the run what would else use up the memory, or ``trial_timeout_s`` in vain.

    Raises:
        UsageError: the cell has too many tasks, or its schedule alone takes too long.
    """
    rate = cell.params.get("rate_per_s")
    label = cell.label if rate is None else f"{cell.label} rate_per_s={rate:g}"
    if cell.tasks > MOST_TASKS:
        smaller = _SMALLER.get(cell.load, "lower for_s, or give tasks = N instead")
        raise UsageError(
            f"the profile {profile.name} asks too many tasks of {label}: more than the "
            f"{MOST_TASKS:,} that a trial may have; {smaller}"
        )
    lasts_s, why, shorter = _schedule(cell, spec)
    if lasts_s > profile.trial_timeout_s:
        raise UsageError(
            f"the profile {profile.name}: {label} takes {lasts_s:,.6g} s ({why}), longer than "
            f"trial_timeout_s = {profile.trial_timeout_s:g}: {shorter} or raise trial_timeout_s"
        )


def _schedule(cell: Cell, spec: CellSpec) -> tuple[float, str, str]:
    """How long a trial takes however fast the queue is.

    Returns:
        Seconds, 0 where the queue decides; what says so; what to change.
    """
    for_s = cell.for_s or 0.0
    if "rate_per_s" in cell.params and cell.tasks == MIN_TASKS:
        least_s = MIN_TASKS / cell.params["rate_per_s"]
        return least_s, f"at least {MIN_TASKS} tasks are sent", "raise rate_per_s"
    if cell.load == "saturation":
        return STEPS * for_s, f"{STEPS} steps of for_s", "lower for_s"
    if cell.load in ("drain", "burst") or (cell.load == "closed" and spec.tasks is not None):
        return 0.0, "", ""
    return for_s, "for_s", "lower for_s"
