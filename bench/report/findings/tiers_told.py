"""A group's tiers as a sentence. What it says holds though "no difference" is not transitive."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measure.statistics import MIN_ROUNDS, Estimate
from bench.measure.tiers import Tier
from bench.report.findings.material import Group
from bench.report.wording import apart_text, figure, joined, number, plural, unit_text


def tiers_told(title: str, group: Group) -> str:
    """``Throughput (add, drain, concurrency 4): a and b 90 to 100 tasks/s, not told apart (3 rounds
    leave room for 1.21x); c 10 (0.10x [0.08, 0.12] of a).``

    Args:
        group: with the values of one variant at least.
    """
    head = f"{title} ({group.caption}):"
    if not group.enough:
        return f"{head} {_too_few(group)}."
    first, *others = group.standing.tiers
    parts = [_first(first, group)]
    if others:
        of = f" of {first.leader}"  # the others' ratios are to the same one
        behind = [_behind(tier, group, "" if place else of) for place, tier in enumerate(others)]
        parts.append(", ".join(behind))
    if left_out := [f"{name} ({why})" for name, why in group.left_out.items()]:
        parts.append(f"not placed: {', '.join(left_out)}")
    return f"{head} {'; '.join(parts)}."


def _too_few(group: Group) -> str:
    most = max(len(rounds) for rounds in group.rounds.values())
    verb = "is" if most == 1 else "are"
    return (
        f"{plural(most, 'round')} {verb} too few to tell variants apart; "
        f"no rank, ratio or tier is told of fewer than {MIN_ROUNDS}"
    )


def _first(tier: Tier, group: Group) -> str:
    told = f"{joined(tier.names)} {_values(tier.names, group)} {unit_text(group.metric)}".strip()
    if len(tier.names) == 1:
        return told
    apart = apart_text(tier.alike, tier.leader)
    return f"{told}, {apart} ({group.rounds_text(tier.names)} leave room for {number(tier.room)}x)"


def _behind(tier: Tier, group: Group, of: str) -> str:
    assert tier.behind is not None
    whose = "the first " if len(tier.names) > 1 else ""
    told = f"{whose}{times(tier.behind)}{of}"
    return f"{joined(tier.names)} {_values(tier.names, group)} ({told})"


def _values(names: Sequence[str], group: Group) -> str:
    """``184``, ``348 to 369``."""
    return span([group.values[name] for name in names])


def span(values: Sequence[float]) -> str:
    """The least and the greatest, or the one that both read as."""
    ends = dict.fromkeys((number(min(values)), number(max(values))))
    return " to ".join(ends)


def times(ratio: Estimate) -> str:
    """``0.22x [0.14, 0.35]``."""
    if ratio.low is None or ratio.high is None:
        return f"{figure(ratio.value)}x"
    return f"{figure(ratio.value)}x [{_end(ratio.low)}, {_end(ratio.high)}]"


def _end(value: float) -> str:
    """An interval's end: one that is not 1 must not look like it, for that decides."""
    short = figure(value)
    return short if float(short.replace(",", "")) != 1 else f"{value:.4g}"
