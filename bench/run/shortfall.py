"""Which cells need more rounds until their ratio is known well enough, and the plan of these."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.analysis.tables import Tables, key_of, rounds_of
from bench.measure.contrasts import Contrasts
from bench.measure.statistics import MIN_ROUNDS, half_width, precise_enough
from bench.plan.cells import Cell, LeasePlan, describe, drains, twins_among
from bench.plan.planner import Plan, round_of_leases

#: No cell gets more rounds than these, however imprecise.
MOST_ROUNDS = 100


@dataclass(frozen=True)
class Missed:
    """A cell whose ratio to the baseline is not known well enough.

    Attributes:
        half_width: of the ratio's interval, as a share; ``None`` with too few rounds for one.
    """

    cell: Cell
    half_width: float | None

    def as_data(self) -> dict[str, Any]:
        """Plain data, for ``run.json``."""
        names = ("variant", "scenario", "load", "concurrency", "params")
        cell = describe(self.cell)
        return {name: cell[name] for name in names} | {"half_width": self.half_width}


def missed(
    plan: Plan, tables: Tables, trials: Sequence[Mapping[str, Any]], within: float
) -> list[Missed]:
    """The cells that need more rounds, in the plan's order.

    Left out are those that no number of rounds would help: the baseline itself and its twin, a
    floor, cells with rounds of their own in the profile, cells where they or the baseline's have a
    failed trial or check, or have rounds enough but no ratio.

    Args:
        trials: every finished one, of a repeated one that whose figures count.
        within: the half width asked for, as a share.
    """
    contrasts = _contrasts(tables)
    ended = Counter(key_of(trial) for trial in trials)
    broken = {key_of(trial) for trial in trials if trial["status"] != "ok"}
    failed = tables.verdicts[tables.verdicts["verdict"] != "pass"]
    broken |= {key_of(row) for row in failed.to_dict("records")}
    found = []
    for cell in plan.cells:
        base = baseline_of(plan, cell)
        if base is None or cell.limited or _is_measure(plan, cell):
            continue
        key, base_key = key_of(describe(cell)), key_of(describe(base))
        if {key, base_key} & broken:
            continue
        table = contrasts.get((*key[1:], cell.scenario.headline[cell.load]))
        ratio = table.ratio(cell.name, base.name) if table else None
        width = half_width(ratio)
        if width is None and min(ended[key], ended[base_key]) >= MIN_ROUNDS:
            continue
        if not precise_enough(ratio, within):
            found.append(Missed(cell, width))
    return found


def _contrasts(tables: Tables) -> dict[tuple[Any, ...], Contrasts]:
    """By a cell's key without its variant, and the metric."""
    found: dict[tuple[Any, ...], dict[str, dict[int, float]]] = defaultdict(dict)
    for (key, metric), rounds in rounds_of(tables.rounds).items():
        found[(*key[1:], metric)][key[0]] = rounds
    return {key: Contrasts(rows, twins_among(rows)) for key, rows in found.items()}


def baseline_of(plan: Plan, cell: Cell) -> Cell | None:
    """The baseline's cell that ``cell`` is compared with."""
    wanted = key_of({**describe(cell), "variant": plan.baseline})
    return next((base for base in plan.cells if key_of(describe(base)) == wanted), None)


def with_baselines(plan: Plan, cells: Iterable[Cell]) -> list[int]:
    """Places in ``plan.cells`` of all that an added round needs for these cells, in order.

    These are the cells, those they are compared with, and the drains that either take shares of,
    even those with rounds of their own.
    """
    wanted: set[int] = set()
    shared: set[str] = set()
    for cell in cells:
        both = [found for found in (cell, baseline_of(plan, cell)) if found is not None]
        wanted |= {id(found) for found in both}
        shared |= {found.drained for found in both if found.relative}
    return [
        place
        for place, cell in enumerate(plan.cells)
        if id(cell) in wanted or (drains(cell) and cell.drained in shared)
    ]


def more_rounds(
    plan: Plan, cells: Sequence[Cell], round_number: int, first_number: int
) -> list[LeasePlan]:
    """One more round over some cells of the plan, shuffled as the plan's own rounds are.

    Args:
        first_number: of its trials; they count up from there.

    Returns:
        The same leases for the same arguments, whatever ran before.
    """
    rng = random.Random(f"{plan.seed}/{round_number}")
    return round_of_leases(cells, round_number, first_number, rng)


def _is_measure(plan: Plan, cell: Cell) -> bool:
    """Whether it is what others are held against: the baseline, its twin, or a floor."""
    return cell.choice.name == plan.baseline or cell.choice.backend.is_floor
