"""A run whose workers ran on another platform than the harness says so wherever it tells of one."""

from __future__ import annotations

from small_runs import SmallRun

from bench.report.compare import compare_runs
from bench.report.formats.markdown import render
from bench.report.model import load_report

GUEST = "Windows CPython 3.12.9 under Wine 8.0"


def ran(folder, **facts):
    return SmallRun(folder, **facts).cell("slow:base", [100.0, 101.0, 102.0]).write()


def test_the_guests_interpreter_stands_beside_the_machine(tmp_path):
    report = load_report(ran(tmp_path / "run", guest=GUEST))
    text = render(report)
    assert f"8 cores, {GUEST}" in text
    assert any(GUEST in line and "workers and producers" in line for line in text.splitlines())
    (told,) = [warning for warning in report.warnings if GUEST in warning]
    for left_out in ("CPU time", "memory", "context switches", "none was sent a signal to stop"):
        assert left_out in told


def test_nothing_is_said_of_guests_that_run_as_the_harness_does(tmp_path):
    text = render(load_report(ran(tmp_path / "run")))
    assert "workers and producers" not in text


def test_runs_on_different_platforms_are_compared_and_the_difference_is_told(tmp_path):
    one, other = ran(tmp_path / "one"), ran(tmp_path / "other", guest=GUEST)
    told = compare_runs(one, other)
    assert told.lines
    assert f"A and B differ in workers: python the harness's / {GUEST}" in told.warnings
