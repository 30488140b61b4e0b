"""The report as GitHub-flavoured Markdown that also reads as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bench.report.document import document
from bench.report.parts import Report
from bench.report.sections import Block, Code, Grid, Heading, Items, Paragraph, Picture, Section

#: A table wider than this is told in parts, one below the other.
WIDTH = 120
#: What would be markup: characters that always are, then those that are in some places only, as an
#: interval's brackets, which must stay readable as plain text, are none.
_SPECIAL = re.compile(
    r"[\\|<*`$]|~(?!\d)"
    r"|(?<![^\W_])_|_(?![^\W_])"
    r"|(?<=\])[(\[:]|&(?=#?\w+;)"
)
#: At the start of a sentence: a heading, a list's item, a quotation.
_START = re.compile(r"^(?:#{1,6}|[+=-]+|\d+(?=[.)]))(?=[.)]?(?:\s|$))|^>")
#: Cells wider than this are not padded: one long reason must not stretch every line.
PAD_TO = 44


def render(report: Report) -> str:
    """The text of ``report.md``."""
    told = document(report)
    lines = [f"# {escape(told.title)}", "", escape(told.lead), ""]
    lines += [line for section in told.sections for line in _section(section)]
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """``text`` so that it shows as it is within a line or a table's cell."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))


def _item(sentence: str) -> str:
    """One of a list, which does not begin another."""
    shown = escape(sentence)
    if found := _START.match(shown):
        at = found.end() if found[0].isdecimal() else 0
        shown = f"{shown[:at]}\\{shown[at:]}"
    return f"- {shown}"


def _section(section: Section) -> list[str]:
    lines = [line for block in section.blocks for line in _block(block)]
    return [f"## {escape(section.title)}", "", *lines]


def _block(block: Block) -> list[str]:
    match block:
        case Heading():
            # A run of tables is one level below what it is of.
            return [f"{'#' * (block.level + 1)} {escape(block.text)}", ""]
        case Paragraph():
            return [escape(block.text), ""]
        case Items():
            return [*map(_item, block.sentences), ""]
        case Code():
            fence = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall("`+", block.text)), 3)
            return [fence, block.text, fence, ""]
        case Picture():
            return [f"![{escape(block.told)}]({block.name})", ""]
        case Grid():
            return _grid(block)


def _grid(grid: Grid) -> list[str]:
    widths = _widths([[escape(cell) for cell in row] for row in (grid.head, *grid.rows)])
    parts = grid.portions(widths, WIDTH - 1, gap=3)
    lines = [f"#### {escape(grid.caption)}", ""] if grid.caption else []
    for part in parts:
        lines += table(part.head, part.rows, part.right)
    return [*lines, *([escape(grid.note), ""] if grid.note else [])]


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()
) -> list[str]:
    """A table's lines, its columns padded.

    Args:
        right: the columns that hold numbers.
    """
    cells = [[escape(cell) for cell in row] for row in (head, *rows)]
    numbers = set(right)
    widths = [min(width, PAD_TO) for width in _widths(cells)]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * (width - 1) + ":" if column in numbers else "-" * width
        for column, width in enumerate(widths)
    ]
    return [line(cells[0]), f"| {' | '.join(rule)} |", *map(line, cells[1:]), ""]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Of each column the widest of its cells; a rule needs three characters."""
    return [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
