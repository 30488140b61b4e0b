"""The cells of a run with all their metrics, for the sections behind the ranked tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report.parts import Kind, Measure
from bench.report.wording import TWIN, number


@dataclass(frozen=True)
class Cell:
    """One variant under one scenario, load, parameters and concurrency.

    Attributes:
        measures: by metric.
        status: ``ok``, the status of a trial that was not, or ``not run``.
        failed: whether it broke a rule.
    """

    variant: str
    scenario: str
    load: str
    params: Mapping[str, Any]
    concurrency: int
    measures: Mapping[str, Measure]
    status: str
    failed: bool
    kind: Kind

    @property
    def name(self) -> str:
        """The variant's, and that it is a limit where it is one."""
        return f"{self.variant} (limit)" if self.kind == "limit" else self.variant

    @property
    def state(self) -> str:
        """Why its numbers are not ranked: a status or ``FAIL``; empty where they are."""
        return self.status if self.status != "ok" else "FAIL" if self.failed else ""

    def value(self, metric: str) -> float | None:
        """Median over rounds."""
        found = self.measures.get(metric)
        return found.value if found else None

    def text(self, metric: str) -> str:
        """The value; where the cell is not ranked, the reason in a word."""
        if self.status != "ok":
            return self.status
        value = number(self.value(metric))
        return f"{value} FAIL" if self.failed and value != "-" else value


def kind_of(variant: str, run: Mapping[str, Any]) -> Kind:
    """What a variant is in this run.

    Args:
        run: ``run.json``; runs of earlier versions say nothing of limits.
    """
    if variant.endswith(TWIN):
        return "twin"
    return "limit" if run["variants"].get(variant, {}).get("is_floor") else "variant"


def in_order(cells: Iterable[Cell]) -> list[Cell]:
    """As they come, without the baseline's twins and with the limits last."""
    kept = [cell for cell in cells if cell.kind != "twin"]
    return sorted(kept, key=lambda cell: cell.kind == "limit")


def alike(cells: Iterable[Cell], without: str = "") -> dict[str, list[Cell]]:
    """Cells grouped by the text of their parameters, one of which may be left out."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        params = {name: value for name, value in cell.params.items() if name != without}
        groups.setdefault(json.dumps(params, sort_keys=True), []).append(cell)
    return groups


def by_variant(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Cells grouped by their variant's name, in the order of :func:`in_order`."""
    groups: dict[str, list[Cell]] = {}
    for cell in in_order(cells):
        groups.setdefault(cell.name, []).append(cell)
    return groups


def any_has(cells: Sequence[Cell], *metrics: str) -> bool:
    """Whether some cell has one of the metrics."""
    return any(metric in cell.measures for cell in cells for metric in metrics)
