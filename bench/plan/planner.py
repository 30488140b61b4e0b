"""Profile -> rounds of leases of trials, in shuffled order. A pure function of profile and seed."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from backends import Choice
from bench.errors import UsageError, unknown
from bench.plan.cells import Cell, LeasePlan, TrialPlan, describe, drains
from bench.plan.profile import CellSpec, Profile
from bench.plan.sizes import refuse_too_many, refuse_too_much
from bench.plan.variants import Selection, choices_of, select
from scenarios import all_scenarios
from scenarios.loads import LOADS, Size
from scenarios.spec import Scenario

#: Of fewer rounds nothing can be said about chance, so no twin is run.
TWIN_ROUNDS = 3


@dataclass(frozen=True)
class Plan:
    """All leases in the order they run.

    Attributes:
        selection: its variants; those that are named by their own names are run even where they
            are known to do no work.
        platform: ``sys.platform`` of what is measured.
    """

    profile: Profile
    seed: int
    baseline: str
    cells: list[Cell]
    leases: list[LeasePlan]
    selection: Selection
    platform: str

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
        platform: ``sys.platform`` of what is measured.

    Raises:
        UsageError: an unknown variant or scenario, nothing left to run, or a cell that cannot be
            measured as it is asked for.
    """
    wanted = scenarios or list(all_scenarios())
    for name in wanted:
        if name not in all_scenarios():
            raise unknown("scenario", name, all_scenarios())
    selection = select(profile, variants, platform)
    cells = [
        cell
        for spec in profile.cells
        if spec.scenario in wanted
        for choice in selection.of(spec)
        for concurrency in spec.concurrency or profile.concurrency
        for cell in _cells(profile, spec, choice, concurrency, rounds)
    ]
    if not cells:
        have = ", ".join(sorted({spec.scenario for spec in profile.cells}))
        raise UsageError(
            f"nothing to run: the profile {profile.name} has only {have}, "
            "and not everything can run everything (see 'bench list backends')"
        )
    cells = _each_once(cells)
    _refuse_alike(cells, profile)
    baseline = baseline_of(profile, platform)
    cells += _twins(cells, baseline)
    _require_drains(cells, profile)
    refuse_too_many(cells, profile)
    leases = lay_out(cells, profile.seed)
    return Plan(profile, profile.seed, baseline, cells, leases, selection, platform)


def _twins(cells: list[Cell], baseline: str) -> list[Cell]:
    """The baseline's cells once more: what differs between the two is noise."""
    return [
        replace(cell, twin=True)
        for cell in cells
        if cell.choice.name == baseline and cell.rounds >= TWIN_ROUNDS and cell.offering.twin
    ]


def _require_drains(cells: list[Cell], profile: Profile) -> None:
    """Shares of a throughput need the drain that measures it, in each of their rounds.

    Raises:
        UsageError: a drain is missing, or has fewer rounds than a cell that takes shares of it.
    """
    measured = {cell.drained: cell.rounds for cell in cells if drains(cell)}
    for cell in cells:
        if not cell.relative:
            continue
        rounds = measured.get(cell.drained, 0)
        instead = ", or give rate_per_s = [N, ...] instead" if cell.offering.scheduled else ""
        if not rounds:
            raise UsageError(
                f"the profile {profile.name} has no drain for {cell.label}: its rates are shares "
                "of what the variant drains, so add a cell with load = 'drain' and the same "
                f"parameters and concurrency{instead}"
            )
        if rounds < cell.rounds:
            raise UsageError(
                f"the profile {profile.name} drains in {rounds} of the {cell.rounds} rounds of "
                f"{cell.label}: its rates are shares of what is drained in the same round, so give "
                f"the drain rounds = {cell.rounds}, or this cell rounds = {rounds}{instead}"
            )


def _each_once(cells: list[Cell]) -> list[Cell]:
    """Without those that another one is in every respect: where an option is how every worker runs,
    cells with it and without are the same."""
    once: dict[tuple[str, float | None, int], Cell] = {}
    for cell in cells:
        told = json.dumps(describe(cell), sort_keys=True)
        once.setdefault((told, cell.for_s, cell.rounds), cell)
    return list(once.values())


def _refuse_alike(cells: list[Cell], profile: Profile) -> None:
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


def baseline_of(profile: Profile, platform: str) -> str:
    """The name of the variant that ratios are taken against there."""
    name = profile.baseline_windows if platform == "win32" else profile.baseline
    return choices_of([name], platform)[0].name


def _cells(
    profile: Profile, spec: CellSpec, choice: Choice, concurrency: int, rounds: int | None
) -> Iterator[Cell]:
    """One cell for each combination of the values given; none where the variant's backend cannot
    do what the scenario or the load asks."""
    scenario = all_scenarios()[spec.scenario]
    if choice.backend.capabilities_of(choice.variant).lacks(spec.load, scenario.asks):
        return
    own = min(spec.rounds or profile.rounds, rounds or 10**6)
    for params in _variations(scenario, spec):
        cell = Cell(
            choice=choice,
            scenario=scenario,
            load=spec.load,
            concurrency=concurrency,
            params=params,
            tasks=LOADS[spec.load].tasks(
                Size(
                    spec.tasks,
                    spec.for_s,
                    params,
                    concurrency,
                    choice.variant.nominal_rate(concurrency),
                )
            ),
            for_s=spec.for_s,
            rounds=own if spec.rounds else rounds or profile.rounds,
            seed=profile.seed,
            timeout_s=spec.trial_timeout_s or profile.trial_timeout_s,
            limited=spec.rounds is not None,
            windows=spec.windows,
        )
        refuse_too_much(cell, spec, profile)
        yield cell


def _variations(scenario: Scenario, spec: CellSpec) -> Iterator[dict[str, Any]]:
    defaults = {p.name: p.default for p in scenario.parameters}
    swept = spec.own_parameters()
    for values in product(*swept.values()):
        for offer in spec.offers():
            yield defaults | dict(zip(swept, values, strict=True)) | offer


def lay_out(cells: list[Cell], seed: int) -> list[LeasePlan]:
    """All rounds, shuffled with the run's seed."""
    rng = random.Random(seed)
    leases: list[LeasePlan] = []
    number = 1
    for round_number in range(1, max(cell.rounds for cell in cells) + 1):
        todo = [cell for cell in cells if cell.rounds >= round_number]
        leases += round_of_leases(todo, round_number, number, rng)
        number += len(todo)
    return leases


def round_of_leases(
    cells: Sequence[Cell], round_number: int, first_number: int, rng: random.Random
) -> list[LeasePlan]:
    """Group a round's trials into leases; shuffle leases and trials.

    Drains are placed first, so that those that take shares of one find it. The trials keep the
    order and the numbers of the shuffle.

    Args:
        first_number: of its trials; they count up from there.
    """
    todo = list(cells)
    rng.shuffle(todo)
    trials = [TrialPlan(n, round_number, cell) for n, cell in enumerate(todo, first_number)]
    leases = leases_of(trials)
    rng.shuffle(leases)
    return leases


def leases_of(trials: Iterable[TrialPlan]) -> list[LeasePlan]:
    """The leases that some trials of a round share, each with its drain first."""
    leases: list[LeasePlan] = []
    for trial in sorted(trials, key=_after_drains):
        _place(trial, leases)
    return leases


def _after_drains(trial: TrialPlan) -> bool:
    return not drains(trial.cell)


def _place(trial: TrialPlan, leases: list[LeasePlan]) -> None:
    """Into the first lease that takes it; where its rates are shares, into that of its drain."""
    cell = trial.cell
    own = [lease for lease in leases if cell.relative and lease.drained == cell.drained]
    for lease in own or leases:
        if lease.takes(cell):
            break
    else:
        lease = LeasePlan(cell.choice, cell.concurrency, trial.round, cell.twin)
        leases.append(lease)
    lease.settings.update(cell.scenario.settings(cell.params))
    lease.trials.append(trial)
