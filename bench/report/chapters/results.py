"""The ranked tables, with what must be known to read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from bench.plan.cells import TWIN
from bench.report.grids import full_grid
from bench.report.parts import Report, Table
from bench.report.sections import Block, Heading, Items, Paragraph, Section
from bench.report.wording import label, plural, unit_text
from scenarios import all_scenarios
from scenarios.loads import LOADS


def section(report: Report) -> Section | None:
    """All tables by scenario and load; ``None`` of a run without any."""
    if not report.tables:
        return None
    metrics = [m for table in report.tables for m in (table.headline, *table.columns)]
    return Section("Results", [*_lead(report), *_tables(report)], metrics)


def _lead(report: Report) -> Iterator[Block]:
    yield Paragraph(
        "Values are means over rounds, with an interval where there are 3 rounds or more. "
        f"Compared with {report.baseline}: value / its value, paired by round; "
        '"no difference" where the interval of that ratio, behind it, holds 1. '
        "Variants that cannot be told apart from the best among them share a rank (=1). "
        "Rows without a rank did not end well or gave too few samples; the verdict "
        "tells why. Metrics are explained at the end."
    )
    if told := " ".join(_unranked(report)):
        yield Paragraph(told)


def _unranked(report: Report) -> Iterator[str]:
    """What the rows that are never ranked are, where there are any."""
    rows = [row for table in report.tables for row in table.rows]
    kinds = {row.kind for row in rows}
    if "twin" in kinds:
        yield (
            f"{report.baseline}{TWIN} is the baseline measured a second time: what differs "
            "between the two is chance, and its interval should hold 1 in 19 of 20 tables."
        )
    if "limit" in kinds:
        yield (
            "Rows marked limit are no queues to choose but the least that a queue on this server "
            'can cost; "of floor" is what a value is of that.'
        )
    if any(row.cell.overloaded for row in rows):
        yield (
            "Overloaded: more was offered than the variant works off, so its latency says how "
            "long was offered; it is told with what it does sustain, and that is no failure."
        )
    if any("not stationary" in row.cell.remark for row in rows):
        yield "Not stationary: the latency was still growing when the trial ended."


def _tables(report: Report) -> Iterator[Block]:
    for name, tables in groupby(report.tables, key=lambda table: table.scenario):
        yield Heading(name, 2)
        yield Paragraph(all_scenarios()[name].question)
        for load, own in groupby(tables, key=lambda table: table.load):
            yield Paragraph(f"Load {load}: {LOADS[load].told}.")
            for table in own:
                yield Heading(table.caption, 3)
                yield Paragraph(_order(table))
                yield full_grid(table, report.baseline)
                # A reason is longer than a cell should be.
                if problems := problems_of(table):
                    yield Items(problems)


def _order(table: Table) -> str:
    unit = f", {unit_text(table.headline)}" if unit_text(table.headline) else ""
    told = (
        f"{'Ranked by' if table.ranked else 'In the order of'} "
        f"{label(table.headline)}{unit}, {table.better} is better; "
        f"{plural(table.planned, 'round')}{'' if table.ranked else ', too few for ranks'}."
    )
    own = " Each row is offered a rate of its own." if "offered" in table.params else ""
    return told + own


def problems_of(table: Table) -> Sequence[str]:
    """Why rows are not ranked, a sentence each."""
    return [f"{row.variant}: {row.problem}" for row in table.rows if row.problem]
