"""The chapter, the finding and the sentence of throughput by service time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from small_runs import SmallRun, thrice
from windows_runs import BASE, RIVAL, line, optioned, stalling, windows_run

from bench.errors import UsageError
from bench.report.chapters.service_time import how
from bench.report.compare import compare_variants
from bench.report.model import load_report
from bench.report.platforms import platform_of
from bench.report.sections import Items, Paragraph, Section
from bench.report.setups import changes, of_here_alone, setups
from bench.report.sweep import Line


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    return windows_run(tmp_path / "run")


def chapter(run: SmallRun) -> Section:
    sections = load_report(run.write()).sections
    (found,) = [one for one in sections if "hroughput by service time" in one.title]
    return found


def sentences(section: Section) -> list[str]:
    return [
        told for block in section.blocks if isinstance(block, Items) for told in block.sentences
    ]


def findings(run: SmallRun) -> list[str]:
    told = load_report(run.write()).findings
    return [sentence for sentence in told if "by service time" in sentence.lower()]


# --- what the names say ------------------------------------------------------------------------


def test_a_name_is_taken_apart_by_the_options_that_the_run_knows(run):
    line(run, "q@2.0+local:many+loop+small", [9] * 5)
    line(run, RIVAL, [9] * 5)
    line(run, "q:many", [9] * 5)
    known = setups(load_report(run.write()).facts)
    odd = known["q@2.0+local:many+loop+small"]
    assert (odd.base, odd.own, odd.emulating) == ("q@2.0+local:many", {"small"}, {"loop"})
    assert [(c.option, c.without, c.having) for c in changes(known.values())] == [
        ("loop", "q:many", RIVAL)
    ]
    assert of_here_alone(known) == {"q:many"}


def test_runs_of_earlier_versions_say_nothing_of_options(run):
    run.cell("q:many+loop", [1, 2, 3])
    (known,) = setups(load_report(run.write()).facts).values()
    assert (known.base, known.options) == ("q:many+loop", frozenset())


@pytest.mark.parametrize(
    ("facts", "brief", "told"),
    [
        (
            {"platform": "win32", "host": {"os": "Windows-11"}},
            "Windows",
            "This is Windows itself (Windows-11)",
        ),
        ({"host": {"os": "Windows 11"}}, "Windows", "This is Windows itself"),
        ({"platform": "wine", "guest": "CPython 3.12.9 under Wine 8.0"}, "under Wine", "Wine 8.0"),
        ({"guest": "Windows CPython 3.12.9 under Wine 8.0"}, "under Wine", "cannot tell"),
        ({"platform": "linux"}, "", ""),
    ],
)
def test_where_workers_ran_is_said(facts, brief, told):
    facts = {"host": {"os": "Linux-6.1-x86_64"}} | facts
    found = platform_of({"variants": {}} | facts)
    assert brief in found.brief
    assert told in found.told
    assert "x86_64" not in found.told
    assert found.is_windows is bool(brief)


# --- the chapter -------------------------------------------------------------------------------


def test_the_chapter_is_headed_by_what_the_run_can_tell(tmp_path):
    found = chapter(stalling(tmp_path / "run"))
    assert found.title == "Windows: throughput by service time"
    first = found.blocks[0]
    assert isinstance(first, Paragraph)
    assert first.text.startswith("This is Windows' consumer loop on Linux")


def test_without_any_windows_it_is_a_chapter_like_others(run):
    line(run, "plain", [9, 8, 7, 6, 5])
    found = chapter(run)
    assert found.title == "Throughput by service time"
    assert not sentences(found)


def test_the_table_has_a_column_for_each_service_time(tmp_path):
    found = chapter(stalling(tmp_path / "run"))
    one, four = found.grids
    assert one.head == ("variant", "tasks at once", "0 ms", "1 ms", "10 ms", "100 ms")
    assert one.rows[1] == [RIVAL, "1 worker x 1 thread", "400", "200", "2.80", "timeout"]
    assert four.rows[0] == [BASE, "4 workers x 1 task", "1,500", "1,100", "330", "39.0", "3.90"]


def test_sentences_name_their_cells(tmp_path):
    told = sentences(chapter(stalling(tmp_path / "run")))
    assert (
        "q:many+loop (1 worker x 4 threads) against q:one+loop (4 workers x 1 task), add, surge, "
        "concurrency 4: behind at 0, 1, 10 and 100 ms (0.0545x [0.0545, 0.0545] at 10 ms), not "
        "told apart at 1 s"
    ) in told
    assert (
        "q:many+loop (1 worker x 4 threads) against q:one+loop (1 worker x 1 task), add, surge, "
        "concurrency 4 against 1: behind at 0, 1, 10 and 100 ms (0.217x [0.217, 0.217] at 10 ms)"
    ) in told
    changed = [sentence for sentence in told if sentence.startswith("+loop added to q:many,")]
    assert changed == [
        "+loop added to q:many, add, surge, concurrency 4: no difference at 0 ms and 1 s; "
        "0.444x [0.444, 0.444] at 1 ms; 0.0568x [0.0568, 0.0568] at 10 ms; "
        "0.236x [0.236, 0.236] at 100 ms"
    ]


def test_what_only_this_system_has_is_not_called_first(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [90] * 5)
    line(run, "q:one", [500] * 5)
    (first,) = [told for told in sentences(chapter(run)) if told.startswith("add, surge")]
    assert first.startswith(f"add, surge, concurrency 4: {BASE} at 0 ms (100 tasks/s)")
    assert "q:one at" not in first


def test_who_cannot_be_told_from_the_first_shares_its_place(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [100] * 5)
    (first,) = [told for told in sentences(chapter(run)) if told.startswith("add, surge")]
    assert f"{RIVAL} and {BASE}" in first or f"{BASE} and {RIVAL}" in first
    assert ", not told apart, at 0 ms" in first


def test_of_two_rounds_nobody_is_first(run):
    line(run, BASE, [100] * 5, rounds=2)
    line(run, RIVAL, [50] * 5, rounds=2)
    told = sentences(chapter(run))
    assert not [sentence for sentence in told if "tasks/s" in sentence]
    assert all("cannot say" in sentence for sentence in told)


def test_stalls_have_a_table_where_they_were_measured(run):
    line(run, BASE, [100] * 5, metrics={"longest_stall_ms": [2.0, 2.0, 2.0]})
    line(run, RIVAL, [50] * 5, metrics={"longest_stall_ms": [1980.0, 1980.0, 1980.0]})
    _, stalls = chapter(run).grids
    assert stalls.caption.startswith("longest stall, ms: add, surge, concurrency 4")
    assert stalls.rows[1][2:] == ["1,980"] * 5


def test_on_windows_computing_and_an_open_load_are_told(tmp_path):
    run = stalling(tmp_path / "run")
    for name, speed, late in ((BASE, 190, 4), (RIVAL, 70, 16)):
        run.cell(name, thrice(speed), scenario="compute", load="surge", params={"loops": 100})
        params = {"service_s": 0.01, "arrival": "poisson", "rate_per_s": 20.0}
        run.cell(name, thrice(late), load="open", params=params)
        optioned(run, name)
    told = sentences(chapter(run))
    assert any("compute, surge" in s and "0.37x" in s for s in told)
    assert any("add, open, 20 per s" in s and f"{RIVAL} 16.0" in s for s in told)


# --- the chart ---------------------------------------------------------------------------------


def test_the_chart_names_every_line_and_what_is_not_drawn(tmp_path):
    (drawn,) = chapter(stalling(tmp_path / "run")).pictures
    texts = [
        node.text for node in ET.fromstring(drawn.svg).iter("{http://www.w3.org/2000/svg}text")
    ]
    for name in (BASE, RIVAL, "q:many+loop+small", "q:many", "other"):
        assert name in texts
    assert "ideal: 4 / service time" in texts
    assert "q:many+loop at 100 ms: timeout" in texts
    assert {"0 ms", "1 ms", "10 ms", "100 ms", "1 s"} <= set(texts)


def test_what_was_measured_at_one_service_time_is_no_line(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [50] * 5)
    line(run, "q:many+loop+small", [5], times=[0.01])
    found = chapter(run)
    (drawn,) = found.pictures
    assert "at one service time only, told in the table: q:many+loop+small" in drawn.svg
    assert [row for row in found.grids[0].rows if row[0] == "q:many+loop+small"]
    told = [sentence for sentence in sentences(found) if "small" in sentence]
    assert told == [
        "+small added to q:many+loop, add, surge, concurrency 4: 0.100x [0.100, 0.100] at 10 ms"
    ]


def test_a_run_in_which_all_failed_has_no_chart(run):
    line(run, BASE, [None] * 5)
    found = chapter(run)
    assert found.pictures == []
    assert found.grids[0].rows[0][2:] == ["timeout"] * 5


# --- the finding -------------------------------------------------------------------------------


def test_the_finding_tells_the_rivals_and_where_they_cross(run):
    line(run, BASE, [1000, 900, 300, 30, 3])
    line(run, RIVAL, [500, 450, 30, 60, 6])
    line(run, "other", [9] * 5)
    (told,) = findings(run)
    assert told == (
        "Windows' consumer loop on this system, by service time (add, surge, concurrency 4): "
        "against q:one+loop (4 workers x 1 task): q:many+loop (1 worker x 4 threads) behind at 0, "
        "1 and 10 ms (0.100x [0.100, 0.100] at 10 ms), ahead at 100 ms and 1 s (2.00x [2.00, 2.00] "
        "at 100 ms); the lines cross at about 59 ms, between 10 and 100 ms."
    )


def test_no_difference_is_said_as_such(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [100] * 5)
    (told,) = findings(run)
    assert "not told apart at 0, 1, 10, 100 ms and 1 s" in told


@pytest.mark.parametrize("rounds", [1, 2])
def test_where_nothing_can_be_said_there_is_no_finding(run, rounds):
    line(run, BASE, [100] * 5, rounds=rounds)
    line(run, RIVAL, [50] * 5, rounds=rounds)
    assert findings(run) == []


def test_a_rival_that_failed_throughout_is_no_finding(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [None] * 5)
    assert findings(run) == []


# --- the sentence of a comparison --------------------------------------------------------------


def test_a_comparison_ends_with_the_crossing(run):
    line(run, BASE, [1000, 900, 300, 30, 3])
    line(run, RIVAL, [500, 450, 30, 60, 6])
    found = compare_variants(run.write(), BASE, RIVAL)
    assert found.sentence == (
        "Against q:one+loop (4 workers x 1 task) q:many+loop (1 worker x 4 threads) is, on "
        "Windows' consumer loop on this system, by service time (add, surge, concurrency 4), "
        "behind at 0, 1 and 10 ms (0.100x [0.100, 0.100] at 10 ms), ahead at 100 ms and 1 s "
        "(2.00x [2.00, 2.00] at 100 ms); the lines cross at about 59 ms, between 10 and 100 ms; "
        "both passed every check of 5 common cells."
    )


def test_a_comparison_is_also_with_fewer_at_once(tmp_path):
    found = compare_variants(stalling(tmp_path / "run").write(), BASE, RIVAL)
    told = "; against q:one+loop (1 worker x 1 task) behind at 0, 1, 10 and 100 ms (0.217x"
    assert told in found.sentence


def test_names_that_the_run_has_only_as_on_windows_are_taken_so(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [50] * 5)
    found = compare_variants(run.write(), "q:one", "q:many")
    assert (found.a, found.b) == (BASE, RIVAL)
    assert found.warnings == (f"the run has such as {BASE} and {RIVAL}: these are compared",)


def test_of_variants_that_run_as_here_nothing_is_said_of_windows(run):
    for name in (BASE, RIVAL, "q:one", "q:many"):
        line(run, name, [100] * 5)
    folder = run.write()
    assert "Windows" in compare_variants(folder, BASE, RIVAL).sentence
    assert "Windows" in compare_variants(folder, "q:one", RIVAL).sentence
    told = compare_variants(folder, "q:one", "q:many").sentence
    assert "by service time" in told
    assert "Windows" not in told


def test_where_one_is_there_as_on_windows_only_both_are_taken_so(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [50] * 5)
    line(run, "q:many", [90] * 5)
    found = compare_variants(run.write(), "q:one", "q:many")
    assert (found.a, found.b) == (BASE, RIVAL)


def test_names_that_the_run_has_are_taken_as_they_are_and_the_others_told(run):
    for name in (BASE, RIVAL, "q:one", "q:many"):
        line(run, name, [100] * 5)
    found = compare_variants(run.write(), "q:one", "q:many")
    assert (found.a, found.b) == ("q:one", "q:many")
    assert f"'bench compare {BASE} {RIVAL}' compares these" in found.warnings[0]


def test_a_name_that_is_in_no_way_there_is_told_with_the_nearest(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [50] * 5)
    with pytest.raises(UsageError, match="q:only"):
        compare_variants(run.write(), "q:only", "q:many")


@pytest.mark.parametrize(
    ("stated", "at_once", "told"),
    [
        ("1 worker x N threads", 1, "1 worker x 1 thread"),
        ("N processes x 1 task", 4, "4 processes x 1 task"),
        ("N processes x 1 task", 1, "1 process x 1 task"),
        ("1 process x N threads", 4, "1 process x 4 threads"),
    ],
)
def test_how_so_many_at_once_are_reached_reads_well(stated, at_once, told):
    line = Line("q", at_once, {})
    assert how(line, {"variants": {"q": {"concurrency": stated}}}) == told
