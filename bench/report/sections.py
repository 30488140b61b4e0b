"""What a chapter of a report is made of: plain values that every format draws as it can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

#: How the last column of a row is to be taken.
Tone = Literal["good", "doubt", "bad", ""]


@dataclass(frozen=True)
class Heading:
    """Of a part of a chapter; level 1 is the chapter's own."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Some sentences."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    sentences: Sequence[str]


@dataclass(frozen=True)
class Code:
    """What is to be typed, as it is."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table of texts.

    Attributes:
        right: the columns that hold numbers.
        note: a sentence below it; empty for none.
        name: the column that names a row: where a page is too narrow for all columns, the rest
            follow in a further table, behind this one.
        tones: of each row; empty where none has any.
        verdict: the column that the tones are of; long ones may be broken.
        folds: further columns that may be broken.
        core: so many columns stay together, and alone where not all fit; 0: any may follow.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[int] = ()
    note: str = ""
    name: int = 0
    tones: Sequence[Tone] = ()
    verdict: int | None = None
    folds: Sequence[int] = ()
    core: int = 0

    def portions(self, widths: Sequence[int], room: int, gap: int) -> list[Grid]:
        """The grid in parts that fit a page, each with the column that names the rows.

        Args:
            widths: of each column, in characters.
            room: width of the page.
            gap: what stands between two columns.

        Returns:
            The grid itself where it fits. A column too wide for any page has a part of its own.
        """
        if sum(widths) + gap * len(widths) <= room:
            return [self]
        parts: list[list[int]] = [[]]
        left = room
        for column, width in enumerate(widths):
            needed = width + gap
            alone = set(parts[-1]) <= {self.name}
            full = column >= self.core and needed > left and not alone
            if full or (column == self.core and not alone):
                parts.append([self.name])
                left = room - widths[self.name] - gap
            if column not in parts[-1]:
                parts[-1].append(column)
                left -= needed
        return [self._only(columns) for columns in parts]

    def _only(self, columns: Sequence[int]) -> Grid:
        return replace(
            self,
            head=[self.head[column] for column in columns],
            rows=[[row[column] for column in columns] for row in self.rows],
            right=[n for n, column in enumerate(columns) if column in set(self.right)],
            name=columns.index(self.name),
            verdict=columns.index(self.verdict) if self.verdict in columns else None,
        )


@dataclass(frozen=True)
class Picture:
    """An SVG that is written beside the report.

    Attributes:
        name: its file's.
        told: what it shows, for those who do not see it.
    """

    name: str
    told: str
    svg: str


Block = Heading | Paragraph | Items | Code | Grid | Picture


@dataclass(frozen=True)
class Section:
    """A chapter of the report.

    Attributes:
        metrics: what the glossary must explain.
    """

    title: str
    blocks: Sequence[Block]
    metrics: Sequence[str] = ()

    @property
    def grids(self) -> list[Grid]:
        """Its tables."""
        return [block for block in self.blocks if isinstance(block, Grid)]

    @property
    def pictures(self) -> list[Picture]:
        """Its pictures."""
        return [block for block in self.blocks if isinstance(block, Picture)]


def section_of(
    title: str,
    lead: str,
    grids: Sequence[Grid],
    metrics: Sequence[str] = (),
    picture: Picture | None = None,
) -> Section:
    """A chapter that says what is shown, shows it, and has the numbers below."""
    return Section(title, [Paragraph(lead), *([picture] if picture else []), *grids], metrics)
