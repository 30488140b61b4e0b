"""Who drains a queue how fast."""

from __future__ import annotations

from bench.report.findings import Kind
from bench.report.findings.material import Material
from bench.report.findings.tiers_told import tiers_told


def find(material: Material) -> str | None:
    """The tiers of one drain's throughput."""
    return tiers_told("Throughput", material.drain) if material.drain else None


KIND = Kind(10, find)
