"""One picture of a run, as an SVG that a README can show: the first throughput it measured."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.parts import Report, Table
from bench.report.pictures import svg
from bench.report.wording import caption, number, plural, unit_text

ROW = 26
TOP = 58
#: Kept free behind the longest bar, for its value and what is said of it.
BEHIND = 250


@dataclass(frozen=True)
class Bar:
    """One variant: its value, its interval where it has one, and what stands behind the bar."""

    name: str
    value: float
    low: float | None
    high: float | None
    note: str


def overview(report: Report) -> str | None:
    """Every variant's throughput in the first table that ranks by one, at its highest concurrency.

    Returns:
        ``None`` where the run has no such table, or nothing in it has a value.
    """
    tables = [table for table in report.tables if table.better == "higher" and table.ordered]
    if not tables:
        return None
    table = max(
        (t for t in tables if (t.scenario, t.load) == (tables[0].scenario, tables[0].load)),
        key=lambda t: t.concurrency,
    )
    host = report.facts["host"]
    python = report.facts.get("guest") or host["python"]
    where = f"{host['cpu']}, {plural(host['cores'], 'core')}, {python}"
    server = f"{report.facts['redis']['name']} {report.facts['redis']['version']}"
    return render(_title(table), f"{where}; {server}; {report.run_id}", _bars(table))


def _title(table: Table) -> str:
    what = caption(table.scenario, table.load, table.params, table.concurrency)
    return f"{what}: {unit_text(table.headline)}"


def _bars(table: Table) -> list[Bar]:
    return [
        Bar(row.variant, row.headline.value, row.headline.low, row.headline.high, row.ratio_text)
        for row in table.ordered
        if row.headline is not None
    ]


def render(title: str, subtitle: str, bars: list[Bar]) -> str:
    """Horizontal bars in the order given; whiskers are intervals."""
    left = svg.room_for(bar.name for bar in bars)
    longest = max((bar.high or bar.value for bar in bars), default=1.0)
    scale = (svg.WIDTH - left - BEHIND) / longest
    body = [_row(bar, TOP + ROW * i, left, scale) for i, bar in enumerate(bars)]
    return svg.document(title, subtitle, TOP + ROW * len(bars) + 14, body)


def _row(bar: Bar, y: int, left: float, scale: float) -> str:
    length = max(bar.value * scale, 1)
    middle = y + ROW / 2
    parts = [
        svg.text(left - 8, middle + 4.5, bar.name, anchor="end"),
        svg.box(left, y + 4, length, ROW - 8, svg.PARTS[0]),
    ]
    end = left + length
    if bar.low is not None and bar.high is not None:
        low, high = left + bar.low * scale, left + bar.high * scale
        end = max(end, high)
        parts.append(svg.line([(low, middle), (high, middle)], svg.INK))
        parts += [svg.line([(x, middle - 4), (x, middle + 4)], svg.INK) for x in (low, high)]
    value = number(bar.value)
    parts.append(svg.text(end + 8, middle + 4.5, value))
    note = end + 20 + svg.width_of(value)
    parts.append(svg.text(note, middle + 4.5, bar.note, colour=svg.FAINT))
    return "".join(parts)
