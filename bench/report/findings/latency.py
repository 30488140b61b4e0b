"""How long a task takes where all are offered the same rate."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.findings import Kind
from bench.report.findings.material import Group, Material, loudest
from bench.report.findings.tiers_told import tiers_told
from bench.report.wording import label

#: The parameter that makes an open load one that all variants are offered alike.
RATE = "rate_per_s"


def find(material: Material) -> str | None:
    """The tiers of the latency at one common rate."""
    open_ones = material.groups("open", lambda metric: metric.startswith("latency"))
    group = common_rate([group for group in open_ones if RATE in group.cells[0].params])
    if group is None:
        return None
    title = label(group.metric)
    return tiers_told(title[0].upper() + title[1:], group)


def common_rate(groups: Sequence[Group]) -> Group | None:
    """The group whose rate is the middle one, or the nearest to it that overloads less than half
    of the variants, lower ones first; where there is none, nothing is said of latency."""
    rates = sorted({float(group.cells[0].params[RATE]) for group in groups})
    middle = (len(rates) - 1) // 2
    for rate in [*reversed(rates[: middle + 1]), *rates[middle + 1 :]]:
        here = [group for group in groups if float(group.cells[0].params[RATE]) == rate]
        chosen = loudest([group for group in here if 2 * len(group.rounds) > len(group.cells)])
        if chosen:
            return chosen
    return None


KIND = Kind(20, find)
