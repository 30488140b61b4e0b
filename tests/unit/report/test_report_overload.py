"""What was offered more than it works off, and what had not settled: said, and no failure."""

from __future__ import annotations

import json

from small_runs import SmallRun, thrice

from bench.measure.open_loop import not_stationary
from bench.report.cells import DRIFT, SUSTAINED
from bench.report.compare import compare_variants
from bench.report.formats.markdown import render
from bench.report.model import load_report

OPEN = {"service_s": 0.0, "arrival": "poisson", "rate_per_s": 200.0}


def overloaded(path, *, latencies=(), sustained=(184.0, 185.0, 186.0)):
    """A run in which ``weak`` is offered more than it works off."""
    run = SmallRun(path).cell("slow:base", thrice(5.0), load="open", params=OPEN)
    metrics = {SUSTAINED: list(sustained)}
    run.cell("weak", latencies, load="open", params=OPEN, metrics=metrics, rounds=3)
    for _ in range(3 - len(latencies)):
        run._trial(run._cells[-1], "ok", "")
    if not latencies:
        params = json.dumps(OPEN, sort_keys=True)
        run._checks({**run._cells[-1], "version": "1.2.3", "params": params}, {})
    return run


def row_of(report, name):
    return next(row for row in report.tables[0].rows if row.variant == name)


def test_an_overloaded_cell_says_what_it_sustains_and_is_no_failure(tmp_path):
    report = load_report(overloaded(tmp_path / "run").write())
    row = row_of(report, "weak")
    assert row.brief == "overloaded (sustains 185 per s)"
    assert (row.place, row.headline, row.ratio_text, row.problem) == ("-", None, "-", "")
    assert (row.status, row.tone) == ("ok", "doubt")
    assert report.all_passed
    assert [other.variant for other in report.tables[0].rows] == ["slow:base", "weak"]


def test_an_overloaded_latency_is_not_compared_and_the_overload_is_told(tmp_path):
    run = overloaded(tmp_path / "run", latencies=[5.0, 6.0], sustained=[190.0]).write()
    found = compare_variants(run, "slow:base", "weak")
    assert found.lines == ()
    (line,) = found.verdicts
    assert line.endswith("A pass, B pass; overloaded (sustains 190 per s) in 1 of 3 rounds")


def test_what_overloaded_means_is_told_where_it_is_met(tmp_path):
    assert "Overloaded: more was offered" in render(load_report(overloaded(tmp_path / "a").write()))
    calm = SmallRun(tmp_path / "b").cell("slow:base", thrice(5.0), load="open", params=OPEN)
    assert "verloaded: more" not in render(load_report(calm.write()))


def test_one_overloaded_round_is_enough_for_no_rank(tmp_path):
    run = overloaded(tmp_path / "run", latencies=[5.0, 6.0], sustained=[190.0])
    row = row_of(load_report(run.write()), "weak")
    assert row.brief == "overloaded (sustains 190 per s) in 1 of 3 rounds"
    assert (row.rank, row.headline, row.ratio) == (None, None, None)


def test_a_check_that_failed_stands_before_the_overload(tmp_path):
    run = overloaded(tmp_path / "run", latencies=[5.0], sustained=[190.0] * 2)
    run._verdicts[-1] |= {"verdict": "fail", "violations": 2, "detail": "a; b"}
    row = row_of(load_report(run.write()), "weak")
    assert row.brief.startswith("FAIL: repeated 2; overloaded (sustains 190 per s)")
    assert row.tone == "bad"


def test_a_latency_that_drifts_is_told_beside_the_verdict(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", thrice(5.0), load="open", params=OPEN)
    run.cell("grows", thrice(9.0), load="open", params=OPEN, metrics={DRIFT: thrice(7.0)})
    run.cell("steady", thrice(7.0), load="open", params=OPEN, metrics={DRIFT: thrice(1.02)})
    report = load_report(run.write())
    assert row_of(report, "grows").brief == "pass; not stationary"
    assert row_of(report, "steady").brief == "pass"
    assert report.all_passed
    assert "Not stationary: " in render(report)


def test_growing_and_falling_are_both_no_standing_still():
    assert not_stationary(7.0)
    assert not_stationary(1 / 7.0)
    assert not not_stationary(1.0)
