"""Which columns a ranked table has: chosen here, drawn by the formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.report.parts import Row, Table
from bench.report.sections import Grid
from bench.report.wording import label, label_with_unit, number, unit_text


@dataclass(frozen=True)
class Column:
    """Its head and what stands in it of each row."""

    head: str
    text: Callable[[Row], str]
    is_number: bool = True
    is_verdict: bool = False


def full_grid(table: Table, baseline: str) -> Grid:
    """Everything: intervals, the limit, further metrics."""
    columns = [
        *_names(),
        Column(label_with_unit(table.headline), lambda row: _value(row, whole=True)),
        *_compared(table, baseline, lambda row: row.reasoned_ratio),
        _verdict(),
        *([Column("of floor", lambda row: row.limit or "-")] if table.has_limits else []),
        *(_further(metric) for metric in table.columns),
    ]
    return _grid(table, columns)


def brief_grid(table: Table, baseline: str) -> Grid:
    """Rank, variant, value, ratio and verdict."""
    head = "\n".join(part for part in (label(table.headline), unit_text(table.headline)) if part)
    columns = [
        *_names(),
        Column(head, lambda row: _value(row, whole=False)),
        *_compared(table, baseline, lambda row: row.ratio_text),
        _verdict(),
    ]
    return _grid(table, columns)


def _names() -> tuple[Column, Column]:
    return Column("#", lambda row: row.place), Column("variant", lambda row: row.variant, False)


def _compared(table: Table, baseline: str, text: Callable[[Row], str]) -> list[Column]:
    """None where no row has a ratio to tell: of one round it would say so in every line."""
    told = any(row.ratio and row.ratio.rounds > 1 for row in table.rows)
    return [Column(f"vs {baseline}", text)] if told else []


def _verdict() -> Column:
    return Column("verdict", lambda row: row.brief, is_number=False, is_verdict=True)


def _further(metric: str) -> Column:
    return Column(label_with_unit(metric), lambda row: number(row.cell.value(metric)))


def _value(row: Row, *, whole: bool) -> str:
    if row.headline is None:
        return "-"
    return row.headline.text if whole else number(row.headline.value)


def _grid(table: Table, columns: list[Column]) -> Grid:
    verdict = next(n for n, column in enumerate(columns) if column.is_verdict)
    return Grid(
        caption="",
        head=[column.head for column in columns],
        rows=[[column.text(row) for column in columns] for row in table.rows],
        right=[n for n, column in enumerate(columns) if column.is_number],
        name=1,
        tones=[row.tone for row in table.rows],
        verdict=verdict,
        core=verdict + 1,
    )
