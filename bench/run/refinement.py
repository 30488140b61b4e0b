"""Rounds beyond the profile's, for the cells that need them, until time is up."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from bench.analysis.tables import analyse, with_figures
from bench.plan.cells import LeasePlan, TrialPlan
from bench.plan.planner import Plan
from bench.plan.precision import Precision
from bench.record.store import RunFolder
from bench.run.resume import unfinished
from bench.run.runner import Observer, Runner
from bench.run.shortfall import MOST_ROUNDS, Missed, missed, more_rounds, with_baselines

#: Starting and stopping a lease, beside its trials.
LEASE_S = 2.0


class Refinement:
    """Adds rounds to a run whose own have ended.

    What is decided goes into ``run.json`` before it is done: cells, round and trial numbers of
    each added round. So a run that is cut short in one goes on with the same trials.

    Args:
        facts: of ``run.json``; its ``precision``, ``cells`` and ``planned_trials`` are kept up to
            date.
    """

    def __init__(
        self,
        plan: Plan,
        wanted: Precision,
        folder: RunFolder,
        facts: dict[str, Any],
        observer: Observer,
    ) -> None:
        self._plan = plan
        self._wanted = wanted
        self._folder = folder
        self._facts = facts
        self._observer = observer
        fresh = {"rounds_added": 0, "reached": False, "missed": [], "added": [], "spent_s": 0.0}
        self._state: dict[str, Any] = facts.setdefault("precision", asdict(wanted) | fresh)
        self._before_s: float = self._state["spent_s"]
        self._started: float | None = None

    def run(self, runner: Runner) -> None:
        """Go on with rounds that are not whole, then add rounds while they are needed."""
        for added in list(self._state["added"]):
            self._run_round(added, runner)
        while (short := self._short()) and not self._over:
            self._run_round(self._add_round(short), runner)
        self._count_rounds(self._folder.finished())
        self._state |= {"reached": not short, "spent_s": self._spent_s()}

    @property
    def _over(self) -> bool:
        spent = self._spent_s() >= self._wanted.budget_s
        return spent or self._cut or self._rounds >= MOST_ROUNDS

    @property
    def _rounds(self) -> int:
        """How many rounds there have been, the added ones included."""
        return max(cell.rounds for cell in self._plan.cells) + len(self._state["added"])

    @property
    def _cut(self) -> bool:
        """Whether a lease of the last round had to be left out for want of time."""
        return bool(self._left(self._state["added"][-1:]))

    def _short(self) -> list[Missed]:
        tables = analyse(self._folder)
        trials = with_figures(self._folder.read_trials())
        found = missed(self._plan, tables, trials, self._wanted.within)
        self._state["missed"] = [cell.as_data() for cell in found]
        return found

    def _add_round(self, short: list[Missed]) -> dict[str, Any]:
        """Decide on a round and write it down."""
        trials = len(self._plan.trials) + sum(len(a["cells"]) for a in self._state["added"])
        added = {
            "round": self._rounds + 1,
            "first_trial": trials + 1,
            "cells": with_baselines(self._plan, [missing.cell for missing in short]),
        }
        self._state["added"].append(added)
        self._state |= {"rounds_added": len(self._state["added"]), "spent_s": self._spent_s()}
        self._count_rounds()
        self._folder.write_run(self._facts)
        return added

    def _run_round(self, added: dict[str, Any], runner: Runner) -> None:
        todo = self._left([added])
        planned = sum(len(lease.trials) for lease in self._leases(added))
        trials = [trial for lease in todo for trial in lease.trials]
        self._observer.trials_planned(trials, planned - len(trials))
        if self._started is None:
            self._started = time.monotonic()
        runner.run(self._in_time(todo))

    def _in_time(self, leases: list[LeasePlan]) -> Iterator[LeasePlan]:
        """The leases, up to the first that would last beyond the budget."""
        longest: dict[int, float] = defaultdict(float)
        places = {trial.id: self._place(trial) for trial in self._all_trials()}
        for trial in self._folder.read_trials():
            if (place := places.get(trial["trial_id"])) is not None:
                longest[place] = max(longest[place], trial["took_s"])
        for lease in leases:
            expected_s = LEASE_S + sum(longest[self._place(trial)] for trial in lease.trials)
            if self._spent_s() + expected_s > self._wanted.budget_s:
                return
            yield lease

    def _spent_s(self) -> float:
        now = 0.0 if self._started is None else time.monotonic() - self._started
        return round(self._before_s + now, 3)

    def _count_rounds(self, finished: set[str] | None = None) -> None:
        """Tell in ``run.json`` how many rounds each cell gets; at the end, how many it got."""
        counts = [cell.rounds for cell in self._plan.cells]
        for added in self._state["added"]:
            for lease in self._leases(added):
                for trial in lease.trials:
                    counts[self._place(trial)] += finished is None or trial.id in finished
        for cell, rounds in zip(self._facts["cells"], counts, strict=True):
            cell["rounds"] = rounds
        self._facts["planned_trials"] = sum(counts)

    def _leases(self, added: dict[str, Any]) -> list[LeasePlan]:
        cells = [self._plan.cells[place] for place in added["cells"]]
        return more_rounds(self._plan, cells, added["round"], added["first_trial"])

    def _left(self, rounds: list[dict[str, Any]]) -> list[LeasePlan]:
        leases = [lease for added in rounds for lease in self._leases(added)]
        return unfinished(leases, self._folder.finished())

    def _all_trials(self) -> list[TrialPlan]:
        more = [lease for added in self._state["added"] for lease in self._leases(added)]
        return [*self._plan.trials, *(trial for lease in more for trial in lease.trials)]

    def _place(self, trial: TrialPlan) -> int:
        return next(n for n, cell in enumerate(self._plan.cells) if cell is trial.cell)
