"""The one rate at which variants are held side by side, where a run offers all several."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from bench.report.cells import Cell, by_place
from scenarios import all_scenarios
from scenarios.loads import LOADS

#: The parameter that makes an open load one that all variants are offered alike.
RATE = "rate_per_s"

Place = tuple[Any, ...]


def common_rate(cells: Iterable[Cell]) -> Place | None:
    """The place of the cells whose latency is told of all, by findings and matrix alike.

    Of the work that comes first in the profile, the highest concurrency that has such a rate: the
    middle one, or where half of the variants or more are overloaded there, or not ranked, the next
    lower, and last the next higher.

    Args:
        cells: of a run; those without a latency at a rate that all are offered count for nothing.

    Returns:
        As :attr:`bench.report.cells.Cell.place`; ``None`` where there is no such rate.
    """
    groups = by_place(cell for cell in cells if _has_latency(cell))
    first = next(iter(groups.values()), None)
    if first is None:
        return None
    like = {place: own for place, own in groups.items() if _work(own[0]) == _work(first[0])}
    for concurrency in sorted({own[0].concurrency for own in like.values()}, reverse=True):
        rates = {
            float(own[0].params[RATE]): place
            for place, own in like.items()
            if own[0].concurrency == concurrency
        }
        for rate in _from_the_middle(sorted(rates)):
            if _tells(like[rates[rate]]):
                return rates[rate]
    return None


def _has_latency(cell: Cell) -> bool:
    if not LOADS[cell.load].scheduled or RATE not in cell.params:
        return False
    return _headline(cell).startswith("latency")


def _headline(cell: Cell) -> str:
    return all_scenarios()[cell.scenario].headline[cell.load]


def _work(cell: Cell) -> tuple[str, str]:
    params = {name: value for name, value in cell.params.items() if name != RATE}
    return cell.scenario, json.dumps(params, sort_keys=True)


def _from_the_middle(rates: Sequence[float]) -> list[float]:
    middle = (len(rates) - 1) // 2
    return [*reversed(rates[: middle + 1]), *rates[middle + 1 :]]


def _tells(cells: Sequence[Cell]) -> bool:
    """Whether more than half of the variants have a latency that counts."""
    queues = [cell for cell in cells if cell.kind == "variant"]
    sound = sum(cell.is_sound and _headline(cell) in cell.measures for cell in queues)
    return 2 * sound > len(queues)
