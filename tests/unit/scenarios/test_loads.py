"""The table of loads: what each needs, how large its trials are, and that somebody offers it."""

from __future__ import annotations

import pytest

from bench.plan.profile import CellSpec
from bench.run import offering
from scenarios import all_scenarios
from scenarios.loads import LOADS, MIN_TASKS, STEPS, TOO_MANY, Size


def size(tasks=None, for_s=None, concurrency=1, nominal_per_s=0.0, **params):
    return Size(tasks, for_s, params, concurrency, nominal_per_s)


def test_every_load_is_offered_and_every_offer_is_of_a_load():
    assert offering._OFFERS.keys() == LOADS.keys()


def test_every_load_is_some_scenarios():
    assert {load for scenario in all_scenarios().values() for load in scenario.loads} == set(LOADS)


@pytest.mark.parametrize("load", LOADS.values(), ids=lambda load: load.name)
def test_a_load_says_what_it_is_and_its_keys_are_those_of_a_cell(load):
    assert load.told
    assert "{}" in load.verb
    assert load.smaller
    assert load.keys <= CellSpec.model_fields.keys()


@pytest.mark.parametrize(
    ("load", "wanted", "tasks"),
    [
        ("drain", size(tasks=7, for_s=9.0), 7),
        ("drain", size(for_s=2.0, nominal_per_s=100), 200),
        ("drain", size(for_s=2.0, nominal_per_s=1), MIN_TASKS),
        ("burst", size(for_s=2.0, nominal_per_s=100, concurrency=4, service_s=0.1), 80),
        ("surge", size(for_s=2.0, nominal_per_s=100), 200),
        ("surge", size(for_s=2.0, nominal_per_s=100, tasks=50), 50),
        ("surge", size(for_s=2.0, nominal_per_s=100, tasks=500), 200),
        ("closed", size(for_s=0.5), 1000),
        ("closed", size(for_s=0.5, tasks=3), 3),
        ("open", size(for_s=3.0, rate_per_s=50), 150),
        ("open", size(for_s=0.1, rate_per_s=50), MIN_TASKS),
        ("open", size(for_s=3.0, offered=0.5), 0),
        ("open", size(for_s=1e300, rate_per_s=1e9), TOO_MANY),
        ("saturation", size(for_s=3.0), 0),
        ("backlog", size(for_s=3.0, backlog=1234), 1234),
        ("idle", size(for_s=3.0), 0),
    ],
)
def test_how_many_tasks_a_trial_has(load, wanted, tasks):
    assert LOADS[load].tasks(wanted) == tasks


@pytest.mark.parametrize(
    ("load", "wanted", "seconds"),
    [
        ("drain", size(for_s=3.0), 0),
        ("burst", size(for_s=3.0), 0),
        ("surge", size(for_s=3.0), 0),
        ("closed", size(for_s=3.0), 3),
        ("closed", size(for_s=3.0, tasks=3), 0),
        ("open", size(for_s=3.0), 3),
        ("saturation", size(for_s=3.0), 3 * STEPS),
        ("backlog", size(for_s=3.0, backlog=9), 3),
        ("idle", size(for_s=3.0), 3),
    ],
)
def test_how_long_a_trial_is_however_fast_the_queue(load, wanted, seconds):
    assert LOADS[load].least_s(wanted) == seconds


def test_how_long_a_trial_is_about():
    assert LOADS["drain"].about_s(size(for_s=0.8)) == 0.8
    assert LOADS["saturation"].about_s(size(for_s=1.0)) == STEPS
    assert LOADS["backlog"].about_s(size(tasks=5_000, for_s=2.0)) == 7
    burst = size(tasks=20, concurrency=4, latency_s=0.1, retry_delay_s=0.5)
    assert LOADS["burst"].about_s(burst) == 2


def test_shares_are_of_a_drain_and_rates_are_not():
    assert LOADS["open"].relative({"offered": 0.5})
    assert not LOADS["open"].relative({"rate_per_s": 50})
    assert LOADS["saturation"].relative({})
