"""Every variant against every other, at the highest concurrency."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measure.statistics import MIN_ROUNDS
from bench.report.common_rate import common_rate
from bench.report.measures import Ratio
from bench.report.parts import Row, Table
from bench.report.sections import Grid, Section, section_of
from bench.report.wording import base_name, figure, label_with_unit
from scenarios.loads import LOADS

#: Said where two cannot be told apart.
SAME = "="
#: Said where there are too few rounds to tell, or one of the two has no value.
UNKNOWN = "?"

#: The work that is compared: the smallest there is.
SCENARIO = "add"

#: Of two variants the table has said it all.
FEWEST = 3

_LEAD = (
    "Of each cell: how many times the column's value the row has, by the same intervals as in the "
    f"tables above. {SAME}: cannot be told apart, the interval of the ratio holds 1. "
    f"{UNKNOWN}: fewer than {MIN_ROUNDS} rounds in common. The columns are the rows, by their "
    "numbers. Variants that failed a check, were overloaded or did not end well are left out."
)


def section(tables: Sequence[Table]) -> Section | None:
    """How fast, how late at everybody's rate, how long there and back; ``None`` where too few
    variants have rounds enough."""
    grids = [
        grid
        for table in (
            _most_telling(tables, "throughput"),
            _at_common_rate(tables),
            _most_telling(tables, "round_trip"),
        )
        if table
        for grid in _of(table)
    ]
    return section_of("Each against each", _LEAD, grids) if grids else None


def _at_common_rate(tables: Sequence[Table]) -> Table | None:
    place = common_rate(row.cell for table in _of_work(tables) for row in table.rows)
    return next((table for table in tables if table.rows[0].cell.place == place), None)


def _most_telling(tables: Sequence[Table], metric: str) -> Table | None:
    """Of the tables that rank by this and offer everyone the same those of the highest
    concurrency; of these the one that ranks most variants."""
    fair = [
        table
        for table in _of_work(tables)
        if base_name(table.headline) == metric
        and not LOADS[table.load].relative(table.params)
        and not LOADS[table.load].cut_short
    ]
    highest = max((table.concurrency for table in fair), default=0)
    return max(
        (table for table in fair if table.concurrency == highest),
        key=lambda table: len(table.ranked),
        default=None,
    )


def _of_work(tables: Sequence[Table]) -> list[Table]:
    return [table for table in tables if table.scenario == SCENARIO]


def _of(table: Table) -> list[Grid]:
    rows = [row for row in table.ranked if row.cell.ended >= MIN_ROUNDS]
    if len(rows) < FEWEST:
        return []
    numbers = [str(n) for n in range(1, len(rows) + 1)]
    texts = [
        [number, row.variant, *(_cell(table, row, column) for column in rows)]
        for number, row in zip(numbers, rows, strict=True)
    ]
    better = "more" if table.better == "higher" else "less"
    return [
        Grid(
            f"{table.caption}: {label_with_unit(table.headline)}, {better} is better",
            ("", "row / column", *numbers),
            texts,
            right=(0, *range(2, 2 + len(rows))),
            name=1,
        )
    ]


def _cell(table: Table, row: Row, column: Row) -> str:
    if row is column:
        return ""
    ratio = Ratio.of(table.contrasts.ratio(row.variant, column.variant))
    if ratio is None or not ratio.has_interval:
        return UNKNOWN
    return f"{figure(ratio.value)}x" if ratio.differs else SAME
