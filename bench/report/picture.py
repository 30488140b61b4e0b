"""One picture of a run, as an SVG that a README can show: the first throughput it measured."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from bench.report.parts import Report, Row, Table
from bench.report.wording import caption, number, plural, unit_text

ROW = 26
LEFT = 150
WIDTH = 760
BAR = WIDTH - LEFT - 190


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
    tables = [table for table in report.tables if table.better == "higher" and table.ranked]
    if not tables:
        return None
    table = max(
        (t for t in tables if (t.scenario, t.load) == (tables[0].scenario, tables[0].load)),
        key=lambda t: t.concurrency,
    )
    host = report.facts["host"]
    where = f"{host['cpu']}, {plural(host['cores'], 'core')}, {host['python']}"
    server = f"{report.facts['redis']['name']} {report.facts['redis']['version']}"
    return render(_title(table), f"{where}; {server}; {report.run_id}", _bars(table))


def _title(table: Table) -> str:
    what = caption(table.scenario, table.load, table.params, table.concurrency)
    return f"{what}: {unit_text(table.headline)}"


def _bars(table: Table) -> list[Bar]:
    return [
        Bar(row.variant, row.headline.value, row.headline.low, row.headline.high, _note(row))
        for row in table.ranked
        if row.headline is not None
    ]


def _note(row: Row) -> str:
    verdict = f"  {row.verdict}" if row.failed else ""
    return f"{row.ratio_text}{verdict}"


def render(title: str, subtitle: str, bars: list[Bar]) -> str:
    """Horizontal bars in the order given; whiskers are intervals."""
    top = 58
    height = top + ROW * len(bars) + 14
    scale = BAR / max((bar.high or bar.value for bar in bars), default=1.0)
    rows = "".join(_row(bar, top + ROW * i, scale) for i, bar in enumerate(bars))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
        f'<text x="12" y="24" font-size="16" font-weight="600" fill="#1f2328">'
        f"{escape(title)}</text>"
        f'<text x="12" y="43" fill="#59636e">{escape(subtitle)}</text>{rows}</svg>\n'
    )


def _row(bar: Bar, y: int, scale: float) -> str:
    length = max(bar.value * scale, 1)
    middle = y + ROW / 2
    parts = [
        f'<text x="{LEFT - 8}" y="{middle + 4.5}" text-anchor="end" fill="#1f2328">'
        f"{escape(bar.name)}</text>",
        f'<rect x="{LEFT}" y="{y + 4}" width="{length:.1f}" height="{ROW - 8}" fill="#4c78a8"/>',
    ]
    end = LEFT + length
    if bar.low is not None and bar.high is not None:
        left, right = LEFT + bar.low * scale, LEFT + bar.high * scale
        end = max(end, right)
        parts.append(
            f'<path d="M{left:.1f} {middle}H{right:.1f}M{left:.1f} {middle - 4}V{middle + 4}'
            f'M{right:.1f} {middle - 4}V{middle + 4}" stroke="#1f2328" fill="none"/>'
        )
    parts.append(
        f'<text x="{end + 8:.1f}" y="{middle + 4.5}" fill="#1f2328">{number(bar.value)} '
        f'<tspan fill="#59636e">{escape(bar.note)}</tspan></text>'
    )
    return "".join(parts)
