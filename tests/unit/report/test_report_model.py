from __future__ import annotations

import pytest
from small_runs import SmallRun, mixed, thrice

from bench.errors import RunFolderError
from bench.record.micro_files import FOLDER, MERGED
from bench.record.store import write_json
from bench.report.formats.markdown import render
from bench.report.measures import Ratio
from bench.report.model import load_report
from bench.report.parts import Report, Row
from bench.report.wording import caption, label_with_unit, number


def rows(report: Report, table: int = 0) -> dict[str, Row]:
    return {row.variant: row for row in report.tables[table].rows}


# --- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (1, "1.00"),
        (0.01234, "0.0123"),
        (9.996, "10.0"),
        (45.67, "45.7"),
        (999.6, "1,000"),
        (1012.4, "1,010"),
        (1234567, "1,230,000"),
        (-0.5, "-0.500"),
        (None, "-"),
        (float("nan"), "-"),
    ],
)
def test_numbers_have_three_significant_digits(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("throughput_tasks_per_s", "throughput, tasks/s"),
        ("round_trip_ms_p50", "round trip p50, ms"),
        ("retry_lateness_ms_max", "retry lateness max, ms"),
        ("longest_stall_ms", "longest stall, ms"),
        ("enqueue_us_p99", "enqueue p99, us"),
        ("share_of_ideal", "share of ideal"),
    ],
)
def test_metrics_are_told_in_words(metric, expected):
    assert label_with_unit(metric) == expected


def test_a_caption_tells_parameters_that_are_in_use_in_the_scenarios_order():
    params = {"service_s": 0.0, "length": 5}
    assert caption("chain", "closed", params, 4) == "chain, closed, length 5, concurrency 4"
    shuffled = {"timeout_s": 60.0, "fault_share": 0.0, "latency_s": 30.0}
    told = caption("notification", "burst", shuffled, 1)
    assert told == "notification, burst, latency 30 s, timeout 60 s, concurrency 1"


def test_a_ratio_is_told_with_its_interval():
    assert Ratio(1.834, 1.712, 1.948, 3).text == "1.83x [1.71, 1.95]"
    assert Ratio(1.834, None, None, 2).text == "1.83x (2 rounds)"
    assert Ratio(1.1, 0.97, 1.2, 3).text == "no difference"
    assert Ratio(1.1, 0.97, 1.2, 3).figures == "1.10x [0.970, 1.20]"


# --- tables ----------------------------------------------------------------------------------


def test_rows_are_ranked_by_the_headline_and_the_others_follow(tmp_path):
    (table,) = load_report(mixed(tmp_path / "run")).tables
    assert [(row.rank, row.variant) for row in table.rows] == [
        (1, "quick"),
        (2, "alike"),
        (2, "slow:base"),
        (None, "loses"),
        (None, "broken"),
        (None, "hangs"),
        (None, "elsewhere"),
        (None, "later"),
    ]
    assert table.caption == "add, drain, concurrency 4"
    assert (table.headline, table.better) == ("throughput_tasks_per_s", "higher")


def test_less_is_better_for_times(tmp_path):
    run = SmallRun(tmp_path / "run")
    for name, value in (("slow:base", 5.0), ("quick", 2.0), ("slowest", 9.0)):
        run.cell(name, thrice(value), load="closed")
    (table,) = load_report(run.write()).tables
    assert [row.variant for row in table.ranked] == ["quick", "slow:base", "slowest"]
    assert table.better == "lower"


def test_values_and_ratios_carry_their_intervals(tmp_path):
    found = rows(load_report(mixed(tmp_path / "run")))
    assert found["quick"].headline
    assert found["quick"].headline.text == "210 [180, 245]"
    assert found["quick"].ratio_text == "2.00x [1.89, 2.12]"
    assert found["alike"].ratio_text == "no difference"
    assert found["slow:base"].ratio_text == "baseline"
    assert found["broken"].ratio_text == "-"


def test_a_ratio_is_paired_by_round(tmp_path):
    """Each round is twice as fast although the rounds differ by more than that."""
    run = SmallRun(tmp_path / "run").cell("slow:base", [10, 100, 1000])
    report = load_report(run.cell("quick", [20, 200, 2000]).write())
    assert rows(report)["quick"].ratio_text == "2.00x [2.00, 2.00]"


def test_fewer_than_three_rounds_give_a_ratio_without_interval(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [100, 100]).cell("quick", [180, 190])
    report = load_report(run.write())
    assert rows(report)["quick"].ratio_text == "1.85x (2 rounds)"
    assert any("fewer than 3 rounds in this run" in warning for warning in report.warnings)


def test_tables_with_few_rounds_are_named_where_others_have_enough(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [100, 100, 100])
    report = load_report(run.cell("slow:base", [100, 100], concurrency=1).write())
    (line,) = [warning for warning in report.warnings if "fewer than 3 rounds" in warning]
    assert line.startswith("fewer than 3 rounds in add, drain, concurrency 1:")


def test_a_resumed_run_says_so_and_what_differed(tmp_path):
    facts = {"resumed": [{}, {}], "warnings": ["the run was begun with code of commit a"]}
    run = SmallRun(tmp_path / "run", **facts).cell("slow:base", [100, 100, 100])
    told = load_report(run.write()).warnings
    assert told[:2] == ("the run was cut short and resumed 2 times", *facts["warnings"])


def test_a_ratio_of_values_that_are_not_positive_is_not_made(tmp_path):
    run = SmallRun(tmp_path / "run")
    for name, value in (("slow:base", 2.0), ("early", -0.5)):
        run.cell(name, [value], scenario="flaky", load="burst", params={"retry_delay_s": 0.5})
    found = rows(load_report(run.write()))
    assert found["early"].ratio_text == "-"
    assert found["early"].headline
    assert found["early"].headline.text == "-0.500"


def test_what_did_not_end_well_tells_why(tmp_path):
    found = rows(load_report(mixed(tmp_path / "run")))
    assert found["broken"].problem == (
        "failed: exit code 1 | see log (3 of 3 rounds) (last line of the log: amqp://***@h/)"
    )
    assert found["hangs"].problem == (
        "timeout: not done within 6 s (1 of 3 rounds) (last line of the log: amqp://***@h/)"
    )
    assert found["hangs"].headline  # of the rounds that ended well
    assert found["elsewhere"].problem.startswith("unsupported: needs linux (3 of 3 rounds)")
    assert found["later"].problem == "not run: the run ended before its turn"
    assert found["later"].version == "1.2.3"


def test_verdicts_tell_checks_with_counts(tmp_path):
    found = rows(load_report(mixed(tmp_path / "run")))
    assert found["quick"].verdict == "pass"
    assert found["loses"].verdict == "FAIL: lost 8, repeated 1"
    assert found["broken"].verdict == "-"


def test_a_cell_without_the_headline_metric_is_not_ranked(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [100.0])
    run.cell("odd", [1.0])
    run._rounds = [row for row in run._rounds if row["variant"] != "odd"]
    row = rows(load_report(run.write()))["odd"]
    assert (row.rank, row.status, row.verdict) == (None, "ok", "pass")
    assert row.problem == "too few tasks ended to tell"


def test_parameters_and_concurrency_make_tables_of_their_own(tmp_path):
    run = SmallRun(tmp_path / "run")
    for name in ("slow:base", "quick"):
        for length in (2, 5):
            for concurrency in (1, 4):
                params = {"length": length, "service_s": 0.0}
                cell = {"load": "closed", "concurrency": concurrency, "params": params}
                run.cell(name, [1.0], scenario="chain", **cell)
    report = load_report(run.write())
    assert [table.caption for table in report.tables] == [
        "chain, closed, length 2, concurrency 1",
        "chain, closed, length 2, concurrency 4",
        "chain, closed, length 5, concurrency 1",
        "chain, closed, length 5, concurrency 4",
    ]
    assert all(len(table.rows) == 2 for table in report.tables)


# --- the whole -------------------------------------------------------------------------------


TOLD = {"told": "queue leaves steps behind", "where": "q/NOTES.md"}


@pytest.mark.parametrize(
    ("cell", "is_measured", "all_passed"),
    [
        ({"values": [1.0, 2.0, 3.0]}, True, True),
        ({"values": [1.0], "failed": {"lost": ["task 1"]}}, True, False),
        ({"bad": [("unsupported", "needs linux")]}, True, True),
        ({"values": [1.0, 2.0], "rounds": 3}, False, True),
        ({"bad": [("failed", "exit code 3")]}, False, True),
        ({"bad": [("timeout", "6 s")]}, False, True),
        ({"bad": [("invalid", "late")], "failed": {"lost": ["task 1"]}}, False, False),
    ],
)
def test_what_was_measured_is_one_thing_and_what_was_found_another(
    tmp_path, cell, is_measured, all_passed
):
    report = load_report(SmallRun(tmp_path / "run").cell("slow:base", **cell).write())
    assert (report.is_measured, report.all_passed) == (is_measured, all_passed)


@pytest.mark.parametrize(
    ("known", "is_measured"), [({"lost"}, True), ({"lost", "outcome"}, True), (set(), False)]
)
@pytest.mark.parametrize("scenario", ["chain", "add"])
def test_a_trial_that_a_known_defect_ended_is_measured(tmp_path, known, is_measured, scenario):
    """That of one scenario ends none of another's."""
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.0, 2.0, 3.0])
    lost = {"lost": ["task 1"], "results": []}
    run.cell("queue", bad=[("timeout", "20 s")], failed=lost, scenario=scenario, load="closed")
    defects = [{"check": check, "scenarios": ["chain"]} | TOLD for check in known]
    run.variants["queue"] = run.variants["queue"] | {"known_defects": defects}
    report = load_report(run.write())
    assert report.is_measured == (is_measured and scenario == "chain")
    assert not report.all_passed


def test_a_trial_that_timed_out_without_breaking_a_rule_is_accounted_for_by_nothing(tmp_path):
    run = SmallRun(tmp_path / "run").cell("queue", bad=[("timeout", "20 s")])
    defects = [{"check": "lost"} | TOLD]
    run.variants["queue"] = run.variants["queue"] | {"known_defects": defects}
    assert not load_report(run.write()).is_measured


def test_a_report_without_all_microbenchmarks_is_not_complete(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.0, 2.0, 3.0]).write()
    problem = "no end of the benchmarks in 150 s"
    report = {"benchmarks": [], "problems": {"slow:base": problem}}
    (run.path / FOLDER).mkdir()
    write_json(run.path / FOLDER / MERGED, report)
    found = load_report(run)
    assert found.all_passed
    assert not found.is_measured
    assert found.summary.endswith("; microbenchmarks missing of 1 variant")
    assert found.warnings[0] == f"slow:base: microbenchmarks are missing: {problem}"
    told = "; microbenchmarks missing of 1 variant. The measurement is not complete."
    assert told in render(found)


def test_workers_that_end_in_disorder_are_told(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.0, 2.0, 3.0]).write()
    told = "asked to stop, the worker ended with exit code 1"
    facts = {"variant": "slow:base", "stopped": "gracefully", "abnormal_stops": [told]}
    (run.leases / "ended").mkdir(parents=True)
    write_json(run.leases / "ended" / "lease.json", facts)
    report = load_report(run)
    assert f"slow:base: {told}, in 1 of 1 lease" in report.warnings
    assert report.all_passed


def test_failed_checks_come_with_five_examples(tmp_path):
    report = load_report(mixed(tmp_path / "run"))
    lost, repeated = report.verdicts
    assert (lost.variant, lost.check, lost.violations) == ("loses", "lost", 8)
    assert lost.examples == tuple(f"task {n}: never ran" for n in range(5))
    assert lost.told(5).endswith("task 4: never ran; 3 more in verdicts.csv")
    assert repeated.told(5).endswith("repeated 1 (expected: as it should be): task 9: 2 attempts")


def test_the_summary_counts_trials_and_checks(tmp_path):
    report = load_report(mixed(tmp_path / "run"))
    assert report.summary == (
        "14 of 24 trials ok (3 failed, 1 timeout, 3 unsupported, 3 not run); 8 of 10 checks passed"
    )


def test_a_run_interrupted_before_its_first_trial_is_told(tmp_path):
    run = SmallRun(tmp_path / "run", status="interrupted").cell("slow:base", rounds=3)
    report = load_report(run.write())
    assert rows(report)["slow:base"].status == "not run"
    assert report.findings == ("Not measured: 3 not run of 3 trials: slow:base in 1 cell.",)
    assert not report.is_measured
    assert any("interrupted: 3 of 3 trials did not run" in line for line in report.warnings)


def test_a_run_interrupted_after_its_last_trial_is_told(tmp_path):
    """While it probed what its variants can do."""
    run = SmallRun(tmp_path / "run", status="interrupted").cell("slow:base", [1.0, 2.0, 3.0])
    report = load_report(run.write())
    assert any("was interrupted, after its trials: " in line for line in report.warnings)
    assert not any("did not run" in line for line in report.warnings)


def test_no_secret_gets_into_the_report(tmp_path):
    run = SmallRun(tmp_path / "run")
    run.cell("slow:base", bad=[("failed", "cannot reach redis://me:hunter2@host:6379")])
    report = load_report(run.write())
    assert "hunter2" not in repr(report)
    assert "redis://***@host:6379" in repr(report)


def test_missing_and_damaged_tables_are_told_in_one_line(tmp_path):
    folder = SmallRun(tmp_path / "run").cell("slow:base", [1.0]).write()
    (folder.path / "rounds.csv").write_text("")
    with pytest.raises(RunFolderError, match="cannot read the tables"):
        load_report(folder)
    (folder.path / "rounds.csv").unlink()
    with pytest.raises(RunFolderError, match=r"rounds\.csv is missing"):
        load_report(folder)


# --- warnings --------------------------------------------------------------------------------


def test_warnings_tell_what_to_beware_of(tmp_path):
    run = SmallRun(
        tmp_path / "run",
        baseline="not:there",
        host={"cores": 2},
        code={"commit": "abc", "dirty": True},
    )
    run.cell("quick", [10.0] * 3, metrics={"longest_stall_ms": [1500.0] * 3}, samples=4)
    run.variants["quick"]["caveat"] = "Nobody maintains it."
    text = "\n".join(load_report(run.write()).warnings)
    assert "the baseline not:there is not in this run" in text
    assert "quick: fewer than 10 samples a round in add, drain, concurrency 4 (4)" in text
    assert "quick at concurrency 4 started no task for up to 1.5 s" in text
    assert "concurrency 4 on 2 cores" in text
    assert "in no commit" in text
    assert "quick: Nobody maintains it." in text


def test_what_is_one_figure_of_a_whole_trial_has_no_few_samples(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.0] * 3, load="idle", samples=1)
    bound = {"p99_bound_ms": 100.0}
    run.cell("slow:base", [1.0] * 3, load="saturation", params=bound, samples=1)
    assert load_report(run.write()).warnings == ()


def test_a_clean_run_has_no_warnings(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.0] * 5)
    assert load_report(run.write()).warnings == ()


def test_a_baseline_without_a_value_is_told(tmp_path):
    run = SmallRun(tmp_path / "run").cell("quick", [1.0] * 5)
    run.cell("slow:base", bad=[("failed", "no")] * 5)
    (warning,) = load_report(run.write()).warnings
    assert warning.startswith("the baseline slow:base has no value")
