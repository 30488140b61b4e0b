from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pytest

from bench.analysis.tables import ROUND_COLUMNS, VERDICT_COLUMNS, Tables, summarise
from bench.errors import UsageError
from bench.measure.statistics import Estimate, half_width, paired_ratio, precise_enough
from bench.plan.cells import describe
from bench.plan.planner import Plan, make_plan
from bench.plan.precision import parse_duration, parse_share
from bench.plan.profile import Profile
from bench.run.shortfall import (
    baseline_of,
    missed,
    more_rounds,
    with_baselines,
)

ADD = {"scenario": "add", "load": "drain", "tasks": 30}
CLOSED = {"scenario": "add", "load": "closed", "for_s": 1.0}
OPEN = {"scenario": "add", "load": "open", "for_s": 1.0, "offered": [0.5, 0.8], "rate_per_s": [9]}
FLAKY = {"scenario": "flaky", "load": "burst", "tasks": 20, "rounds": 1}
STEADY = [100, 101, 99]


def plan(*cells, **more) -> Plan:
    content = {
        "name": "test",
        "baseline": "celery:solo",
        "variants": ["celery:solo", "dramatiq", "rq:fork"],
        "concurrency": [2],
        "cells": list(cells) or [ADD],
    }
    return make_plan(Profile.model_validate(content | more), platform="linux")


class Results:
    """Rounds, verdicts and trials of some cells."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rounds, self.verdicts, self.trials = [], [], []

    def of(self, variant, values, *, load="drain", status="ok", verdict="pass", metric=None):
        (cell,) = (c for c in self.plan.cells if (c.name, c.load) == (variant, load))
        facts = describe(cell)
        row = facts | {"version": "1", "params": json.dumps(facts["params"], sort_keys=True)}
        metric = metric or cell.scenario.headline[load]
        for number, value in enumerate(values, 1):
            more = {"metric": metric, "unit": "", "round": number, "value": value, "run_id": "r"}
            self.rounds.append(row | more | {"samples": 9, "better": "higher"})
            self.trials.append(facts | {"round": number, "status": "ok"})
        self.trials[-1]["status"] = status
        self.verdicts.append(row | {"run_id": "r", "check": "lost", "verdict": verdict})
        return self

    def missed(self, within=0.05):
        rounds = pd.DataFrame(self.rounds, columns=ROUND_COLUMNS)
        verdicts = pd.DataFrame(self.verdicts, columns=VERDICT_COLUMNS)
        tables = Tables(rounds, summarise(rounds), verdicts)
        found = missed(self.plan, tables, self.trials, within)
        return {(m.cell.choice.name, m.cell.load): m.half_width for m in found}


# --- what is typed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("2.5%", 0.025), (" 10% ", 0.1)]
)
def test_shares(text, share):
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "text", ["", "5", "0", "0%", "100%", "1", "-5%", "5 %", "five", "nan", "inf", "1e-2", "5%%"]
)
def test_what_is_no_share_is_told(text):
    with pytest.raises(UsageError, match=r"--precision .*such as 5% or 0\.05"):
        parse_share(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("1.5h", 5400), (" 2m ", 120)]
)
def test_times(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "0m", "-1h", "1d", "1h30m", "m", "inf", "1e9s"])
def test_what_is_no_time_is_told(text):
    with pytest.raises(UsageError, match=r"--budget .*such as 90s, 30m or 1h"):
        parse_duration(text)


# --- what is precise -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "width"), [(1.0, 1.21, 0.1), (0.5, 2.0, 1.0), (2, 2, 0), (None, None, None)]
)
def test_half_width_is_taken_as_a_factor(low, high, width):
    ratio = Estimate(1.0, low, high, 5)
    assert half_width(ratio) == (None if width is None else pytest.approx(width))
    assert half_width(None) is None


def test_precise_enough():
    ratio = Estimate(1.0, 1.0, 1.21, 5)
    assert precise_enough(ratio, 0.1001)
    assert not precise_enough(ratio, 0.0999)
    assert not precise_enough(Estimate(1.0, None, None, 2), 0.5)
    assert not precise_enough(Estimate(1.0, 0.0, 1.0, 3), 0.5)


# --- who needs more --------------------------------------------------------------------------


def test_only_the_wide_interval_needs_more():
    found = (
        Results(plan())
        .of("celery:solo", STEADY)
        .of("dramatiq", [50, 51, 49.5])
        .of("rq:fork", [10, 20, 30])
    ).missed()
    assert list(found) == [("rq:fork", "drain")]
    ratio = paired_ratio({1: 10, 2: 20, 3: 30}, dict(enumerate(STEADY, 1)))
    assert found["rq:fork", "drain"] == pytest.approx(half_width(ratio))
    assert found["rq:fork", "drain"] > 3


def test_what_is_asked_for_decides():
    results = Results(plan()).of("celery:solo", STEADY).of("dramatiq", [100, 110, 120])
    results.of("rq:fork", [10, 20, 30])
    assert set(results.missed(4)) == set()
    assert set(results.missed(0.5)) == {("rq:fork", "drain")}
    assert set(results.missed(0.02)) == {("rq:fork", "drain"), ("dramatiq", "drain")}


def test_too_few_rounds_for_an_interval_need_more():
    results = Results(plan(rounds=1)).of("celery:solo", [100]).of("dramatiq", [50])
    assert results.missed()["dramatiq", "drain"] is None


@pytest.mark.parametrize("who", ["celery:solo", "rq:fork"])
@pytest.mark.parametrize("how", [{"status": "timeout"}, {"verdict": "fail"}])
def test_a_failure_is_not_mended_by_rounds(who, how):
    results = Results(plan())
    for variant, values in (("celery:solo", STEADY), ("rq:fork", [10, 20, 30])):
        results.of(variant, values, **(how if variant == who else {}))
    assert ("rq:fork", "drain") not in results.missed()


@pytest.mark.parametrize("values", [[0.0, 1.0, 2.0], [-1.0, 5.0, 9.0]])
def test_a_value_without_a_ratio_is_not_mended_by_rounds(values):
    results = (
        Results(
            plan(),
        )
        .of("celery:solo", STEADY)
        .of("rq:fork", values)
    )
    assert ("rq:fork", "drain") not in results.missed()


def test_a_metric_that_never_comes_is_not_waited_for():
    results = Results(plan()).of("celery:solo", STEADY).of("rq:fork", STEADY, metric="other")
    assert ("rq:fork", "drain") not in results.missed()


def test_cells_with_rounds_of_their_own_get_no_more():
    wanted = plan(ADD, FLAKY, rounds=3)
    results = Results(wanted)
    for variant in ("celery:solo", "rq:fork"):
        results.of(variant, STEADY).of(variant, [5], load="burst")
    assert results.missed().keys() == {("dramatiq", "drain")}  # which has no rounds at all


def test_without_the_baseline_there_is_nothing_to_be_precise_about():
    alone = plan(variants=["rq:fork", "dramatiq"])
    assert Results(alone).of("rq:fork", [1, 2, 3]).of("dramatiq", [1, 9, 3]).missed() == {}


# --- the rounds that are added ---------------------------------------------------------------


def test_the_baseline_goes_along_once():
    wanted = plan(ADD, CLOSED)
    cells = [c for c in wanted.cells if c.choice.name != "celery:solo" and c.load == "closed"]
    places = with_baselines(wanted, cells)
    chosen = [wanted.cells[place] for place in places]
    assert Counter(cell.load for cell in chosen) == {"closed": 3}
    assert places == sorted(places)
    assert {baseline_of(wanted, cell).choice.name for cell in chosen} == {"celery:solo"}


def test_the_drains_whose_shares_are_taken_go_along():
    wanted = plan(ADD, ADD | {"scenario": "payload", "rounds": 3}, OPEN, CLOSED)
    (short,) = (c for c in wanted.cells if c.name == "rq:fork" and c.params.get("offered") == 0.5)
    chosen = [wanted.cells[place] for place in with_baselines(wanted, [short])]
    assert {(cell.name, cell.scenario.name, cell.load) for cell in chosen} == {
        (name, "add", load) for name in ("celery:solo", "rq:fork") for load in ("drain", "open")
    }
    assert len(chosen) == 4
    for lease in more_rounds(wanted, chosen, 4, 100):
        assert [trial.cell.load for trial in lease.trials] == ["drain", "open"]


def test_a_rate_common_to_all_takes_no_drain_along():
    wanted = plan(ADD, OPEN)
    (short,) = (c for c in wanted.cells if c.name == "rq:fork" and "rate_per_s" in c.params)
    assert {wanted.cells[place].load for place in with_baselines(wanted, [short])} == {"open"}


def test_an_added_round_is_the_same_each_time():
    wanted = plan(ADD, CLOSED, concurrency=[1, 2, 4])
    one, two = (more_rounds(wanted, wanted.cells, 7, 101) for _ in range(2))
    assert [t.id for lease in one for t in lease.trials] == [
        t.id for lease in two for t in lease.trials
    ]
    trials = [trial for lease in one for trial in lease.trials]
    assert {trial.round for trial in trials} == {7}
    assert sorted(trial.number for trial in trials) == list(range(101, 101 + len(wanted.cells)))
    assert Counter(id(trial.cell) for trial in trials) == {id(cell): 1 for cell in wanted.cells}


def test_added_rounds_are_shuffled_by_round_and_seed():
    wanted, other = plan(ADD, concurrency=[1, 2, 4]), plan(ADD, concurrency=[1, 2, 4], seed=2)

    def order(plan, number):
        leases = more_rounds(plan, plan.cells, number, 1)
        return tuple(trial.cell.label for lease in leases for trial in lease.trials)

    assert len({order(wanted, 4), order(wanted, 5), order(other, 4)}) == 3
