"""Trials that cannot be: of more tasks than a trial may have, or longer than it is given."""

from __future__ import annotations

from collections.abc import Sequence

from bench.errors import UsageError
from bench.plan.cells import Cell
from bench.plan.profile import MOST_TASKS, CellSpec, Profile
from scenarios.loads import MIN_TASKS, STEPS, Size

#: Of a second each they take more than a day.
MOST_TRIALS = 100_000


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
    if cell.tasks * cell.windows > MOST_TASKS:
        raise UsageError(
            f"the profile {profile.name} asks too many tasks of {label}: more than the "
            f"{MOST_TASKS:,} that a trial may have; {cell.offering.smaller}"
        )
    lasts_s, why, shorter = _schedule(cell, spec)
    if lasts_s > cell.timeout_s:
        raise UsageError(
            f"the profile {profile.name}: {label} takes {lasts_s:,.6g} s ({why}), longer than "
            f"trial_timeout_s = {cell.timeout_s:g}: {shorter} or raise trial_timeout_s"
        )


def _schedule(cell: Cell, spec: CellSpec) -> tuple[float, str, str]:
    """How long a trial takes however fast the queue is.

    Returns:
        Seconds, 0 where the queue decides; what says so; what to change.
    """
    if "rate_per_s" in cell.params and cell.tasks == MIN_TASKS:
        least_s = MIN_TASKS / cell.params["rate_per_s"]
        return least_s, f"at least {MIN_TASKS} tasks are sent", "raise rate_per_s"
    least_s = cell.offering.least_s(Size(spec.tasks, cell.for_s, cell.params))
    why = f"{STEPS} steps of for_s" if cell.offering.searches else "for_s"
    return least_s, why, "lower for_s"
