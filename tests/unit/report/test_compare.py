from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console
from small_runs import SmallRun, mixed

from bench.cli.app import run_cli
from bench.errors import EXIT_OK, EXIT_USAGE, UsageError
from bench.report.compare import Comparison, compare_runs, compare_variants
from bench.report.formats.terminal import print_comparison


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
    assert (line.a, line.b, line.winner) == (100, 200, "B")
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


# --- two runs --------------------------------------------------------------------------------


def test_runs_are_compared_cell_by_cell_without_pairing(tmp_path):
    a = SmallRun(tmp_path / "a").cell("one", [100, 101, 102]).cell("two", [5, 5, 5]).write()
    b = SmallRun(tmp_path / "b").cell("two", [6, 5, 4]).cell("one", [200, 201, 202]).write()
    found = compare_runs(a, b)
    lines = {line.variant: line for line in found.lines}
    assert (lines["one"].a, lines["one"].b, lines["one"].winner) == (101, 201, "B")
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
    with pytest.raises(UsageError, match=rf"^in {run.path}: unknown variant 'quik'"):
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
