"""The chapter of consumer stalls and its picture: who, how likely, how often, how long."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from bench.analysis.stalled import Bar, TracedStall
from bench.report.cells import Cell
from bench.report.chapters import stalls
from bench.report.pictures.stall import picture
from bench.report.sections import Paragraph

SVG = "{http://www.w3.org/2000/svg}"


def cell(variant, counts, longest_ms=(), shares=(), load="drain", kind="variant", **params) -> Cell:
    place = ("add", load, params.pop("concurrency", 4), json.dumps(params, sort_keys=True))
    series = {
        "consumer_stalls": counts,
        "longest_stall_ms": longest_ms or [1900.0 if count else 40.0 for count in counts],
        "stalled_share": shares or [0.5 if count else 0.0 for count in counts],
    }
    rounds = {name: dict(enumerate(values, 1)) for name, values in series.items()}
    return Cell((variant, *place), params, kind=kind, rounds=rounds)


def traced(**changed) -> TracedStall:
    known = {"trial": {}, "lasted_ms": 2000.0, "from_ms": -50.0, "to_ms": 2030.0, "slots": 2}
    known |= {"free": 2, "waiting": 7, "sent_ms": (-20.0, 5.0, 1000.0)}
    bars = (Bar(0, 1, -30.0, -20.0), Bar(1, 2, -30.0, 0.0), Bar(0, 3, 2000.0, 2010.0))
    return TracedStall(**{**known, "bars": bars, **changed})


def told(section):
    return [block.text for block in section.blocks if isinstance(block, Paragraph)]


def test_a_run_without_counts_has_no_such_chapter():
    assert stalls.section([Cell(("a", "add", "drain", 4, "{}"), {})]) is None


def test_a_run_without_stalls_says_so_in_two_sentences():
    section = stalls.section([cell("a", [0, 0]), cell("b", [0])])
    assert told(section)[0].endswith("There was none in 2 cells.")
    assert not section.grids
    assert not section.metrics


def test_a_trial_that_timed_out_may_have_stalled_and_is_named():
    late = Cell(("c:gevent", "add", "drain", 4, "{}"), {}, status="timeout")
    section = stalls.section([cell("a", [0]), late])
    assert told(section)[0].endswith("Not looked at, for it timed out: c:gevent.")


def test_a_row_says_how_likely_how_often_and_how_long():
    cells = [
        cell("c:threads", [0, 2, 1, 0], [40, 1900, 1990, 600], [0, 0.4, 0.2, 0], service_s=0.01),
        cell("c:threads", [0, 0, 0, 0], load="closed"),
        cell("c:solo", [0, 0, 0, 0]),
        cell("c:solo (A/A)", [1], kind="twin"),
    ]
    section = stalls.section(cells)
    (grid,) = section.grids
    assert grid.caption == "Consumer stalls: add, drain"
    assert list(grid.rows) == [
        ["c:threads", "4", "service 0.01 s", "2 of 4", "0.750", "15%", "1.99"]
    ]
    assert told(section)[-1] == "No stall in the other 2 of 3 cells; none at all: c:solo."
    assert section.metrics == stalls.METRICS


def test_rows_are_in_order_of_variant_concurrency_and_numbers():
    cells = [
        cell("b", [1], service_s=0.1),
        cell("b", [1], service_s=0.01),
        cell("b", [1], concurrency=1, service_s=1.0),
        cell("a", [1]),
    ]
    (grid,) = stalls.section(cells).grids
    assert [row[:3] for row in grid.rows] == [
        ["a", "4", "-"],
        ["b", "1", "service 1 s"],
        ["b", "4", "service 0.01 s"],
        ["b", "4", "service 0.1 s"],
    ]
    assert told(stalls.section(cells))[-1] == "No stall in the other 0 of 4 cells."


def test_the_trial_of_the_longest_stall_is_drawn():
    cells = [cell("a", [1, 1, 0], [1000, 1800, 9000]), cell("b", [1], [700])]
    trials = [
        {"variant": variant, "scenario": "add", "load": "drain", "concurrency": 4}
        | {"params": {}, "round": number, "lease_id": "l"}
        for variant, number in (("b", 1), ("a", 1), ("a", 2), ("a", 3))
    ]
    asked = []
    section = stalls.section(cells, trials, lambda trial: asked.append(trial) or traced())
    assert [(trial["variant"], trial["round"]) for trial in asked] == [("a", 2)]
    (drawn,) = section.pictures
    assert drawn.name == "stall.svg"
    assert "a; add, drain, concurrency 4; round 2" in drawn.svg
    assert not stalls.section(cells, trials, lambda _: None).pictures
    assert not stalls.section(cells, [], lambda _: traced()).pictures


def test_the_picture_shows_each_attempt_on_its_slot_and_the_time_between():
    root = ElementTree.fromstring(picture(traced(), "title", "subtitle"))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"sent", "slot 1", "slot 2", "2.00 s without a start"} <= set(texts)
    assert "7 tasks waiting, 2 of 2 slots free" in texts
    boxes = [
        tuple(float(element.attrib[name]) for name in ("x", "width"))
        for element in root.iter(f"{SVG}rect")
        if "x" in element.attrib
    ]
    band, *bars, _ = boxes
    begin, end = band[0], band[0] + band[1]
    assert bars[1][0] + bars[1][1] == pytest.approx(begin, abs=0.2)
    assert bars[2][0] == pytest.approx(end, abs=0.2)
    assert bars[1][1] == pytest.approx(3 * bars[0][1], rel=0.02)


def test_a_picture_of_nothing_but_waiting_can_be_drawn():
    svg = picture(traced(bars=(), sent_ms=(), from_ms=-10.0, to_ms=2010.0), "t", "s")
    assert ElementTree.fromstring(svg) is not None


def test_every_slot_has_a_line_and_an_empty_one_of_what_was_sent_says_why():
    root = ElementTree.fromstring(picture(traced(slots=4, sent_ms=()), "t", "s"))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert "slot 4" in texts
    assert "all that wait were sent before" in texts


def test_of_very_many_slots_some_are_drawn():
    bars = tuple(Bar(slot, slot, -30.0, -20.0) for slot in range(100))
    root = ElementTree.fromstring(picture(traced(bars=bars, slots=100), "t", "s"))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert "slot 12" in texts
    assert "slot 13" not in texts
