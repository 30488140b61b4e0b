"""Trials that ran among strangers, once more at the end of their round.

The reading (:mod:`bench.measure.disturbance`) knows nothing of what came out, so repeating by it
favours no result. Both trials are kept; the tables have the figures of the less disturbed one.
"""

from __future__ import annotations

import math

from bench.measure.disturbance import disturbed
from bench.plan.cells import LeasePlan, TrialPlan, repetition
from bench.plan.planner import leases_of
from bench.run.trial import Outcome

#: Of a run's trials at most this share is repeated: on a machine that is never quiet all would be.
#: As many more may be that are invalid, so that those with figures leave them room.
SHARE = 0.05


class Repeats:
    """Remembers what is to be repeated.

    Args:
        planned: how many trials the run has.
    """

    def __init__(self, planned: int) -> None:
        self._left = dict.fromkeys(("ok", "invalid"), math.ceil(SHARE * planned))
        self._noted: list[TrialPlan] = []

    def note(self, trial: TrialPlan, outcome: Outcome) -> None:
        """Take a trial down that was disturbed, as long as there is room.

        One that is invalid as well: strangers are what makes a load generator late.
        """
        if trial.repeats or not self._left.get(outcome.status):
            return
        if disturbed(outcome.facts.get("marks", ())):
            self._left[outcome.status] -= 1
            self._noted.append(repetition(trial))

    def leases(self) -> list[LeasePlan]:
        """What was taken down since the last time."""
        noted, self._noted = self._noted, []
        return leases_of(noted)
