"""What a part of the report behind its ranked tables is made of: plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """A table of texts.

    Attributes:
        right: the columns that hold numbers.
        note: a sentence below it; empty for none.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[int] = ()
    note: str = ""


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


@dataclass(frozen=True)
class Section:
    """A part of the report with a heading of its own.

    Attributes:
        lead: what is shown, in a sentence or some.
        metrics: what the glossary must explain.
    """

    title: str
    lead: str
    grids: Sequence[Grid]
    metrics: Sequence[str] = ()
    picture: Picture | None = None
