"""Variants that cannot be told apart share a tier; each tier is told from those above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from bench.measure.contrasts import Contrasts, spans_one
from bench.measure.statistics import Estimate


@dataclass(frozen=True)
class Tier:
    """Variants of which none differs from the first of them.

    Attributes:
        names: the tier's leader, then the others in the order that was given.
        behind: the leader's ratio to the leader of the first tier; ``None`` of the first.
        alike: whether no two of them differ. Not to differ is not transitive: two that do not
            differ from their leader may differ from each other.
        room: the factor by which two of them may yet be apart: the farthest end of the intervals
            of their ratios, of those to the leader alone where they are not :attr:`alike`; 1 of a
            tier of one.
    """

    names: tuple[str, ...]
    behind: Estimate | None
    alike: bool
    room: float

    @property
    def leader(self) -> str:
        """The one that all others are compared with."""
        return self.names[0]


@dataclass(frozen=True)
class Standing:
    """The tiers, best first, and who is in none.

    Attributes:
        untold: who has too few rounds in common with the leader of a tier that it may belong to.
    """

    tiers: tuple[Tier, ...]
    untold: tuple[str, ...]


def standing(order: Sequence[str], contrasts: Contrasts, better: str) -> Standing:
    """Divide variants into tiers.

    The leader of a tier is the first of those left that none of them beats demonstrably; the tier
    holds all of those left that do not differ from the leader. So what can be relied on is this:
    a variant differs from the leader of every tier above its own, and from no leader of its own.
    Of two others in different tiers nothing is said, and an uncertain variant shares the first
    tier that it may belong to, though some that are worse than its leader have better values.

    Args:
        order: the variants' names, by value, the best first.
        contrasts: of one metric of all of them.
        better: ``higher`` or ``lower``: which ratios are those of the better one.
    """
    left, untold = list(order), []
    found: list[Tier] = []
    while left:
        leader = _leader(left, contrasts, better)
        strangers = [name for name in left if name != leader and not _told(contrasts, name, leader)]
        same = [
            name
            for name in left
            if name not in (leader, *strangers) and not contrasts.differ(name, leader)
        ]
        behind = contrasts.ratio(leader, found[0].leader) if found else None
        found.append(_tier((leader, *same), behind, contrasts))
        untold += strangers
        left = [name for name in left if name not in (leader, *same, *strangers)]
    return Standing(tuple(found), tuple(untold))


def _leader(left: Sequence[str], contrasts: Contrasts, better: str) -> str:
    """Values and ratios need not agree in their order; where each is beaten, values decide."""
    free = (
        name
        for name in left
        if not any(_beats(contrasts, other, name, better) for other in left if other != name)
    )
    return next(free, left[0])


def _beats(contrasts: Contrasts, name: str, other: str, better: str) -> bool:
    ratio = contrasts.ratio(name, other)
    if ratio is None or not contrasts.differ(name, other):
        return False
    return (ratio.value > 1) == (better == "higher")


def _told(contrasts: Contrasts, name: str, base: str) -> bool:
    """Whether there were rounds enough to tell anything."""
    ratio = contrasts.ratio(name, base)
    return ratio is not None and ratio.low is not None


def _tier(names: tuple[str, ...], behind: Estimate | None, contrasts: Contrasts) -> Tier:
    pairs = [contrasts.ratio(b, a) for a, b in combinations(names, 2)]
    alike = all(pair is not None and spans_one(pair) for pair in pairs)
    heard = pairs if alike else pairs[: len(names) - 1]
    rooms = [_farthest(pair) for pair in heard if pair is not None]
    return Tier(names, behind, alike, max(rooms, default=1.0))


def _farthest(ratio: Estimate) -> float:
    """How far from 1, either way, the interval reaches."""
    if ratio.low is None or ratio.high is None or ratio.low <= 0:
        return 1.0
    return max(ratio.high, 1 / ratio.low)
