"""How long a task takes where all are offered the same rate."""

from __future__ import annotations

from bench.report.common_rate import common_rate
from bench.report.findings import Kind
from bench.report.findings.material import Material
from bench.report.findings.tiers_told import tiers_told
from bench.report.wording import label


def find(material: Material) -> str | None:
    """The tiers of the latency at one common rate."""
    place = common_rate(material.cells)
    if place is None:
        return None
    group = material.group(place)
    title = label(group.metric)
    return tiers_told(title[0].upper() + title[1:], group)


KIND = Kind(20, find, spare=1)
