"""The sections behind the ranked tables: what they show, and when they are not there."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from xml.etree import ElementTree

import pandas as pd
import pytest
from small_runs import SmallRun, everything, mixed, thrice, told

from bench.report import write_reports
from bench.report.cells import SUSTAINED, Cell
from bench.report.chapters import costs, load_curves, microbenchmarks, scaling, timing
from bench.report.chapters.timing import Split
from bench.report.measures import Measure
from bench.report.model import load_report
from bench.report.pictures.curves import (
    LEADING,
    Gap,
    Line,
    Panel,
    Point,
    _unbroken,
    axis,
    picture,
    spread,
)
from bench.report.pictures.svg import WIDTH, room_for, width_of
from bench.report.sections import Grid, Heading, Items, Section
from bench.report.wording import METRICS, base_name

SVG = "{http://www.w3.org/2000/svg}"
TITLES = [
    "Each against each",
    "Where the time goes",
    "Latency against offered load",
    "Cost per task",
    "How it scales",
]


@pytest.fixture
def sections() -> dict[str, Section]:
    return {section.title: section for section in told().sections}


def table(section: Section, caption: str) -> dict[str, dict[str, str]]:
    """A grid as texts by row and column."""
    (grid,) = [grid for grid in section.grids if grid.caption == caption]
    return {row[0]: dict(zip(grid.head, row, strict=True)) for row in grid.rows}


def cell(variant="quick", load="drain", params=None, concurrency=4, **kwargs) -> Cell:
    values = kwargs.pop("values", {})
    measures = {name: Measure(name, value, None, None, 1) for name, value in values.items()}
    params = params or {}
    place = (kwargs.pop("scenario", "add"), load, concurrency, json.dumps(params, sort_keys=True))
    known = {"failed": {"lost": 1} if kwargs.pop("failed", False) else {}, **kwargs}
    return Cell(key=(variant, *place), params=params, measures=measures, **known)


# --- all of them -----------------------------------------------------------------------------


def test_a_run_of_an_earlier_version_has_none(tmp_path):
    folder = mixed(tmp_path / "run")
    assert [section.title for section in load_report(folder).sections] == TITLES[:1]
    write_reports(folder)
    assert not (folder.path / "time.svg").exists()
    assert not (folder.path / "latency.svg").exists()


def test_each_is_there_in_order_and_its_pictures_are_written(tmp_path):
    folder = everything(tmp_path / "run", (4,)).write()
    write_reports(folder)
    text = (folder.path / "report.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert heads[1:7] == ["Results", *TITLES]
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert pictures == ["time.svg", "latency.svg"]
    for name in pictures:
        ElementTree.parse(folder.path / name)


def test_every_row_is_as_wide_as_its_head_and_every_metric_is_explained(sections):
    for section in sections.values():
        assert section.metrics or section.title == TITLES[0]
        assert all(METRICS[base_name(metric)] for metric in section.metrics)
        for grid in section.grids:
            assert {len(row) for row in grid.rows} == {len(grid.head)}


def test_the_twin_is_in_none_and_the_limits_are_last(sections):
    for section in sections.values():
        for grid in section.grids:
            names = [row[0] for row in grid.rows]
            assert not any("A/A" in name for name in names)
            first = next((i for i, name in enumerate(names) if "limit" in name), len(names))
            assert all(name.endswith(" (limit)") for name in names[first:])


# --- each against each -----------------------------------------------------------------------


def test_the_matrix_has_a_ratio_where_two_differ_and_a_sign_where_not(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [100, 110, 105])
    run.cell("alike", [108, 101, 106]).cell("quick", [200, 225, 205])
    run.cell("loses", [900] * 3, failed={"lost": ["task 1"]})
    run.cell("short", [50.0], bad=[("invalid", "late")] * 2)
    (section,) = load_report(run.write()).sections
    (grid,) = section.grids
    assert grid.caption == "add, drain, concurrency 4: throughput, tasks/s, more is better"
    assert list(grid.head) == ["", "row / column", "1", "2", "3"]
    assert grid.rows == [
        ["1", "quick", "", "2.0x", "2.0x"],
        ["2", "alike", "0.50x", "", "="],
        ["3", "slow:base", "0.50x", "=", ""],
    ]


def test_the_matrix_is_that_of_the_highest_concurrency_and_of_a_rate_common_to_all(sections):
    captions = [grid.caption for grid in sections["Each against each"].grids]
    assert captions == [
        "add, drain, concurrency 4: throughput, tasks/s, more is better",
        "add, open, 50 per s, poisson, concurrency 4: latency p95, ms, less is better",
        "add, closed, concurrency 4: round trip p50, ms, less is better",
    ]


@pytest.mark.parametrize(
    ("overloaded", "told"),
    [((), 200), ((200,), 50), ((50, 200), 800), ((200, 800), 50)],
)
def test_matrix_and_finding_tell_of_the_same_rate(tmp_path, overloaded, told):
    """The middle one; where it is too much for half of the variants the next lower, then higher."""
    run = SmallRun(tmp_path / "run")
    for rate in (50, 200, 800):
        params = {"service_s": 0.0, "rate_per_s": float(rate)}
        for place, name in enumerate(("slow:base", "a", "b", "c", "d", "e"), 1):
            if rate in overloaded and name in "abc":
                metrics = {"sustained_tasks_per_s": thrice(10.0)}
                run.cell(name, thrice(9.0), load="open", params=params, metrics=metrics)
            else:
                run.cell(name, thrice(place), load="open", params=params)
    report = load_report(run.write())
    (finding,) = [line for line in report.findings if line.startswith("Latency")]
    captions = [
        grid.caption
        for section in report.sections
        if section.title == "Each against each"
        for grid in section.grids
    ]
    assert finding.startswith(f"Latency p95 (add, open, {told} per s, concurrency 4)")
    assert captions == [f"add, open, {told} per s, concurrency 4: latency p95, ms, less is better"]


@pytest.mark.parametrize(("names", "rounds"), [("abc", 2), ("ab", 3)])
def test_of_two_rounds_or_two_variants_there_is_no_matrix(tmp_path, names, rounds):
    run = SmallRun(tmp_path / "run")
    for n, name in enumerate(names, 1):
        run.cell(name, [1.0 * n] * rounds)
    assert load_report(run.write()).sections == ()


# --- a page is only so wide ------------------------------------------------------------------


def test_a_grid_that_fits_is_one():
    grid = Grid("", ("name", "a", "b"), [["x", "1", "2"]])
    assert grid.portions([4, 5, 5], room=20, gap=2) == [grid]


def test_columns_that_do_not_fit_are_told_in_further_parts_with_the_names():
    head = ("name", "a", "b", "c")
    grid = Grid("", head, [["x", "1", "2", "3"]], right=(1, 2, 3), tones=["bad"], verdict=3)
    first, second = grid.portions([4, 5, 5, 5], room=21, gap=2)
    assert (list(first.head), first.rows) == (["name", "a", "b"], [["x", "1", "2"]])
    assert (list(second.head), second.rows) == (["name", "c"], [["x", "3"]])
    assert (first.right, second.right) == ([1, 2], [1])
    assert (first.verdict, second.verdict) == (None, 1)


def test_the_columns_that_belong_together_stay_so():
    head = ("name", "value", "verdict", "more")
    grid = Grid("", head, [["x", "1", "pass", "3"]], core=3)
    first, second = grid.portions([40, 40, 40, 5], room=100, gap=2)
    assert list(first.head) == ["name", "value", "verdict"]
    assert list(second.head) == ["name", "more"]


# --- where the time goes ---------------------------------------------------------------------


def test_parts_have_their_ms_and_their_share(sections):
    found = table(sections["Where the time goes"], "add, closed, concurrency 4")
    assert list(found) == ["quick", "slow:pool", "slow:base", "polls"]  # the shortest first
    assert found["quick"]["total, ms"] == "1.41"
    assert found["quick"]["queue wait"] == "0.900 (64%)"
    assert found["polls"]["result delivery"] == "250 (50%)"


def test_a_bar_is_always_100_percent_and_the_total_stands_behind_it():
    svg = timing.picture({"t": [Split("a", (1.0, 1.0, 1.0, 1.0)), Split("b", (0, 250, 0, 250))]})
    root = ElementTree.fromstring(svg)
    bars = [
        box
        for box in root.iter(f"{SVG}rect")
        if float(box.attrib["height"]) > 13 and "x" in box.attrib
    ]
    for start in (0, 4):
        widths = [float(box.attrib["width"]) for box in bars[start : start + 4]]
        assert sum(widths) == pytest.approx(WIDTH - room_for("ab") - timing.BEHIND, abs=0.3)
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert texts.count("25%") == 4
    assert texts.count("50%") == 2
    assert {"4.00 ms", "500 ms"} <= set(texts)
    assert timing.BEHIND > 60


def test_a_variant_without_parts_is_told_and_one_that_failed_is_marked():
    parts = dict.fromkeys(timing.PARTS, 1.0)
    section = timing.section(
        [
            cell("good", "closed", values=parts),
            cell("wrong", "closed", values=parts, failed=True),
            cell("gone", "closed", status="timeout"),
        ]
    )
    assert section
    found = table(section, "add, closed, concurrency 4")
    assert list(found) == ["good", "wrong (FAIL)", "gone"]
    assert found["gone"]["total, ms"] == "timeout"
    assert timing.section([cell("good", "closed")]) is None


# --- latency against offered load ------------------------------------------------------------


def test_each_offered_load_is_a_column_and_saturation_the_last(sections):
    found = table(sections["Latency against offered load"], "add, open, poisson, concurrency 4")
    assert list(found["quick"])[1:] == [
        "0.5 of own drain",
        "0.8 of own drain",
        "0.95 of own drain",
        "50 per s",
        "saturation",
    ]
    assert found["quick"]["0.5 of own drain"] == "0.400 / 1.71 @ 1,750"
    assert found["polls"]["0.5 of own drain"] == "280 / 1,200 @ 2.50"
    assert found["polls"]["50 per s"] == "invalid"
    assert found["quick"]["saturation"] == "3,360"
    notes = {grid.note for grid in sections["Latency against offered load"].grids}
    assert notes == {"Latencies: p50 / p95. Saturation: p99 under 100 ms."}


def offered(name, *latencies, tail="latency_ms_p95", reason=""):
    """A variant's open cells, offered 100, 200, ... per s; a latency may be a status instead."""
    for n, latency in enumerate(latencies, 1):
        params = {"arrival": "poisson", "rate_per_s": 100.0 * n}
        known = {"params": params, "asked_per_s": 100.0 * n}
        if latency == "overloaded":
            yield cell(name, "open", values={SUSTAINED: 90.0}, **known)
        elif isinstance(latency, str):
            yield cell(name, "open", status=latency, reason=reason, **known)
        else:
            values = {"latency_ms_p50": latency / 2, "offered_tasks_per_s": 100.0 * n}
            yield cell(name, "open", values=values | {tail: latency}, **known)


def drawn(*cells) -> str:
    found = load_curves.section(list(cells))
    assert found
    (picture,) = found.pictures
    return picture.svg


def test_a_panel_has_one_statistic_that_all_its_points_have():
    both = {"latency_ms_p50": 1.0, "latency_ms_p95": 8.0, "latency_ms_p99": 9.0}
    much = [
        cell("much", "open", {"rate_per_s": rate}, values=both | {"offered_tasks_per_s": rate})
        for rate in (100.0, 200.0)
    ]
    assert "latency p99" in drawn(*much)
    params = {"rate_per_s": 100.0}
    few = {"latency_ms_p50": 1.0, "latency_ms_p95": 8.0, "offered_tasks_per_s": 100.0}
    svg = drawn(*much, cell("few", "open", params, values=few))
    assert "latency p95" in svg
    assert "p99" not in svg


def test_where_there_is_no_latency_a_mark_says_why():
    """A line that just ended would make the best look best for the wrong reason."""
    late = "the generator ran late: p99 12 ms where the latency's is 29.5 ms"
    svg = drawn(*offered("tardy", 5.0, 6.0, "invalid", "invalid", reason=late))
    assert svg.count("<circle") == 2
    assert "\u00d7 invalid: the generator ran late: tardy at 300, 400 per s" in svg
    crosses = [line for line in svg.split("<polyline")[1:] if 'stroke-width="2"' in line]
    assert len(crosses) == 1 + 2 * 2  # the line through the points, and the strokes of each mark


def test_a_rate_that_is_too_much_goes_off_the_scale():
    svg = drawn(*offered("weak", 5.0, 6.0, "overloaded"))
    assert svg.count("<polygon") == 1
    assert "\u25b2 overloaded: weak at 300 per s" in svg


def test_long_names_take_their_room_from_the_plot():
    name = "celery:threads+prefetch-1+warning-log"
    root = ElementTree.fromstring(drawn(*offered(name, 5.0, 6.0)))
    told = next(t for t in root.iter(f"{SVG}text") if t.text == name)
    assert float(told.attrib["x"]) + width_of(name) <= WIDTH


def test_a_line_does_not_cross_a_gap():
    assert len(_unbroken(Line("a", (Point(1, 1), Point(3, 1)), (Gap(2, "2", "per s", "x"),)))) == 2
    assert len(_unbroken(Line("a", (Point(1, 1), Point(3, 1)), (Gap(4, "4", "per s", "x"),)))) == 1


def test_what_was_too_much_is_told_in_the_table():
    section = load_curves.section(list(offered("weak", 5.0, "overloaded")))
    assert section
    assert table(section, "add, open, poisson, concurrency 4")["weak"] == {
        "variant": "weak",
        "100 per s": "2.50 / 5.00 @ 100",
        "200 per s": "overloaded",
    }


def test_a_latency_with_retries_in_it_is_none():
    params = {"arrival": "constant", "rate_per_s": 8.0, "retry_delay_s": 1.0}
    values = {"latency_ms_p50": 1000.0, "offered_tasks_per_s": 8.0}
    assert load_curves.section([cell("x", "open", params, scenario="flaky", values=values)]) is None


def test_one_rate_alone_is_a_table_and_no_picture():
    params = {"arrival": "poisson", "rate_per_s": 50.0}
    values = {"latency_ms_p50": 1.0, "latency_ms_p99": 8.0, "offered_tasks_per_s": 50.0}
    found = load_curves.section(
        [cell(name, "open", params, values=values) for name in ("one", "other")]
    )
    assert found
    assert found.pictures == []
    assert [row[0] for row in found.grids[0].rows] == ["one", "other"]


def test_different_arrivals_and_concurrencies_are_not_mixed():
    cells = [
        cell("one", "open", {"arrival": arrival, "rate_per_s": 50.0}, concurrency)
        for arrival in ("poisson", "constant")
        for concurrency in (4, 1)
    ]
    section = load_curves.section(cells)
    assert section
    assert [grid.caption for grid in section.grids] == [
        "add, open, poisson, concurrency 1",
        "add, open, constant, concurrency 1",
        "add, open, poisson, concurrency 4",
        "add, open, constant, concurrency 4",
    ]
    assert section.pictures == []  # there is nothing to draw
    assert load_curves.section([cell("one", "saturation", {"p99_bound_ms": 100.0})]) is None


def test_a_logarithmic_axis_gives_each_factor_the_same_room():
    found = axis([1, 10_000], 0, 100)
    assert found.at(10) - found.at(1) == pytest.approx(found.at(1000) - found.at(100))
    assert found.start < found.at(1) < found.at(10_000) < found.end
    assert found.ticks == [1, 10, 100, 1000, 10_000]
    assert axis([50], 0, 100).ticks == [50, 100]


def test_names_at_the_lines_ends_do_not_overlap():
    assert spread([10, 12, 200], 0, 300) == [10, 10 + LEADING, 200]
    heights = spread([290, 295, 300], 0, 300)
    assert heights == [300 - 2 * LEADING, 300 - LEADING, 300]
    crowd = spread([5.0] * 40, 0, 300)
    assert all(b - a >= LEADING for a, b in pairwise(crowd))


def test_a_curve_stays_within_the_picture():
    lines = [
        Line(f"queue {n}", (Point(1.0 + n, 0.01), Point(50_000.0, 60_000.0))) for n in range(15)
    ]
    root = ElementTree.fromstring(picture([Panel("t", "p95", tuple(lines))]))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for circle in root.iter(f"{SVG}circle"):
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height
    texts = [float(text.attrib["y"]) for text in root.iter(f"{SVG}text")]
    assert max(texts) < height


# --- cost ------------------------------------------------------------------------------------


def test_costs_come_from_the_drain_and_from_idle_workers(sections):
    found = table(sections["Cost per task"], "add, drain, concurrency 4")["quick"]
    assert found["Redis commands"] == "4.25"
    assert found["bytes in + out"] == "905"
    assert found["peak RSS, MB"] == "220"
    assert found["PSS, MB"] == "124"
    assert found["Redis bytes per queued task"] == "412"
    assert found["idle: commands/s"] == "3.60"
    assert found["idle: cpu ms/s"] == "3.50"
    assert "RSS, MB" not in found  # there is a PSS


def test_commands_are_sorted_by_count_without_those_that_never_came(sections):
    blocks = list(sections["Cost per task"].blocks)
    head = Heading("Redis commands per task, by command: add, drain, concurrency 4", 3)
    told = blocks[blocks.index(head) + 1].sentences
    assert "quick: evalsha 3.25, hset 1" in told
    assert "slow:base: brpop 1.02, lpush 1, set 1" in told


def test_rare_commands_are_counted():
    values = {"redis_commands_per_task:get": 2.0, "redis_commands_per_task:info": 0.001}
    section = costs.section([cell(values=values)])
    assert section
    assert section.blocks[-1] == Items(["quick: get 2, 1 rarer"])


def test_without_a_pss_the_rss_is_shown_and_idle_costs_may_stand_alone():
    section = costs.section([cell(load="idle", values={"worker_rss_mb": 50.0})])
    assert section
    assert table(section, "add, idle, concurrency 4")["quick"]["RSS, MB"] == "50.0"
    assert costs.section([cell(values={"throughput_tasks_per_s": 1.0})]) is None


def test_a_cost_that_failed_to_be_measured_says_so():
    values = {"redis_commands_per_task": 2.0}
    cells = [
        cell(values=values),
        cell("gone", status="failed"),
        cell("bad", values=values, failed=True),
    ]
    section = costs.section(cells)
    assert section
    found = table(section, "add, drain, concurrency 4")
    assert found["gone"]["Redis commands"] == "failed"
    assert found["bad"]["Redis commands"] == "2.00 FAIL"


# --- scaling ---------------------------------------------------------------------------------


def test_three_concurrencies_are_a_sweep(sections):
    found = table(sections["How it scales"], "throughput, tasks/s: add, drain")
    assert found["quick"] == {
        "variant": "quick",
        "concurrency 1": "1,400",
        "concurrency 2": "2,100",
        "concurrency 4": "3,500",
    }
    costs_ = table(sections["How it scales"], "cpu per task, worker, ms: add, drain")
    assert costs_["slow:base"]["concurrency 1"] == "1.12"


def test_one_concurrency_is_none_and_two_backlogs_are():
    (section,) = [section for section in told(4).sections if section.title == "How it scales"]
    assert [grid.caption for grid in section.grids if "concurrency 4" in grid.caption] == [
        "throughput, tasks/s: add, backlog, concurrency 4",
        "Redis memory per task, bytes: add, backlog, concurrency 4",
    ]
    assert not any(grid.caption.endswith("add, drain") for grid in section.grids)


def test_a_parameter_is_swept_while_all_others_stay(monkeypatch):
    """The cell of 0 and 0 belongs to both sweeps."""
    sweeps = tuple(scaling.Sweep("add", name, ()) for name in ("argument_kb", "result_kb"))
    monkeypatch.setattr(scaling, "SWEEPS", sweeps)
    cells = [
        cell(
            params={"argument_kb": a, "result_kb": b},
            values={"throughput_tasks_per_s": 100.0 - a - b},
        )
        for a, b in ((10, 0), (0, 0), (1, 0), (0, 10))
    ]
    section = scaling.section(cells)
    assert section
    arguments, results = section.grids
    assert isinstance(arguments, Grid)
    assert arguments.caption == "throughput, tasks/s: add, drain, concurrency 4, by argument"
    assert list(arguments.head) == ["variant", "argument 0", "argument 1 kB", "argument 10 kB"]
    assert arguments.rows == [["quick", "100", "99.0", "90.0"]]
    assert results.rows == [["quick", "100", "90.0"]]
    assert scaling.section(cells[:1]) is None


# --- microbenchmarks -------------------------------------------------------------------------


def test_microbenchmarks_are_rows_of_groups_with_the_ratio_to_the_best():
    found = pd.DataFrame(
        {
            "variant": ["a", "b", "a"],
            "group": ["send", "send", "encode"],
            "median_us": [30.0, 10.0, 5.0],
        }
    )
    section = microbenchmarks.section(found)
    assert section
    (grid,) = section.grids
    assert list(grid.head) == ["median, us", "a", "b"]
    assert grid.rows == [["send", "30.0 (3.0x)", "10.0"], ["encode", "5.00", "-"]]
    assert microbenchmarks.section(found.iloc[:0]) is None


def test_a_small_run_with_one_load_has_only_what_it_measured(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.0] * 3)
    run.cell("slow:base", [1.0] * 3, load="closed", metrics=dict.fromkeys(timing.PARTS, [1.0] * 3))
    assert [s.title for s in load_report(run.write()).sections] == ["Where the time goes"]
