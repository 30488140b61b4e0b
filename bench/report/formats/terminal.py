"""The report on a terminal, or in a pipe: compact, plain ASCII, nothing cut off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as Lines
from rich.text import Text

from bench.report.chapters.results import problems_of
from bench.report.compare import Comparison, Line
from bench.report.grids import brief_grid
from bench.report.next_steps import next_steps
from bench.report.parts import Report, Table
from bench.report.sections import Grid, Tone
from bench.report.tables import speaking
from bench.report.wording import label_with_unit, number, plural

STYLES: dict[Tone, str] = {"good": "green", "doubt": "yellow", "bad": "bold red", "": ""}
#: Examples of a failed check's violations shown here; ``report.md`` has some more.
EXAMPLES = 2
#: A run with more tables than this is not printed whole.
MANY = 20


def print_report(report: Report, console: Console) -> None:
    """Print the tables, what failed, the warnings; then the findings, where the whole report is,
    and what to type next.

    Of a run with many tables only those that speak for their scenario and load are printed; what
    did not end well in the others is told in a line each.
    """
    shown = _shown(report.tables)
    for table in shown:
        _heading(console, table)
        print_grid(console, brief_grid(table, report.baseline))
        for problem in problems_of(table):
            _say(console, problem, "yellow")
        console.print()
    if len(shown) < len(report.tables):
        told = f"{len(shown)} of {len(report.tables)} tables; all of them are in report.md"
        _say(console, told, indent=0)
        console.print()
    _section(console, "In the other tables", _hidden_problems(report.tables, shown))
    _section(console, "Failed checks", [check.told(EXAMPLES) for check in report.verdicts])
    _section(console, "Warnings", report.warnings)
    style = "green" if report.is_measured else "bold red"
    _say(console, f"{report.run_id}: {report.summary}", style, indent=0)
    console.print()
    _section(console, "In short", report.findings)
    _say(console, f"report: {report.path / 'report.md'}", indent=0)
    for step in next_steps(report):
        _say(console, f"next: {step.command}    # {step.why}", indent=0)


def _shown(tables: Sequence[Table]) -> list[Table]:
    if len(tables) <= MANY:
        return list(tables)
    chosen = speaking(tables)
    return [table for table in tables if any(table is other for other in chosen)]


def _hidden_problems(tables: Sequence[Table], shown: Sequence[Table]) -> list[str]:
    """Per variant and problem where it is met."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table in tables:
        if not any(table is other for other in shown):
            for row in table.rows:
                if row.problem:
                    places[row.variant, row.problem].append(table.caption)
    return [
        f"{variant}: {problem}: {'; '.join(captions)}"
        for (variant, problem), captions in places.items()
    ]


def print_comparison(found: Comparison, console: Console) -> None:
    """Print two sides with their ratios, what ended differently, and what to beware of."""
    _say(console, f"A: {found.a}", indent=0)
    _say(console, f"B: {found.b}", indent=0)
    _say(console, f"{found.method}.", indent=0)
    console.print()
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in found.lines:
        groups[_title(line)].append(line)
    for title, lines in groups.items():
        if title:
            _say(console, title, "bold", indent=0)
        print_grid(console, _comparison_grid(lines))
        console.print()
    if not found.lines:
        _say(console, "there is nothing that both have", indent=0)
        console.print()
    _section(console, "Verdicts that differ", found.verdicts or ["none"])
    _section(console, "Warnings", found.warnings)
    _say(console, found.sentence, "bold", indent=0)


def _title(line: Line) -> str:
    """Several variants share a title; a variant alone needs none."""
    return f"{line.caption}: {label_with_unit(line.metric)}" if line.variant else ""


def _comparison_grid(lines: Sequence[Line]) -> Grid:
    rows = [
        [
            line.variant or f"{line.caption}: {label_with_unit(line.metric)}",
            number(line.a),
            number(line.b),
            line.ratio.text if line.ratio else "-",
            line.winner,
        ]
        for line in lines
    ]
    name = "variant" if lines[0].variant else "cell"
    # Names of variants are never broken, those of cells may be.
    folds = () if lines[0].variant else (0,)
    return Grid("", (name, "A", "B", "B/A", "better"), rows, right=(1, 2, 3), folds=folds)


def print_grid(console: Console, grid: Grid) -> None:
    """Print without cutting: a console that is too narrow gets longer lines instead."""
    lines = Lines(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    folds = {grid.verdict, *grid.folds}
    for column, head in enumerate(grid.head):
        lines.add_column(
            head,
            justify="right" if column in set(grid.right) else "left",
            no_wrap=column not in folds,
            overflow="fold",
        )
    tones = grid.tones or [""] * len(grid.rows)
    for row, tone in zip(grid.rows, tones, strict=True):
        style = STYLES[tone]
        lines.add_row(
            *(Text(cell, style if n == grid.verdict else "") for n, cell in enumerate(row))
        )
    _print_lines(console, lines)


def print_portions(console: Console, grid: Grid) -> None:
    """Print a grid of many columns as so many tables as the console's width asks for."""
    widths = [max(map(len, column)) for column in zip(grid.head, *grid.rows, strict=True)]
    for part in grid.portions(widths, console.width - 2, gap=2):
        print_grid(console, part)
        console.print()


def _print_lines(console: Console, lines: Lines) -> None:
    for column in lines.columns:
        if column.no_wrap:
            texts = [column.header, *column.cells]
            column.min_width = max(console.measure(text).maximum for text in texts)
    needed = Measurement.get(console, console.options.update(max_width=10_000), lines).minimum
    if needed > console.width - 2:
        lines.width = needed
        console.print(lines, crop=False, soft_wrap=True)
    else:
        console.print(Padding(lines, (0, 0, 0, 2), expand=False))


def _heading(console: Console, table: Table) -> None:
    told = f"{table.better} is better, {plural(table.planned, 'round')}"
    wide = len(table.caption) + len(told) + 3 > console.width
    if wide and console.is_terminal:
        console.print(Text(table.caption, "bold"), soft_wrap=True)
        _say(console, told)
    else:
        console.print(Text.assemble((table.caption, "bold"), f" ({told})"), soft_wrap=True)


def _section(console: Console, title: str, sentences: Sequence[str]) -> None:
    if not sentences:
        return
    _say(console, title, "bold", indent=0)
    for sentence in sentences:
        _say(console, f"- {sentence}")
    console.print()


def _say(console: Console, sentence: str, style: str = "", indent: int = 2) -> None:
    """Print one sentence; lines are left long where nobody watches, so that grep finds them."""
    text = Text(sentence, style)
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent)))
    else:
        console.print(Text(" " * indent) + text, soft_wrap=True)
