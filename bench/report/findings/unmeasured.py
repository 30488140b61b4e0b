"""What could not be measured, so that nothing is said of it."""

from __future__ import annotations

from collections import Counter

from bench.report.cells import FINE
from bench.report.findings import Kind
from bench.report.findings.material import Material, variant_of
from bench.report.wording import joined, plural

#: More variants than this are counted.
MANY = 4


def find(material: Material) -> str | None:
    """How many trials, and of which variants; what cannot run on this platform."""
    bad = {status: count for status, count in material.trials.items() if status not in FINE}
    parts = []
    if bad:
        told = joined([f"{count} {status}" for status, count in bad.items()])
        where = _where(material)
        parts.append(
            f"{told} of {plural(sum(material.trials.values()), 'trial')}"
            + (f": {joined(where)}" if where else "")
        )
    absent = [*_cells(material, {"unsupported"}, limits=False)]
    if absent:
        parts.append(f"{joined(absent)} cannot be run here")
    return f"Not measured: {'; '.join(parts)}." if parts else None


def _where(material: Material) -> list[str]:
    """The variants with most cells that went wrong; a cell that merely lacks rounds is none."""
    wrong = {cell.status for cell in material.cells} - FINE
    counts = _cells(material, wrong, limits=False)
    named = [f"{name} in {plural(count, 'cell')}" for name, count in counts.most_common(MANY)]
    if more := len(counts) - len(named):
        named.append(plural(more, "more variant"))
    if limits := _cells(material, wrong, limits=True).total():
        named.append(f"limits in {plural(limits, 'cell')}")
    return named


def _cells(material: Material, statuses: set[str], *, limits: bool) -> Counter[str]:
    """By variant the number of cells with such a status."""
    return Counter(
        variant_of(cell.variant)
        for cell in material.cells
        if cell.status in statuses and (cell.kind == "limit") == limits
    )


KIND = Kind(60, find)
