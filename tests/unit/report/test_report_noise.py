"""The baseline against itself: its twin has no rank and says below what nothing is claimed."""

from __future__ import annotations

import math

import pytest
from small_runs import SmallRun, mixed, thrice, told

from bench.measure.noise import noise_floor
from bench.report.compare import compare_runs, compare_variants
from bench.report.markdown import render
from bench.report.model import load_report
from bench.report.noise import Noise
from bench.report.outliers import far
from bench.report.parts import Ratio


def noisy(path, twin=(110.0, 111.0, 112.0)):
    run = SmallRun(path).cell("slow:base", [100.0, 101.0, 102.0])
    run.cell("slow:base (A/A)", twin)
    run.cell("near", [105.0, 106.0, 107.0])
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


def test_a_difference_within_the_noise_is_none_everywhere(tmp_path):
    folder = noisy(tmp_path / "run").write()
    report = load_report(folder)
    near = next(row for row in report.tables[0].rows if row.variant == "near")
    assert near.ratio
    assert near.ratio.low > 1  # its interval alone would make it a difference
    assert near.ratio_text == "no difference"
    (line,) = compare_variants(folder, "slow:base", "near").lines
    assert line.winner == "-"
    (line,) = compare_variants(folder, "slow:base", "quick").lines
    assert line.winner == "B"


def test_without_a_twin_the_interval_alone_decides(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0, 101.0, 102.0])
    (table,) = load_report(run.cell("near", [105.0, 106.0, 107.0]).write()).tables
    assert table.noise is None
    assert table.rows[0].ratio_text.startswith("1.05x")


def test_of_two_runs_the_noisier_tells_what_is_a_difference(tmp_path):
    calm = SmallRun(tmp_path / "a").cell("one", [100.0] * 3)
    loud = SmallRun(tmp_path / "b").cell("one", [105.0] * 3)
    assert compare_runs(calm.write(), loud.write()).lines[0].winner == "B"
    calm = SmallRun(tmp_path / "c").cell("one", [100.0] * 3)
    loud = SmallRun(tmp_path / "d").cell("one", [105.0] * 3).cell("slow:base", [10.0] * 3)
    loud.cell("slow:base (A/A)", [11.0] * 3)
    assert compare_runs(calm.write(), loud.write()).lines[0].winner == "-"


def test_the_noise_floor_stands_under_each_table(tmp_path):
    text = render(load_report(noisy(tmp_path / "run").write()))
    assert "Noise floor here: 1.22x: smaller differences are not claimed." in text
    assert "slow:base (A/A) is the baseline measured a second time" in text
    assert "- noise floor: " in text


def test_the_twins_pairs_are_those_of_its_scenario_and_load():
    key = ("add", "drain", 4, "{}")
    other = ("add", "closed", 4, "{}")
    rounds = {
        (("b", *key), "m"): {1: 10.0, 2: 10.0, 3: 0.0},
        (("b (A/A)", *key), "m"): {1: 11.0, 2: 12.0, 3: 1.0, 4: 9.0},
        (("b", *other), "m"): {1: 1.0},
        (("b (A/A)", *other), "m"): {1: 5.0},
    }
    noise = Noise(rounds, "b")
    logs = [math.log(1.1), math.log(1.2)]
    assert noise.factor("add", "drain", "m", 3) == pytest.approx(noise_floor([logs], 3))
    assert noise.factor("add", "burst", "m", 3) is None


def test_settings_and_promises_are_told_of_the_baseline_once():
    text = render(told(4))
    assert "| slow:base (A/A) |" not in text[text.index("## How each variant works") :]


def test_a_ratio_differs_only_beyond_interval_and_noise():
    assert Ratio(1.05, 1.03, 1.07, 3).differs
    assert not Ratio(1.05, 0.99, 1.07, 3).differs
    assert not Ratio(1.05, 1.03, 1.07, 3, noise=1.06).differs
    assert not Ratio(1 / 1.05, 0.93, 0.97, 3, noise=1.06).differs
    assert Ratio(0.9, 0.85, 0.92, 3, noise=1.06).differs
    assert not Ratio(2.0, None, None, 2).differs
    assert not Ratio(2.0, None, None, 2).no_difference


def test_without_an_interval_what_is_within_the_noise_is_no_difference():
    assert Ratio(1.71, None, None, 2, noise=2.76).no_difference
    assert Ratio(0.627, None, None, 1, noise=2.76).no_difference
    assert not Ratio(3.1, None, None, 2, noise=2.76).no_difference
    assert not Ratio(3.1, None, None, 2, noise=2.76).differs


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
    assert rows["quick"].headline.value == 300
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
    assert "Noise floor here" not in text
    assert "A/A" not in text
    assert "of floor" not in text
