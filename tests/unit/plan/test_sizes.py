"""Cells that are refused before anything runs: too many tasks, or longer than a trial may take."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.plan.planner import make_plan
from bench.plan.profile import Profile
from bench.run.offer import Invalid
from bench.run.scheduled import tasks_at

DRAIN = {"scenario": "add", "load": "drain", "tasks": 30}
CLOSED = {"scenario": "add", "load": "closed", "for_s": 1.0}
OFFERED = {"scenario": "add", "load": "open", "for_s": 2.0, "offered": [0.5, 0.8]}
COMMON = {"scenario": "add", "load": "open", "for_s": 2.0, "rate_per_s": [50]}
SATURATION = {"scenario": "add", "load": "saturation", "for_s": 1.0}
BACKLOG = {"scenario": "add", "load": "backlog", "for_s": 1.0, "backlog": [1000, 5000]}
IDLE = {"scenario": "add", "load": "idle", "for_s": 10.0}
LONG_DRAIN = {"scenario": "add", "load": "drain", "for_s": 1e9, "service_s": 0.01}


def plan(*cells, **more):
    content = {"name": "test", "variants": ["arq"], "cells": list(cells), **more}
    return make_plan(Profile.model_validate(content))


def refused(spec, **more) -> str:
    with pytest.raises(UsageError) as caught:
        plan(DRAIN, spec, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("cell", "named", "change"),
    [
        (COMMON | {"rate_per_s": [50, 1e12]}, "open rate_per_s=1e+12", "lower rate_per_s or for_s"),
        (COMMON | {"rate_per_s": [1e308], "for_s": 1e308}, "open rate_per_s=1e+308", "lower rate"),
        (COMMON | {"rate_per_s": [500_001]}, "open rate_per_s=500001", "lower rate_per_s or for_s"),
        (COMMON | {"for_s": 1e9}, "open rate_per_s=50", "lower rate_per_s or for_s"),
        (CLOSED | {"for_s": 501.0}, "closed", "lower for_s, or give tasks = N as their limit"),
        (
            DRAIN | {"tasks": 500_001, "windows": 2, "service_s": 0.1},
            "drain",
            "lower for_s, or give",
        ),
        (
            LONG_DRAIN,
            "drain",
            "lower for_s, or give tasks = N instead",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_more_tasks_than_a_trial_may_have_are_refused(cell, named, change):
    told = refused(cell, trial_timeout_s=1e12)
    assert told.startswith(f"the profile test asks too many tasks of arq c=1 add {named}: more ")
    assert f"the 1,000,000 that a trial may have; {change}" in told


def test_as_many_tasks_as_a_trial_may_have_are_planned():
    (cell,) = plan(COMMON | {"rate_per_s": [500_000]}).cells
    assert cell.tasks == 1_000_000


@pytest.mark.parametrize(
    ("cell", "takes", "change"),
    [
        (
            COMMON | {"rate_per_s": [0.01]},
            "open rate_per_s=0.01 takes 1,000 s (at least 10 tasks are sent)",
            "raise rate_per_s",
        ),
        (COMMON | {"for_s": 61.0}, "open rate_per_s=50 takes 61 s (for_s)", "lower for_s"),
        (OFFERED | {"for_s": 1e9}, "open takes 1e+09 s (for_s)", "lower for_s"),
        (SATURATION | {"for_s": 10.5}, "saturation takes 63 s (6 steps of for_s)", "lower for_s"),
        (CLOSED | {"for_s": 61.0}, "closed takes 61 s (for_s)", "lower for_s"),
        (BACKLOG | {"for_s": 61.0}, "backlog takes 61 s (for_s)", "lower for_s"),
        (IDLE | {"for_s": 61.0}, "idle takes 61 s (for_s)", "lower for_s"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_schedule_longer_than_a_trial_may_take_is_refused(cell, takes, change):
    assert refused(cell) == (
        f"the profile test: arq c=1 add {takes}, longer than trial_timeout_s = 60: {change} or "
        "raise trial_timeout_s"
    )


def test_a_cells_own_time_is_taken_instead_of_the_profiles():
    own = COMMON | {"for_s": 61.0, "trial_timeout_s": 62.0}
    assert {cell.timeout_s for cell in plan(own).cells} == {62.0}
    assert {cell.timeout_s for cell in plan(COMMON, trial_timeout_s=90).cells} == {90.0}
    shorter = COMMON | {"for_s": 21.0, "trial_timeout_s": 20.0}
    assert "21 s (for_s), longer than trial_timeout_s = 20: " in refused(shorter)


@pytest.mark.parametrize(
    "cell",
    [
        IDLE | {"for_s": 60.0},
        COMMON | {"rate_per_s": [0.17]},
        SATURATION | {"for_s": 10.0},
        CLOSED | {"for_s": 100.0, "tasks": 4},  # which end it
        LONG_DRAIN | {"for_s": 100.0},  # whose rate is a rough one
    ],
    ids=str,
)
def test_what_may_end_in_time_is_planned(cell):
    other = [] if cell["load"] == "drain" else [DRAIN]
    assert plan(*other, cell).trials


def test_a_rate_that_a_drain_told_is_held_to_the_same_size():
    assert tasks_at(0.5, 2.0, 10) == 10
    assert tasks_at(50_000.0, 20.0, 10) == 1_000_000
    with pytest.raises(Invalid, match=r"^50001 per s for 20 s are 1,000,020 tasks, .*lower for_s$"):
        tasks_at(50_001.0, 20.0, 10)
