from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from rich.console import Console
from small_runs import SmallRun, mixed, thrice

from bench.cli.app import run_cli
from bench.errors import EXIT_OK, EXIT_USAGE, UsageError
from bench.report.compare import Comparison, compare_runs, compare_variants
from bench.report.formats.terminal import print_comparison
from bench.report.model import load_report


def printed(found: Comparison, width: int = 80) -> str:
    out = io.StringIO()
    print_comparison(found, Console(file=out, width=width))
    return out.getvalue()


def two_variants(path: Path) -> SmallRun:
    run = SmallRun(path)
    run.cell("one", [10, 100, 1000], metrics={"enqueue_us_p50": [5, 5, 5]})
    return run.cell("other", [20, 200, 2000], metrics={"enqueue_us_p50": [4, 6, 5]})


# --- two variants of a run -------------------------------------------------------------------


def test_variants_of_one_run_are_paired_by_round(tmp_path):
    found = compare_variants(two_variants(tmp_path / "run").write(), "one", "other")
    (line,) = found.lines
    assert (line.caption, line.metric) == ("add, drain, concurrency 4", "throughput_tasks_per_s")
    assert (line.a, line.b) == pytest.approx((100, 200))
    assert line.winner == "B"
    assert line.ratio
    assert line.ratio.text == "2.00x [2.00, 2.00]"
    assert "paired by round" in found.method


def test_the_winner_follows_the_metrics_direction(tmp_path):
    run = SmallRun(tmp_path / "run")
    run.cell("one", [5, 5, 5], load="closed").cell("other", [9, 9, 9], load="closed")
    (line,) = compare_variants(run.write(), "one", "other").lines
    assert line.winner == "A"


def test_all_metrics_only_where_asked_for(tmp_path):
    run = two_variants(tmp_path / "run").write()
    lines = compare_variants(run, "one", "other", all_metrics=True).lines
    assert [line.metric for line in lines] == ["throughput_tasks_per_s", "enqueue_us_p50"]
    assert lines[1].ratio
    assert (lines[1].ratio.text, lines[1].winner) == ("no difference", "-")


def test_an_unknown_variant_is_told_with_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        compare_variants(mixed(tmp_path / "run"), "quack", "alike")


def test_verdicts_and_statuses_that_differ_are_told(tmp_path):
    run = mixed(tmp_path / "run")
    (line,) = compare_variants(run, "quick", "loses").verdicts
    assert line == "add, drain, concurrency 4: A pass, B FAIL: lost 8, repeated 1"
    (line,) = compare_variants(run, "quick", "broken").verdicts
    assert line.endswith(
        "B failed: exit code 1 | see log (3 of 3 rounds) (last line of the log: amqp://***@h/)"
    )
    assert compare_variants(run, "quick", "alike").verdicts == ()


def test_a_chosen_pair_needs_no_baseline(tmp_path):
    """The run has none: "no difference" does not hold against the baseline only."""
    run = two_variants(tmp_path / "run").write()
    (line,) = compare_variants(run, "one", "other").lines
    assert line.winner == "B"


def test_the_ratio_is_that_of_the_reports_matrix(tmp_path):
    run = mixed(tmp_path / "run")
    (table,) = load_report(run).tables
    (line,) = compare_variants(run, "alike", "quick").lines
    found = table.contrasts.ratio("quick", "alike")
    assert (line.ratio.value, line.ratio.low) == (found.value, found.low)


@pytest.mark.parametrize(("load", "kept"), [("drain", []), ("backlog", []), ("closed", None)])
def test_times_that_contain_the_workers_boot_are_left_out(tmp_path, load, kept):
    times = {"end_to_end_ms_p50": [9.0] * 3, "queue_wait_ms_p95": [9.0] * 3}
    run = SmallRun(tmp_path / "run")
    for name in ("one", "other"):
        run.cell(name, [5.0] * 3, load=load, metrics=times)
    lines = compare_variants(run.write(), "one", "other", all_metrics=True).lines
    told = [line.metric for line in lines if line.metric in times]
    assert told == (sorted(times) if kept is None else kept)


def quotable(path: Path) -> SmallRun:
    """Two variants with all that the sentence is made of."""
    run = SmallRun(path)
    for name, speed, latency, memory in (("one", 100.0, 5.0, 50.0), ("other", 50.0, 5.0, 40.0)):
        costs = {"worker_pss_mb": thrice(memory), "cpu_ms_per_task:worker": [2.0]}
        run.cell(name, thrice(speed), metrics=costs)
        run.cell(name, thrice(latency), load="closed")
    return run


def test_it_closes_with_one_sentence(tmp_path):
    found = compare_variants(quotable(tmp_path / "run").write(), "one", "other")
    assert found.sentence == (
        "Against one, add at concurrency 4, other has a lower throughput (0.500x [0.500, 0.500]), "
        "no difference in round trips (p50 1.00x [1.00, 1.00]), latency not measured in both, "
        "less memory (0.800x [0.800, 0.800]), CPU per task untold (1 round); "
        "both passed every check of 2 common cells."
    )
    assert " ".join(printed(found).split()).endswith(found.sentence)


def test_the_sentence_tells_who_failed(tmp_path):
    run = SmallRun(tmp_path / "run").cell("one", [1.0] * 3)
    run.cell("other", [1.0] * 3, failed={"lost": ["task 1: never ran"]})
    found = compare_variants(run.write(), "one", "other")
    assert found.sentence.endswith("; other failed checks, one passed all.")


def test_the_sentence_of_two_runs_counts_cells(tmp_path):
    a, b = quotable(tmp_path / "a").write(), quotable(tmp_path / "b")
    b.cell("third", [1.0] * 3)
    found = compare_runs(a, b.write())
    assert found.sentence == (
        "Against a, b is, by cells: throughput better in 0, worse in 0 of 2; round trips better "
        "in 0, worse in 0 of 2; latency not measured in both; memory better in 0, worse in 0 of "
        "2; CPU per task untold, too few rounds; no verdict differs."
    )


# --- two runs --------------------------------------------------------------------------------


def test_runs_are_compared_cell_by_cell_without_pairing(tmp_path):
    a = SmallRun(tmp_path / "a").cell("one", [100, 101, 102]).cell("two", [5, 5, 5]).write()
    b = SmallRun(tmp_path / "b").cell("two", [6, 5, 4]).cell("one", [200, 201, 202]).write()
    found = compare_runs(a, b)
    lines = {line.variant: line for line in found.lines}
    means = ((100 * 101 * 102) ** (1 / 3), (200 * 201 * 202) ** (1 / 3))
    assert (lines["one"].a, lines["one"].b) == pytest.approx(means)
    assert lines["one"].winner == "B"
    assert lines["two"].ratio
    assert lines["two"].ratio.text == "no difference"
    assert "unpaired" in found.method
    assert found.warnings == ()


def test_what_differs_between_runs_is_told(tmp_path):
    a = SmallRun(tmp_path / "a").cell("one", [1.0]).cell("two", [1.0])
    b = SmallRun(tmp_path / "b", host={"cpu": "Another", "cores": 8}, seed=9).cell("one", [1.0])
    text = "\n".join(compare_runs(a.write(), b.write()).warnings)
    assert "differ in machine: cpu A processor / Another" in text
    assert "differ in plan: seed 7 / 9" in text
    assert "cells that only A has are left out: 1, the first is two, add, drain" in text
    assert "fewer than 3 rounds have no interval" in text


def test_a_verdict_that_got_worse_is_told(tmp_path):
    a = SmallRun(tmp_path / "a").cell("one", [1.0] * 3)
    b = SmallRun(tmp_path / "b").cell("one", [1.0] * 3, failed={"lost": ["task 1: never ran"]})
    (line,) = compare_runs(a.write(), b.write()).verdicts
    assert line == "one, add, drain, concurrency 4: A pass, B FAIL: lost 1"


def test_two_runs_are_compared_without_pairing(tmp_path):
    """Each round of B has its like in another round of A: pairing would show no scatter at all."""
    a = SmallRun(tmp_path / "a").cell("one", [100, 110, 120])
    b = SmallRun(tmp_path / "b").cell("one", [200, 220, 240])
    (line,) = compare_runs(a.write(), b.write()).lines
    assert line.ratio
    assert line.ratio.value == pytest.approx(2.0)
    assert line.ratio.low
    assert line.ratio.low < 1.9


def test_runs_without_a_common_cell_are_refused(tmp_path):
    a = SmallRun(tmp_path / "a").cell("one", [1.0]).write()
    b = SmallRun(tmp_path / "b").cell("two", [1.0]).write()
    with pytest.raises(UsageError, match="have no cell in common: A's first is one, add, drain"):
        compare_runs(a, b)


def test_an_unknown_variant_is_told_with_the_run(tmp_path):
    run = mixed(tmp_path / "run")
    with pytest.raises(
        UsageError, match=rf"^in {re.escape(str(run.path))}: unknown variant 'quik'"
    ):
        compare_variants(run, "quik", "alike")


# --- the command line ------------------------------------------------------------------------


def test_nothing_is_cut(tmp_path):
    found = compare_variants(two_variants(tmp_path / "run").write(), "one", "other")
    text = printed(found)
    assert "2.00x [2.00, 2.00]" in text
    assert "Verdicts that differ\n  - none" in text
    assert text.isascii()


def test_nothing_in_common_is_told(tmp_path):
    run = mixed(tmp_path / "run")
    assert "there is nothing that both have" in printed(compare_variants(run, "quick", "broken"))


def test_the_newest_run_is_taken_by_its_start_not_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    old = two_variants(tmp_path / "results" / "reference")
    old._facts["started_at"] = "2020-01-01T00:00:00+00:00"
    old.write()
    two_variants(tmp_path / "results" / "2026").write()
    assert run_cli(["compare", "one", "other"]) == EXIT_OK
    assert "of run 2026" in capsys.readouterr().out


def test_a_run_of_microbenchmarks_alone_is_not_the_newest(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    two_variants(tmp_path / "results" / "2026").write()
    later = two_variants(tmp_path / "results" / "micro")
    later._facts |= {"started_at": "2099-01-01T00:00:00+00:00", "cells": []}
    later.write()
    assert run_cli(["compare", "one", "other"]) == EXIT_OK
    assert "of run 2026" in capsys.readouterr().out


def test_two_folders_are_two_runs(tmp_path, capsys):
    a, b = (two_variants(tmp_path / name).write().path for name in "ab")
    assert run_cli(["compare", str(a), str(b)]) == EXIT_OK
    assert "unpaired" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["one", "other"], ["one", "other", "--run", "nowhere"], [f"nowhere{os.sep}a", "b"]],
)
def test_what_is_not_there_is_told_in_one_line(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert run_cli(["compare", *arguments]) == EXIT_USAGE
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("form", ["terminal", "md", "csv"])
def test_report_prints_what_was_asked_for_and_writes_markdown(tmp_path, capsys, form):
    folder = mixed(tmp_path / "run").path
    assert run_cli(["report", str(folder), "--format", form]) == EXIT_OK
    start = {"terminal": "add, drain", "md": "# Task queue", "csv": "run_id,"}[form]
    assert capsys.readouterr().out.startswith(start)
    assert (folder / "report.md").is_file()


def test_report_refuses_a_format_that_does_not_exist(tmp_path, capsys):
    folder = mixed(tmp_path / "run").path
    assert run_cli(["report", str(folder), "--format", "html"]) == EXIT_USAGE
    assert "html" in capsys.readouterr().err
    assert run_cli(["report", str(tmp_path / "none")]) == EXIT_USAGE
