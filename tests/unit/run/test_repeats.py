from __future__ import annotations

import pytest

from bench.plan.planner import make_plan
from bench.plan.profile import Profile
from bench.run.repeats import Repeats
from bench.run.trial import Outcome, record

QUIET, BUSY = 0.0, 1.5


def marks(strange_s):
    """Of a trial of 2 s on 2 cores in which others used so many seconds."""
    machine = {"busy_s": 0.0, "stolen_s": 0.0, "harness_s": 0.0, "cores": 2}
    start = {"t_ns": 0, "cpu_s": {"worker": 0.0}, "machine": machine}
    return [start, {**start, "t_ns": 2 * 10**9, "machine": machine | {"busy_s": strange_s}}]


def outcome(strange_s, status="ok"):
    return Outcome(status, facts={"marks": marks(strange_s)})


@pytest.fixture
def plan():
    cells = [
        {"scenario": "add", "load": "drain", "tasks": 30},
        {"scenario": "add", "load": "closed", "for_s": 1.0},
    ]
    profile = Profile.model_validate(
        {"name": "t", "rounds": 3, "variants": ["fake:honest"], "cells": cells}
    )
    return make_plan(profile)


def test_what_was_disturbed_is_repeated_in_its_round_with_workers_of_its_own(plan):
    repeats = Repeats(100)
    trials = plan.leases[0].trials
    for trial in trials:
        repeats.note(trial, outcome(BUSY))
    (lease,) = repeats.leases()
    assert [(t.repeats, t.cell, t.round) for t in lease.trials] == [
        (trial.id, trial.cell, trial.round) for trial in trials
    ]
    assert lease.settings == plan.leases[0].settings
    assert repeats.leases() == []


def test_its_number_and_id_are_its_own(plan):
    repeats = Repeats(100)
    for trial in plan.trials:
        repeats.note(trial, outcome(BUSY))
    again = [trial for lease in repeats.leases() for trial in lease.trials]
    everything = [*plan.trials, *again]
    assert len({trial.number for trial in everything}) == len(everything)
    assert len({trial.id for trial in everything}) == len(everything)
    assert all(trial.number < 2**31 for trial in again)  # task ids are 64 bits


@pytest.mark.parametrize(
    ("strange_s", "status"),
    [(QUIET, "ok"), (QUIET, "invalid"), (BUSY, "failed"), (BUSY, "timeout")],
)
def test_what_was_quiet_or_went_wrong_is_not_repeated(plan, strange_s, status):
    repeats = Repeats(100)
    repeats.note(plan.trials[0], outcome(strange_s, status))
    assert repeats.leases() == []


def test_a_load_that_strangers_made_late_is_offered_once_more(plan):
    repeats = Repeats(100)
    repeats.note(plan.trials[0], outcome(BUSY, "invalid"))
    ((again,),) = [lease.trials for lease in repeats.leases()]
    assert again.repeats == plan.trials[0].id


def test_what_has_figures_leaves_room_for_what_has_none(plan):
    repeats = Repeats(1)
    ok, late, late_too = plan.trials[:3]
    for trial, status in ((ok, "ok"), (late, "invalid"), (late_too, "invalid")):
        repeats.note(trial, outcome(BUSY, status))
    again = [trial.repeats for lease in repeats.leases() for trial in lease.trials]
    assert again == [ok.id, late.id]


def test_nothing_is_repeated_twice(plan):
    repeats = Repeats(100)
    repeats.note(plan.trials[0], outcome(BUSY))
    ((again,),) = [lease.trials for lease in repeats.leases()]
    repeats.note(again, outcome(BUSY))
    assert repeats.leases() == []


def test_on_a_machine_that_is_never_quiet_few_are_repeated(plan):
    repeats = Repeats(len(plan.trials))
    for trial in plan.trials:
        repeats.note(trial, outcome(BUSY))
    assert sum(len(lease.trials) for lease in repeats.leases()) == 1  # of 6


def test_a_repetitions_record_names_what_it_repeats(plan):
    repeats = Repeats(10)
    repeats.note(plan.trials[0], outcome(BUSY))
    (again,) = repeats.leases()[0].trials
    assert record(again, outcome(QUIET), {})["repeats"] == plan.trials[0].id
    assert "repeats" not in record(plan.trials[0], outcome(QUIET), {})
