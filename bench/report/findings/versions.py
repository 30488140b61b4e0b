"""In which versions of a library there are stalls."""

from __future__ import annotations

from bench.report.findings import Kind
from bench.report.findings.material import Material
from bench.report.versions import stalls_told, ways


def find(material: Material) -> str | None:
    """The ways to run a library that stall in some version; ``None`` where none does."""
    told = []
    for way in ways(material.cells, material.facts):
        for place in way.places:
            if found := stalls_told(way, place):
                caption = next(iter(way.at(place).values())).caption
                told.append(f"{way.name} ({caption}) {found}")
                break
    return f"Versions: {'; '.join(told)}." if told else None


KIND = Kind(7, find)
