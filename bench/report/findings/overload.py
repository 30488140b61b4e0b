"""Who was offered more than it sustains."""

from __future__ import annotations

from bench.report.cells import SUSTAINED, Cell
from bench.report.common_rate import RATE
from bench.report.findings import Kind
from bench.report.findings.material import Material
from bench.report.wording import figure, number


def find(material: Material) -> str | None:
    """By variant and concurrency the lowest rate that was too much, and what is sustained."""
    least: dict[tuple[str, int], Cell] = {}
    for cell in material.cells:
        if cell.kind == "variant" and cell.overloaded and RATE in cell.params:
            known = least.setdefault((cell.variant, cell.concurrency), cell)
            if cell.params[RATE] < known.params[RATE]:
                least[cell.variant, cell.concurrency] = cell
    if not least:
        return None
    several = len({concurrency for _, concurrency in least}) > 1
    told = [_told(cell, several=several) for cell in least.values()]
    where = "" if several else f" (concurrency {next(iter(least))[1]})"
    return f"Overloaded{where}: {', '.join(told)}."


def _told(cell: Cell, *, several: bool) -> str:
    at = f" at concurrency {cell.concurrency}" if several else ""
    sustained = figure(cell.measures[SUSTAINED].value)
    return f"{cell.variant}{at} by {number(cell.params[RATE])} tasks/s, sustains {sustained}"


KIND = Kind(30, find)
