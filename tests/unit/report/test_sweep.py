"""Where two lines cross, of made-up runs whose crossings are known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from small_runs import SmallRun
from windows_runs import BASE, RIVAL, TIMES, line, stalling, windows_run

from bench.report.model import load_report
from bench.report.sweep import (
    At,
    Crossing,
    Sweep,
    course_told,
    crossings,
    joined_times,
    sweeps,
    time_text,
)


def swept(run: SmallRun) -> Sweep:
    (found,) = sweeps(load_report(run.write()).cells)
    return found


def course(run: SmallRun, one: str = RIVAL, other: str = BASE) -> tuple[At, ...]:
    found = swept(run)
    first, second = found.line((one, 4)), found.line((other, 4))
    assert first
    assert second
    return found.course(first, second)


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    return windows_run(tmp_path / "run")


def test_two_lines_cross_where_logarithms_say(run):
    line(run, BASE, [100, 100, 100, 100, 100])
    line(run, RIVAL, [50, 50, 50, 200, 200])  # half as many, then twice: in the middle
    (found,) = crossings(course(run))
    assert (found.low, found.high) == (0.01, 0.1)
    assert found.at == pytest.approx(math.sqrt(0.01 * 0.1))
    assert found.told == "at about 32 ms, between 10 and 100 ms"


def test_a_crossing_lies_nearer_to_the_smaller_ratio(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [50, 50, 10, 110, 110])
    (found,) = crossings(course(run))
    assert found.at
    assert 0.08 < found.at < 0.1


def test_where_the_two_are_not_told_apart_between_no_place_is_named(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [50, 40, 100, 200, 300])
    told = course(run)
    assert [at.side for at in told] == [-1, -1, 0, 1, 1]
    assert crossings(told) == [Crossing(0.001, 0.1, None)]
    assert course_told(told) == (
        "behind at 0 and 1 ms (0.400x [0.400, 0.400] at 1 ms), not told apart at 10 ms, "
        "ahead at 100 ms and 1 s (3.00x [3.00, 3.00] at 1 s); the lines cross between 1 and 100 ms"
    )


def test_nothing_has_no_logarithm(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [50, 200, 200, 200, 200])
    assert crossings(course(run)) == [Crossing(0.0, 0.001, None)]


def test_lines_that_stay_on_their_sides_do_not_cross(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [50, 50, 100, 50, 50])
    told = course(run)
    assert crossings(told) == []
    assert "cross" not in course_told(told)


def test_a_cell_that_failed_is_no_end_of_a_crossing_that_is_named(run):
    line(run, BASE, [100] * 5)
    line(run, RIVAL, [50, 50, None, 200, 200])
    told = course(run)
    assert [at.side for at in told] == [-1, -1, None, 1, 1]
    assert crossings(told) == [Crossing(0.001, 0.1, None)]
    assert "cannot say at 10 ms" in course_told(told)


def test_of_two_rounds_nothing_is_said(run):
    line(run, BASE, [100] * 5, rounds=2)
    line(run, RIVAL, [50, 50, 50, 200, 200], rounds=2)
    told = course(run)
    assert {at.side for at in told} == {None}
    assert course_told(told) == "cannot say at 0, 1, 10, 100 ms and 1 s"


def test_rounds_that_scatter_are_not_told_apart(run):
    for time in TIMES:
        for variant, values in ((BASE, [50, 100, 200]), (RIVAL, [200, 80, 70])):
            run.cell(variant, values, load="surge", params={"service_s": time})
    assert {at.side for at in course(run)} == {0}


def test_one_of_few_is_held_against_one_of_many(tmp_path):
    found = swept(stalling(tmp_path / "run"))
    four, one = found.line((RIVAL, 4)), found.line((BASE, 1))
    assert four
    assert one
    told = found.course(four, one)
    assert [at.service_s for at in told] == [0.0, 0.001, 0.01, 0.1]
    assert told[2].ratio
    assert told[2].ratio.value == pytest.approx(18 / 83)


def test_fewer_than_three_service_times_are_no_sweep(run):
    line(run, BASE, [100, 100], times=[0.0, 0.01])
    assert sweeps(load_report(run.write()).cells) == []


def test_times_have_each_unit_once():
    assert time_text(0.0) == "0 ms"
    assert joined_times([0.001]) == "1 ms"
    assert joined_times([0.0, 0.001, 0.1]) == "0, 1 and 100 ms"
    assert joined_times([0.01, 0.1, 1.0]) == "10, 100 ms and 1 s"
    assert joined_times([0.0355, 2.5]) == "36 ms and 2.5 s"
