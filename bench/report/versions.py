"""A library's versions side by side: which a run has, and what each did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bench.measure.statistics import MIN_ROUNDS
from bench.report.cells import Cell, in_order
from bench.report.setups import Setup, setup_of
from bench.report.wording import joined, number

#: So long (ms) nothing started although tasks waited: a stall.
STALL_MS = 500.0
LONGEST = "longest_stall_ms"
COUNT = "consumer_stalls"

_PIN = re.compile(r"@(?P<version>[^:]+)")


@dataclass(frozen=True)
class Way:
    """One way to run a library, at several versions.

    Attributes:
        name: the variant's without a version.
        cells: by version, in their order; by place.
    """

    name: str
    cells: Mapping[str, Mapping[tuple[Any, ...], Cell]]

    @property
    def places(self) -> list[tuple[Any, ...]]:
        """All, in the order in which they come."""
        return list(dict.fromkeys(place for own in self.cells.values() for place in own))

    def at(self, place: tuple[Any, ...]) -> dict[str, Cell]:
        """The cells of a place by version."""
        return {version: own[place] for version, own in self.cells.items() if place in own}


def ways(cells: Iterable[Cell], facts: Mapping[str, Any]) -> list[Way]:
    """Every way to run a library of which the run has several versions.

    Args:
        facts: ``run.json``: it knows what in a name is an option, and what a local version.
    """
    found: dict[str, dict[str, dict[tuple[Any, ...], Cell]]] = {}
    for cell in in_order(cells):
        name, pinned = _without_pin(setup_of(cell.variant, facts))
        own = found.setdefault(name, {})
        own.setdefault(pinned or cell.version, {})[cell.place] = cell
    return [
        Way(name, {version: own[version] for version in sorted(own, key=_order)})
        for name, own in found.items()
        if len(own) > 1
    ]


def _without_pin(setup: Setup) -> tuple[str, str]:
    """A variant's name without its version, and that where one is pinned."""
    pinned = _PIN.search(setup.base)
    if pinned is None:
        return setup.name, ""
    return _PIN.sub("", setup.base) + setup.name[len(setup.base) :], pinned["version"]


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def stalls_told(way: Way, place: tuple[Any, ...]) -> str | None:
    """In which versions there were stalls: ``stalls in each of 5.3.4 and 5.4.0``, ``since 5.5.0``.

    Returns:
        ``None`` where no version of which anything can be said had any.
    """
    known = {
        version: _stalls(cell)
        for version, cell in way.at(place).items()
        if cell.is_sound and len(cell.rounds.get(LONGEST, ())) >= MIN_ROUNDS
    }
    stalled = {version: found for version, found in known.items() if found}
    if not stalled:
        return None
    values = [value for found in stalled.values() for value in found]
    ends = dict.fromkeys((number(min(values)), number(max(values))))
    longest = f"the longest of a round {' to '.join(ends)} ms"
    unsaid = [version for version in way.at(place) if version not in known]
    more = f"; of {joined(unsaid)} nothing can be said" if unsaid else ""
    return f"stalls {_since(list(known), set(stalled))} ({longest}){more}"


def _stalls(cell: Cell) -> list[float]:
    """The longest stall, ms, of each round that had any; where they were not counted, the longest
    time without a start tells."""
    counts, longest = cell.rounds.get(COUNT, {}), cell.rounds[LONGEST]
    had = {round_: bool(counts.get(round_, value >= STALL_MS)) for round_, value in longest.items()}
    return [value for round_, value in longest.items() if had[round_]]


def _since(order: Sequence[str], stalled: set[str]) -> str:
    """Of versions in their order, which have it."""
    having = [version in stalled for version in order]
    if all(having):
        return f"in each of {joined(order)}" if len(order) > 1 else f"in {order[0]}"
    changes = sum(a != b for a, b in pairwise(having))
    if changes == 1 and not having[0]:
        return f"since {order[having.index(True)]}, not in {joined(_only(order, having, False))}"
    if changes == 1:
        rest = joined(_only(order, having, True))
        return f"in {rest}, gone since {order[having.index(False)]}"
    return f"in {joined(_only(order, having, True))}, not in {joined(_only(order, having, False))}"


def _only(order: Sequence[str], having: Sequence[bool], wanted: bool) -> list[str]:
    return [version for version, has in zip(order, having, strict=True) if has is wanted]
