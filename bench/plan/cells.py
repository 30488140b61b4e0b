"""Cells, their trials, and the leases that trials share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from backends import Choice
from scenarios.loads import LOADS, Load
from scenarios.spec import Item, Scenario

#: The trial number of tasks that only warm up: no trial of a plan has it.
WARM_UP = 0
#: What the number of a trial that repeats another is larger by than that of the other.
REPEATED = 1_000_000
#: What the baseline's second cell is called: the baseline against itself, A/A.
TWIN = " (A/A)"


def twins_among(names: Iterable[str]) -> dict[str, str]:
    """By the name of each twin that of the variant which it is once more."""
    return {name: name.removesuffix(TWIN) for name in names if name.endswith(TWIN)}


@dataclass(frozen=True)
class Cell:
    """Variant x scenario x load x concurrency x parameters.

    Attributes:
        params: the scenario's parameters and those of the load.
        tasks: items of a trial; 0 where only the trial can tell, since it depends on a rate
            measured before it.
        twin: whether this is the baseline's second cell.
        timeout_s: after it a trial is a timeout.
        windows: how often a drain fills the queue, each time with so many tasks.
        limited: whether the profile gives this cell rounds of its own.
    """

    choice: Choice
    scenario: Scenario
    load: str
    concurrency: int
    params: Mapping[str, Any]
    tasks: int
    for_s: float | None
    rounds: int
    seed: int
    timeout_s: float
    twin: bool = False
    limited: bool = False
    windows: int = 1

    @property
    def name(self) -> str:
        """The variant as the tables name it."""
        return self.choice.name + (TWIN if self.twin else "")

    @property
    def label(self) -> str:
        """Short text for progress lines: ``celery:threads c=4 add drain``."""
        return f"{self.name} c={self.concurrency} {self.scenario.name} {self.load}"

    @property
    def offering(self) -> Load:
        """What its load is."""
        return LOADS[self.load]

    def items(self, trial: int, tasks: int | None = None) -> list[Item]:
        """What trial number ``trial`` of this cell sends, where it sends so many items."""
        count = self.tasks if tasks is None else tasks
        return self.scenario.items(trial << 32, count, self.params, self.seed)

    @property
    def drained(self) -> str:
        """Names the drains whose throughput the rates of this cell are shares of."""
        return drained_key(self.name, self.scenario, self.concurrency, self.params)

    @property
    def relative(self) -> bool:
        """Whether its rates are shares of a drain's throughput."""
        return self.offering.relative(self.params)


def drained_key(
    variant: str, scenario: Scenario, concurrency: int, params: Mapping[str, Any]
) -> str:
    """:attr:`Cell.drained` of the cell that these describe, of a plan or of a recorded trial.

    Args:
        variant: as the tables name it, so that a twin has drains of its own.
    """
    own = {p.name: float(params[p.name]) for p in scenario.parameters}  # 0 is 0.0
    return json.dumps([variant, scenario.name, concurrency, own], sort_keys=True)


def describe(cell: Cell) -> dict[str, Any]:
    """A cell as plain data: enough to make its items again."""
    several = {"windows": cell.windows} if cell.windows > 1 else {}
    return several | {
        "variant": cell.name,
        "choice": cell.choice.name,
        "twin": cell.twin,
        "scenario": cell.scenario.name,
        "load": cell.load,
        "concurrency": cell.concurrency,
        "params": dict(cell.params),
        "tasks": cell.tasks,
        "seed": cell.seed,
    }


@dataclass(frozen=True)
class TrialPlan:
    """One execution of one cell.

    Attributes:
        number: unique within the run: every task's id carries it.
        repeats: the id of the trial that this one repeats, for it ran among strangers.
    """

    number: int
    round: int
    cell: Cell
    repeats: str = ""

    @property
    def id(self) -> str:
        """File-name-safe and unique within the run."""
        cell = self.cell
        return (
            f"r{self.round}-{self.number:04d}-{_file_name(cell.choice, cell.twin)}"
            f"-c{cell.concurrency}-{cell.scenario.name}-{cell.load}"
        )


def file_name(variant: str) -> str:
    """A variant's name as it stands in names of files."""
    return variant.replace(":", "-").replace("@", "-v")


def _file_name(choice: Choice, twin: bool) -> str:
    name = file_name(choice.name)
    return f"{name}-aa" if twin else name


def repetition(trial: TrialPlan) -> TrialPlan:
    """The same once more, under a number and an id of its own."""
    return replace(trial, number=trial.number + REPEATED, repeats=trial.id)


#: What :attr:`LeasePlan.id` gives; ``-2`` and so on follow where the folder of that name is kept.
LEASE_ID = re.compile(r"r\d+-\d{4,}-.+-c\d+(-\d+)?")


@dataclass
class LeasePlan:
    """One start of a variant's workers and the trials that share it, in order."""

    choice: Choice
    concurrency: int
    round: int
    twin: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    trials: list[TrialPlan] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The variant as the tables name it."""
        return self.choice.name + (TWIN if self.twin else "")

    @property
    def stops_in_order(self) -> bool:
        """Whether its workers are asked to stop: once per variant shows that they can.

        A stop takes seconds in which nothing is measured, and nothing depends on it: the broker
        is proven empty, and what is recorded is on disk.
        """
        return self.round == 1

    @property
    def drained(self) -> str | None:
        """The :attr:`Cell.drained` of its drain; ``None`` without one."""
        return next((t.cell.drained for t in self.trials if drains(t.cell)), None)

    @property
    def id(self) -> str:
        """File-name-safe and unique within the run."""
        variant = _file_name(self.choice, self.twin)
        return f"r{self.round}-{self.trials[0].number:04d}-{variant}-c{self.concurrency}"

    def takes(self, cell: Cell) -> bool:
        """Whether a trial of this cell can share this lease.

        One drain per lease: it needs the workers not yet started. A backlog is left behind
        half done, so it has a lease of its own.
        """
        own = (self.choice, self.twin, self.concurrency)
        if own != (cell.choice, cell.twin, cell.concurrency):
            return False
        settings = cell.scenario.settings(cell.params)
        agrees = all(self.settings.get(key, value) == value for key, value in settings.items())
        loads = [trial.cell.offering for trial in self.trials]
        twice = cell.offering.fills and any(load.fills for load in loads)
        return agrees and not twice and not any(load.cut_short for load in [*loads, cell.offering])


def drains(cell: Cell) -> bool:
    """Whether it tells the throughput that others take shares of."""
    return cell.offering.fills and not cell.offering.cut_short
