"""The little SVG that the report's pictures are made of: text, boxes, lines, on white."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

WIDTH = 760
INK = "#1f2328"
FAINT = "#59636e"
GRID = "#dfe3e8"

#: Of stacked parts: told apart in print and by the colour-blind, dark enough for white figures.
PARTS = ("#4c78a8", "#b35c00", "#3b7d4f", "#7b4f93")

#: Of lines; with more variants than colours they differ by their dashes too.
LINES = (
    *("#4c78a8", "#d1495b", "#2e8b57", "#b35c00", "#7b4f93", "#008b9a"),
    *("#8c6d31", "#c2579f", "#111827", "#3d5af1"),
)


def document(title: str, subtitle: str, height: float, body: Iterable[str]) -> str:
    """A whole picture, :data:`WIDTH` wide."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
        f"{text(12, 24, title, size=16, weight=600)}{text(12, 43, subtitle, colour=FAINT)}"
        f"{''.join(body)}</svg>\n"
    )


def text(
    x: float,
    y: float,
    content: str,
    *,
    anchor: str = "start",
    colour: str = INK,
    size: int = 13,
    weight: int = 400,
) -> str:
    """One line of text; ``y`` is that of its base line."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-size="{size}" font-weight="{weight}">{escape(content)}</text>'
    )


def box(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A filled rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
    )


def line(
    points: Iterable[tuple[float, float]], colour: str, *, width: float = 1, dash: str = ""
) -> str:
    """A line through points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    stroke = f'stroke="{colour}" stroke-width="{width:g}"{dashes}'
    return f'<polyline points="{path}" fill="none" {stroke}/>'


def dot(x: float, y: float, colour: str) -> str:
    """A point."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def cross(x: float, y: float, colour: str) -> str:
    """A mark: there is no value here."""
    strokes = ([(x - 4, y - 4), (x + 4, y + 4)], [(x - 4, y + 4), (x + 4, y - 4)])
    return "".join(line(stroke, colour, width=2) for stroke in strokes)


def triangle(x: float, y: float, colour: str) -> str:
    """A mark: the value is beyond the scale, upwards."""
    corners = f"{x - 5:.1f},{y + 4:.1f} {x + 5:.1f},{y + 4:.1f} {x:.1f},{y - 5:.1f}"
    return f'<polygon points="{corners}" fill="{colour}"/>'


def width_of(content: str) -> float:
    """About how wide a line of text is, at the size of 13."""
    return 7.2 * len(content)


def room_for(names: Iterable[str]) -> float:
    """How much is kept free left of a plot for the longest of these."""
    return 20 + max(map(width_of, names), default=0.0)
