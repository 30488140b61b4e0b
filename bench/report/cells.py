"""The cells of a run with all that is known of them: what tables, chapters and comparisons need."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.analysis.tables import Key
from bench.measure.contrasts import Contrasts
from bench.measure.open_loop import not_stationary
from bench.plan.cells import TWIN, twins_among
from bench.report.measures import Measure
from bench.report.wording import caption, number

#: Statuses of a cell beyond those of a trial (:class:`bench.run.trial.Outcome`).
NOT_RUN = "not run"
#: Statuses of trials by which nothing is missing: a variant that cannot run on a platform is no
#: failure of the harness.
FINE = frozenset({"ok", "unsupported"})
#: Of an open load that was more than the variant works off: what it does work off.
SUSTAINED = "sustained_tasks_per_s"
#: Of an open load: how the latency grew within the trial.
DRIFT = "latency_drift"

#: ``twin``: the baseline's second cell (A/A); ``limit``: a variant that is no queue to choose but
#: the limit that queues are measured against. Neither is ranked.
Kind = Literal["variant", "twin", "limit"]


@dataclass(frozen=True)
class Cell:
    """One variant under one scenario, load, parameters and concurrency.

    Attributes:
        key: names it, as in every table of the run.
        measures: by metric.
        rounds: by metric the value of each round.
        status: ``ok``, the status of the first trial that was not, or ``not run``.
        reason: one sentence where it is not ok.
        failed: violations by check.
        checked: whether any check looked at it.
        ended: how many rounds ended well.
        planned: how many were to run.
        asked_per_s: of an open load the rate it was offered; ``None`` where none is known.
    """

    key: Key
    params: Mapping[str, Any]
    kind: Kind = "variant"
    measures: Mapping[str, Measure] = field(default_factory=dict)
    rounds: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    status: str = "ok"
    reason: str = ""
    failed: Mapping[str, int] = field(default_factory=dict)
    checked: bool = False
    ended: int = 0
    planned: int = 0
    version: str = ""
    asked_per_s: float | None = None

    @property
    def variant(self) -> str:
        """As the tables name it."""
        return self.key[0]

    @property
    def scenario(self) -> str:
        """Its name."""
        return self.key[1]

    @property
    def load(self) -> str:
        """How tasks were offered."""
        return self.key[2]

    @property
    def concurrency(self) -> int:
        """Tasks at once."""
        return self.key[3]

    @property
    def place(self) -> tuple[Any, ...]:
        """What names its table: the key without the variant."""
        return self.key[1:]

    @property
    def caption(self) -> str:
        """The same in words: ``chain, closed, length 5, concurrency 4``."""
        return caption(self.scenario, self.load, self.params, self.concurrency)

    @property
    def name(self) -> str:
        """The variant's, and that it is a limit where it is one."""
        return f"{self.variant} (limit)" if self.kind == "limit" else self.variant

    @property
    def overloaded(self) -> bool:
        """Whether it was offered more than it works off, in some round."""
        return SUSTAINED in self.measures

    @property
    def is_sound(self) -> bool:
        """Whether its numbers count in what is said of a run: it is ranked, and no latency of it
        depends on how long its rate was held."""
        return not self.state and not self.remark

    @property
    def remark(self) -> str:
        """What is no failure, but must stand beside its numbers; empty for nothing."""
        if sustained := self.measures.get(SUSTAINED):
            where = f" in {sustained.rounds} of {self.ended} rounds"
            told = f"overloaded (sustains {number(sustained.value)} per s)"
            return told + (where if sustained.rounds < self.ended else "")
        drift = self.measures.get(DRIFT)
        return "not stationary" if drift and not_stationary(drift.value) else ""

    @property
    def state(self) -> str:
        """Why its numbers are not ranked, in a word; empty where they are."""
        if self.status != "ok":
            return self.status
        return "FAIL" if self.failed else "overloaded" if self.overloaded else ""

    @property
    def ending(self) -> str:
        """Verdict, status with its reason, and missing rounds together; ``-`` for nothing."""
        told = [self.verdict if self.checked else "", self.remark]
        if self.status != "ok":
            told.append(": ".join(part for part in (self.status, self.reason) if part))
        elif self.ended < self.planned:
            told.append(f"{self.ended} of {self.planned} rounds ran")
        return "; ".join(part for part in told if part) or "-"

    @property
    def verdict(self) -> str:
        """``pass``, or ``FAIL: lost 3, repeated 1``; ``-`` where nothing was checked."""
        if self.failed:
            return "FAIL: " + ", ".join(f"{check} {n}" for check, n in self.failed.items())
        return "pass" if self.checked else "-"

    def value(self, metric: str) -> float | None:
        """Mean over rounds."""
        found = self.measures.get(metric)
        return found.value if found else None

    def text(self, metric: str) -> str:
        """The value; where the cell is not ranked, the reason in a word."""
        if self.status != "ok":
            return self.status
        value = number(self.value(metric))
        if value == "-":
            return "overloaded" if self.overloaded else value
        return f"{value} FAIL" if self.failed else value


def kind_of(variant: str, run: Mapping[str, Any]) -> Kind:
    """What a variant is in this run.

    Args:
        run: ``run.json``; runs of earlier versions say nothing of limits.
    """
    if variant.endswith(TWIN):
        return "twin"
    return "limit" if run["variants"].get(variant, {}).get("is_floor") else "variant"


def contrasts_of(cells: Iterable[Cell], metric: str) -> Contrasts:
    """Any two of a table's cells against each other, by one metric.

    Args:
        cells: all of one :attr:`Cell.place`.
    """
    values = {cell.variant: cell.rounds[metric] for cell in cells if metric in cell.rounds}
    return Contrasts(values, twins_among(values))


def by_place(cells: Iterable[Cell]) -> dict[tuple[Any, ...], list[Cell]]:
    """Cells grouped by what they have in common but the variant."""
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.place, []).append(cell)
    return groups


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
