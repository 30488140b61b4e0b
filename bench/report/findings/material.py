"""What findings are made of: the cells of a run, and those that stand side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.analysis.tables import Key
from bench.measure.contrasts import Contrasts
from bench.measure.metrics import HIGHER_IS_BETTER
from bench.measure.statistics import MIN_ROUNDS
from bench.measure.tiers import Standing, standing
from bench.plan.cells import TWIN
from bench.report.cells import Cell, by_place, contrasts_of
from bench.report.wording import plural
from scenarios import all_scenarios
from scenarios.loads import LOADS


@dataclass(frozen=True)
class Group:
    """The queues under one scenario, load, parameters and concurrency, by one metric.

    Attributes:
        cells: without limits and the baseline's twin.
        rounds: by variant and round the values of the cells whose numbers count: nothing in them
            went wrong, and the rate was none that overloads.
        contrasts: those of the table, of all its rows: what the others tell of the noise counts.
    """

    cells: tuple[Cell, ...]
    metric: str
    rounds: Mapping[str, Mapping[int, float]]
    contrasts: Contrasts

    @property
    def caption(self) -> str:
        """That of its table: ``add, drain, concurrency 4``."""
        return self.cells[0].caption

    @property
    def concurrency(self) -> int:
        """Tasks at once."""
        return self.cells[0].concurrency

    @property
    def better(self) -> str:
        """``higher`` or ``lower``."""
        return "higher" if self.metric in HIGHER_IS_BETTER else "lower"

    @cached_property
    def values(self) -> dict[str, float]:
        """By variant the mean over its rounds, the best first."""
        found = {
            cell.variant: cell.measures[self.metric].value
            for cell in self.cells
            if cell.variant in self.rounds
        }
        sign = -1 if self.better == "higher" else 1
        return dict(sorted(found.items(), key=lambda item: (sign * item[1], item[0])))

    @cached_property
    def enough(self) -> tuple[str, ...]:
        """The variants with rounds enough to tell something of, the best first."""
        return tuple(name for name in self.values if len(self.rounds[name]) >= MIN_ROUNDS)

    @cached_property
    def standing(self) -> Standing:
        """The tiers of :attr:`enough`."""
        return standing(self.enough, self.contrasts, self.better)

    @property
    def left_out(self) -> dict[str, str]:
        """Why a variant is in no tier, in a word or two."""
        told = {}
        for cell in self.cells:
            name = cell.variant
            if name not in self.rounds:
                told[name] = cell.state or cell.remark or "no value"
            elif name not in self.enough:
                told[name] = plural(len(self.rounds[name]), "round")
            elif name in self.standing.untold:
                told[name] = "too few rounds in common"
        return told

    def rounds_text(self, names: Iterable[str]) -> str:
        """How many rounds some variants have: ``3 rounds``, ``3 to 8 rounds``."""
        counts = sorted({len(self.rounds[name]) for name in names})
        least = f"{counts[0]} to " if len(counts) > 1 else ""
        return least + plural(counts[-1], "round")


@dataclass(frozen=True)
class Material:
    """One run.

    Attributes:
        facts: ``run.json``.
        cells: in the profile's order.
        checks: by cell each check's name and how often it was violated.
        trials: number of trials by status.
    """

    facts: Mapping[str, Any]
    cells: Sequence[Cell]
    checks: Mapping[Key, Sequence[tuple[str, int]]]
    trials: Mapping[str, int]

    def group(self, place: tuple[Any, ...]) -> Group:
        """The group of one place, by its headline."""
        return _group([cell for cell in self.cells if cell.place == place])

    @cached_property
    def drain(self) -> Group | None:
        """The group whose throughput is told: see :func:`loudest`."""
        groups = [_group(cells) for cells in by_place(filter(_is_drain, self.cells)).values()]
        return loudest([group for group in groups if group.cells])


def _is_drain(cell: Cell) -> bool:
    """Whether a queue is drained in it, and how fast is what it ranks by."""
    return LOADS[cell.load].drains and _headline(cell).startswith("throughput")


def _headline(cell: Cell) -> str:
    return all_scenarios()[cell.scenario].headline[cell.load]


def _group(cells: Sequence[Cell]) -> Group:
    """Cells of one place; where a latency depends on how long its rate was held, it says nothing
    of the rate, so what is not stationary counts as little as what is overloaded."""
    metric = _headline(cells[0])
    queues = tuple(cell for cell in cells if cell.kind == "variant")
    sound = (cell for cell in queues if cell.is_sound)
    rounds = {cell.variant: cell.rounds[metric] for cell in sound if metric in cell.rounds}
    return Group(queues, metric, rounds, contrasts_of(cells, metric))


def loudest(groups: Sequence[Group]) -> Group | None:
    """Of like groups that of the highest concurrency, if it has rounds enough to tell variants
    apart, else the highest that has; of none like that, the highest with values.

    Groups are like the first that has them: of its scenario and parameters.
    """
    able = (
        [group for group in groups if len(group.enough) > 1]
        or [group for group in groups if group.enough]
        or [group for group in groups if group.rounds]
    )
    like = [group for group in able if _work(group) == _work(able[0])]
    return max(like, key=lambda group: group.concurrency, default=None)


def _work(group: Group) -> tuple[str, str]:
    first = group.cells[0]
    return first.scenario, json.dumps(first.params, sort_keys=True)


def variant_of(name: str) -> str:
    """The variant, also of the baseline's second cell."""
    return name.removesuffix(TWIN)


def backend_of(name: str) -> str:
    """What stands before the colon, with its version where one is pinned."""
    return name.partition(":")[0]
