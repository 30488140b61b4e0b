"""The picture of a run: bars as long as the values, nothing cut, nothing unescaped."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.report.pictures.overview import Bar, render
from bench.report.pictures.svg import WIDTH, width_of

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
    root = ElementTree.fromstring(svg)
    start = next(float(r.attrib["x"]) for r in root.iter(f"{SVG}rect") if "x" in r.attrib)
    whisker = next(root.iter(f"{SVG}polyline")).attrib["points"].split()
    left, right = (float(point.partition(",")[0]) for point in whisker)
    assert right - start == pytest.approx(2 * bar, abs=0.2)
    assert left - start == pytest.approx(0.8 * bar, abs=0.2)
    assert right < WIDTH


def test_long_names_have_room() -> None:
    name = "celery:threads+prefetch-1+warning-log"
    root = ElementTree.fromstring(render("t", "s", [Bar(name, 100, 80, 200, "no difference")]))
    told = next(t for t in root.iter(f"{SVG}text") if t.text == name)
    assert float(told.attrib["x"]) >= width_of(name)


def test_names_values_and_notes_are_in_it_escaped() -> None:
    svg = render("<add>", "a & b", [Bar("x<y", 1234.4, None, None, "1.5x [1, 2]")])
    text = "".join(ElementTree.fromstring(svg).itertext())
    for part in ("<add>", "a & b", "x<y", "1,230", "1.5x [1, 2]"):
        assert part in text


def test_a_slow_variant_still_has_a_bar() -> None:
    assert min(_bars(render("t", "s", [Bar("a", 1e6, None, None, ""), Bar("b", 1, 1, 1, "")]))) >= 1
