"""Profile -> rounds of leases of trials, in shuffled order. A pure function of profile and seed."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backends import Choice, UnknownVariant, choose
from bench.errors import UsageError, unknown
from bench.profile import CellSpec, Profile
from scenarios import all_scenarios
from scenarios.spec import Item, Scenario

#: The least a drain is made of, however slow the queue.
MIN_TASKS = 10


@dataclass(frozen=True)
class Cell:
    """Variant x scenario x load x concurrency x parameters."""

    choice: Choice
    scenario: Scenario
    load: str
    concurrency: int
    params: Mapping[str, Any]
    tasks: int
    for_s: float | None
    rounds: int
    seed: int

    @property
    def label(self) -> str:
        """Short text for progress lines: ``celery:threads c=4 add drain``."""
        return f"{self.choice.name} c={self.concurrency} {self.scenario.name} {self.load}"

    def items(self, trial: int) -> list[Item]:
        """What trial number ``trial`` of this cell sends."""
        return self.scenario.items(trial << 32, self.tasks, self.params, self.seed)


@dataclass(frozen=True)
class TrialPlan:
    """One execution of one cell."""

    number: int
    round: int
    cell: Cell

    @property
    def id(self) -> str:
        """File-name-safe and unique within the run."""
        cell = self.cell
        variant = cell.choice.name.replace(":", "-").replace("@", "-v")
        return (
            f"r{self.round}-{self.number:04d}-{variant}-c{cell.concurrency}"
            f"-{cell.scenario.name}-{cell.load}"
        )


@dataclass
class LeasePlan:
    """One start of a variant's workers and the trials that share it, in order."""

    choice: Choice
    concurrency: int
    round: int
    settings: dict[str, Any] = field(default_factory=dict)
    trials: list[TrialPlan] = field(default_factory=list)

    @property
    def id(self) -> str:
        """File-name-safe and unique within the run."""
        variant = self.choice.name.replace(":", "-").replace("@", "-v")
        return f"r{self.round}-{self.trials[0].number:04d}-{variant}-c{self.concurrency}"

    def takes(self, settings: Mapping[str, Any], load: str) -> bool:
        """Whether a trial with these worker settings can share this lease.

        One drain per lease: it needs the workers not yet started.
        """
        agrees = all(self.settings.get(key, value) == value for key, value in settings.items())
        has_drain = any(trial.cell.load == "drain" for trial in self.trials)
        return agrees and not (load == "drain" and has_drain)


@dataclass(frozen=True)
class Plan:
    """All leases in the order they run."""

    profile: Profile
    seed: int
    baseline: str
    cells: list[Cell]
    leases: list[LeasePlan]

    @property
    def trials(self) -> list[TrialPlan]:
        """All trials in the order they run."""
        return [trial for lease in self.leases for trial in lease.trials]


def make_plan(
    profile: Profile,
    *,
    variants: list[str] | None = None,
    scenarios: list[str] | None = None,
    rounds: int | None = None,
    platform: str = sys.platform,
) -> Plan:
    """Lay out the run of ``profile``, narrowed to some variants and scenarios.

    Args:
        rounds: how many rounds instead of the profile's; cells with rounds of their own
            never get more than these.

    Raises:
        UsageError: an unknown variant or scenario, or nothing left to run.
    """
    wanted = scenarios or list(all_scenarios())
    for name in wanted:
        if name not in all_scenarios():
            raise unknown("scenario", name, all_scenarios())
    choices = choices_of(variants or profile.variants)
    cells = [
        _cell(profile, spec, choice, concurrency, rounds)
        for spec in profile.cells
        if spec.scenario in wanted
        for choice in choices
        for concurrency in spec.concurrency or profile.concurrency
    ]
    if not cells:
        have = ", ".join(sorted({spec.scenario for spec in profile.cells}))
        raise UsageError(f"nothing to run: the profile {profile.name} has only {have}")
    _refuse_twins(cells, profile)
    baseline = profile.baseline_windows if platform == "win32" else profile.baseline
    return Plan(profile, profile.seed, baseline, cells, _leases(cells, profile.seed))


def _refuse_twins(cells: list[Cell], profile: Profile) -> None:
    """Two cells that differ in their size alone would be told as one."""
    seen = set()
    for cell in cells:
        key = (cell.label, tuple(sorted(cell.params.items())))
        if key in seen:
            raise UsageError(
                f"the profile {profile.name} has two cells that differ at most in tasks, for_s or "
                f"rounds: {cell.label}; leave one out, or give it a profile of its own"
            )
        seen.add(key)


def choices_of(names: list[str]) -> list[Choice]:
    """The variants that the names stand for, each once.

    Raises:
        UsageError: an unknown name; the message has the nearest that exists.
    """
    chosen: dict[str, Choice] = {}
    for name in names:
        try:
            chosen.update((choice.name, choice) for choice in choose(name))
        except UnknownVariant as error:
            raise unknown("variant", name, error.known) from None
    return list(chosen.values())


def _cell(
    profile: Profile, spec: CellSpec, choice: Choice, concurrency: int, rounds: int | None
) -> Cell:
    scenario = all_scenarios()[spec.scenario]
    params = {p.name: p.default for p in scenario.parameters} | spec.own_parameters()
    own = min(spec.rounds or profile.rounds, rounds or 10**6)
    return Cell(
        choice=choice,
        scenario=scenario,
        load=spec.load,
        concurrency=concurrency,
        params=params,
        tasks=_tasks(spec, choice, concurrency, params),
        for_s=spec.for_s,
        rounds=own if spec.rounds else rounds or profile.rounds,
        seed=profile.seed,
    )


def _tasks(spec: CellSpec, choice: Choice, concurrency: int, params: Mapping[str, Any]) -> int:
    """A drain's backlog is sized to take about ``for_s`` seconds; a closed load gets more items
    than it can use in its time."""
    if spec.tasks is not None:
        return spec.tasks
    assert spec.for_s is not None
    if spec.load == "closed":
        return math.ceil(2000 * spec.for_s)
    rate = choice.variant.nominal_rate(concurrency)
    if service_s := params.get("service_s"):
        rate = min(rate, concurrency / service_s)
    return max(MIN_TASKS, math.ceil(rate * spec.for_s))


def _leases(cells: list[Cell], seed: int) -> list[LeasePlan]:
    """Group each round's trials into leases; shuffle leases and trials with the run's seed."""
    rng = random.Random(seed)
    leases: list[LeasePlan] = []
    number = 0
    for round_number in range(1, max(cell.rounds for cell in cells) + 1):
        todo = [cell for cell in cells if cell.rounds >= round_number]
        rng.shuffle(todo)
        in_round: list[LeasePlan] = []
        for cell in todo:
            number += 1
            _place(TrialPlan(number, round_number, cell), in_round)
        rng.shuffle(in_round)
        for lease in in_round:
            lease.trials.sort(key=lambda trial: trial.cell.load != "drain")
        leases += in_round
    return leases


def _place(trial: TrialPlan, leases: list[LeasePlan]) -> None:
    cell = trial.cell
    settings = cell.scenario.settings(cell.params)
    for lease in leases:
        same = (lease.choice, lease.concurrency) == (cell.choice, cell.concurrency)
        if same and lease.takes(settings, cell.load):
            break
    else:
        lease = LeasePlan(cell.choice, cell.concurrency, trial.round)
        leases.append(lease)
    lease.settings.update(settings)
    lease.trials.append(trial)
