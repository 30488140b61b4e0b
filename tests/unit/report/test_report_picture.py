"""The picture of a run: bars as long as the values, nothing cut, nothing unescaped."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from bench.report.picture import WIDTH, Bar, render

SVG = "{http://www.w3.org/2000/svg}"


def _bars(svg: str) -> list[float]:
    root = ElementTree.fromstring(svg)
    return [float(r.attrib["width"]) for r in root.iter(f"{SVG}rect") if "x" in r.attrib]


def test_a_bar_is_as_long_as_its_value() -> None:
    svg = render("t", "s", [Bar("a", 100, None, None, ""), Bar("b", 25, None, None, "")])
    longest, shorter = _bars(svg)
    assert longest == 4 * shorter


def test_a_whisker_ends_where_the_interval_does_and_the_scale_leaves_room_for_it() -> None:
    svg = render("t", "s", [Bar("a", 100, 80, 200, "")])
    (bar,) = _bars(svg)
    left, right = (float(x) for x in re.findall(r"M([\d.]+) [\d.]+V", svg))
    start = float(re.search(r'<rect x="(\d+)"', svg)[1])
    assert right - start == 2 * bar
    assert round(left - start, 1) == round(0.8 * bar, 1)
    assert right < WIDTH


def test_names_values_and_notes_are_in_it_escaped() -> None:
    svg = render("<add>", "a & b", [Bar("x<y", 1234.4, None, None, "1.5x [1, 2]")])
    text = "".join(ElementTree.fromstring(svg).itertext())
    for part in ("<add>", "a & b", "x<y", "1,230", "1.5x [1, 2]"):
        assert part in text


def test_a_slow_variant_still_has_a_bar() -> None:
    assert min(_bars(render("t", "s", [Bar("a", 1e6, None, None, ""), Bar("b", 1, 1, 1, "")]))) >= 1
