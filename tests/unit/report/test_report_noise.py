"""The baseline against itself is shown and has no rank; what is told of a ratio, and why not."""

from __future__ import annotations

import pytest
from small_runs import SmallRun, mixed, thrice, told

from bench.report.chapters.outliers import far
from bench.report.compare import compare_variants
from bench.report.formats.markdown import render
from bench.report.measures import Ratio
from bench.report.model import load_report


def noisy(path, twin=(110.0, 111.0, 112.0)):
    run = SmallRun(path).cell("slow:base", [100.0, 101.0, 102.0])
    run.cell("slow:base (A/A)", twin)
    run.cell("near", [110.0, 111.1, 112.2])
    return run.cell("quick", [200.0, 202.0, 204.0])


def test_the_twin_is_shown_with_its_ratio_and_has_no_rank(tmp_path):
    (table,) = load_report(noisy(tmp_path / "run").write()).tables
    twin = next(row for row in table.rows if row.variant == "slow:base (A/A)")
    assert (twin.rank, twin.place, twin.kind) == (None, "-", "twin")
    assert twin.ratio_text == "1.10x [1.10, 1.10]"
    assert [row.variant for row in table.ranked] == ["quick", "near", "slow:base"]
    assert table.rows[-1] is twin


def test_a_twin_like_its_baseline_shows_figures_too(tmp_path):
    report = load_report(noisy(tmp_path / "run", (100.0, 101.0, 102.0)).write())
    twin = next(row for row in report.tables[0].rows if row.kind == "twin")
    assert twin.ratio_text == "1.00x [1.00, 1.00]"


def test_an_interval_that_leaves_out_one_is_a_difference_everywhere(tmp_path):
    """The twin is shown; it is no second gate that a difference must pass."""
    folder = noisy(tmp_path / "run").write()
    report = load_report(folder)
    near = next(row for row in report.tables[0].rows if row.variant == "near")
    assert near.ratio_text.startswith("1.05x [1.0")
    assert report.tables[0].contrasts.differ("near", "slow:base")
    (line,) = compare_variants(folder, "slow:base", "near").lines
    assert (line.ratio.text, line.winner) == (near.ratio_text, "B")


def test_the_twin_is_explained(tmp_path):
    text = render(load_report(noisy(tmp_path / "run").write()))
    assert "slow:base (A/A) is the baseline measured a second time" in text
    assert "oise floor" not in text


def test_settings_and_promises_are_told_of_the_baseline_once():
    text = render(told(4))
    assert "| slow:base (A/A) |" not in text[text.index("## How each variant works") :]


def test_a_ratio_differs_where_its_interval_leaves_out_one():
    assert Ratio(1.05, 1.03, 1.07, 3).differs
    assert not Ratio(1.05, 0.99, 1.07, 3).differs
    assert Ratio(0.9, 0.85, 0.92, 3).differs
    assert not Ratio(2.0, None, None, 2).differs
    assert not Ratio(2.0, None, None, 2).no_difference


def test_no_difference_has_its_reason():
    assert Ratio(1.1, 0.97, 1.2, 3).reasoned == "no difference [0.970, 1.20]"
    assert Ratio(1.1, None, None, 2).reasoned == "1.10x (2 rounds)"
    assert Ratio(1.1, None, None, 1).reasoned == "1 round"


def test_of_one_round_neither_rank_nor_ratio_is_told(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0]).cell("quick", [300.0])
    report = load_report(run.write())
    assert [row.place for row in report.tables[0].rows] == ["-", "-"]
    assert [row.variant for row in report.tables[0].rows] == ["quick", "slow:base"]
    text = render(report)
    assert (
        "In the order of throughput, tasks/s, higher is better; 1 round, too few for ranks." in text
    )
    assert "vs slow:base" not in text
    assert "3.00x" not in text


def test_of_two_rounds_the_ratio_says_so_and_there_are_no_ranks(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0, 100.0]).cell("quick", [300.0] * 2)
    first, second = load_report(run.write()).tables[0].rows
    assert (first.place, first.ratio_text) == ("-", "3.00x (2 rounds)")
    assert (second.place, second.ratio_text) == ("-", "baseline")


def test_variants_that_cannot_be_told_apart_share_a_rank(tmp_path):
    run = (
        SmallRun(tmp_path / "run").cell("slow:base", [100, 110, 105]).cell("alike", [108, 101, 106])
    )
    run.cell("quick", [200, 225, 205]).cell("crawls", [1.0, 1.1, 1.05])
    table = load_report(run.write()).tables[0]
    assert [(row.place, row.variant) for row in table.rows] == [
        ("1", "quick"),
        ("=2", "alike"),
        ("=2", "slow:base"),
        ("4", "crawls"),
    ]


def test_without_the_baselines_value_the_row_says_so(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", bad=[("failed", "exit code 1")] * 3)
    rows = load_report(run.cell("quick", thrice(100.0)).write()).tables[0].rows
    assert [row.ratio_text for row in rows] == ["no baseline", "baseline"]


def test_a_ratio_of_fewer_rounds_than_the_tables_says_of_how_many(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", thrice(100.0))
    run.cell("quick", [200.0, 210.0], bad=[("invalid", "the generator ran late")])
    (row,) = (row for row in load_report(run.write()).tables[0].rows if row.variant == "quick")
    assert row.ratio_text == "2.03x (2 rounds)"
    assert row.brief == "pass; invalid, 2 of 3 rounds ok"


# --- outliers, invalid rounds, precision -----------------------------------------------------


@pytest.mark.parametrize(
    ("values", "rounds"),
    [
        ([100, 101, 102, 150], [4]),
        ([100] * 5 + [109], []),  # far in sigmas, but by less than a tenth
        ([100] * 5 + [111], [6]),
        ([100, 101, 129], []),  # two of few may be near each other by chance
        ([100, 101, 132], [3]),
        ([100, 140, 180, 220], []),  # spread, none far from the others
        ([100, 200], []),
        ([], []),
    ],
)
def test_an_outlier_is_far_in_sigmas_and_in_percent(values, rounds):
    assert far(dict(enumerate(values, 1))) == rounds


def test_outliers_are_told_once_per_variant_and_kept(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1310.0, 1320.0, 812.0])
    run.cell("slow:base", [1310.0, 1320.0, 812.0], concurrency=1)
    report = load_report(run.write())
    (line,) = [warning for warning in report.warnings if "outlier" in warning]
    assert line == (
        "slow:base: 2 outlier rounds kept: add, drain, concurrency 1 round 3: 812 against a "
        "median of 1,310; add, drain, concurrency 4 round 3: 812 against a median of 1,310"
    )
    assert report.tables[0].rows[0].headline.rounds == 3


def test_a_cell_with_an_invalid_round_is_not_ranked_but_shows_its_valid_rounds(tmp_path):
    late = ("invalid", "the generator ran late: p99 12 ms, allowed 5 ms")
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0] * 3)
    run.cell("quick", [300.0], bad=[late, late])
    run.cell("worse", [300.0], bad=[late, ("failed", "exit code 1")])
    (table,) = load_report(run.write()).tables
    rows = {row.variant: row for row in table.rows}
    assert rows["quick"].rank is None
    assert rows["quick"].problem == (
        "invalid: the generator ran late: p99 12 ms, allowed 5 ms (2 of 3 rounds)"
    )
    assert rows["quick"].headline.value == pytest.approx(300)
    assert rows["worse"].problem.startswith("failed: exit code 1 (1 of 3 rounds, 1 invalid)")


def test_what_did_not_get_as_exact_as_asked_is_told(tmp_path):
    cell = {"scenario": "add", "load": "drain", "concurrency": 4, "params": {"service_s": 0.0}}
    missed = [{"variant": "quick", **cell, "half_width": 0.08}]
    wanted = {"within": 0.05, "budget_s": 1800, "reached": False, "missed": missed}
    run = SmallRun(tmp_path / "run", precision=wanted).cell("slow:base", [1.0] * 3)
    (line,) = load_report(run.write()).warnings
    assert line == (
        "quick: the budget of 1,800 s ended before the interval was within 5.0% of the value in "
        "add, drain, concurrency 4 (8.0%)"
    )
    good = SmallRun(tmp_path / "good", precision={**wanted, "reached": True, "missed": []})
    assert load_report(good.cell("slow:base", [1.0] * 3).write()).warnings == ()


def test_a_run_without_a_twin_says_nothing_of_noise(tmp_path):
    text = render(load_report(mixed(tmp_path / "run")))
    assert "A/A" not in text
    assert "of floor" not in text
