from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest

from bench.measure import truth
from scenarios import all_scenarios, workload
from scenarios.loads import LOADS
from scenarios.notification import FAULTS, faults

FIRST = 7 * 2**32
SCENARIOS = [pytest.param(scenario, id=name) for name, scenario in all_scenarios().items()]


def items(name, count, *, seed=1, first=FIRST, **params):
    scenario = all_scenarios()[name]
    defaults = {p.name: p.default for p in scenario.parameters}
    return scenario.items(first, count, defaults | params, seed)


def expected(name, count, **more):
    return [work.expected for item in items(name, count, **more) for work in item]


# --- all of them -----------------------------------------------------------------------------


def test_these_scenarios_exist():
    assert set(all_scenarios()) == {"add", "chain", "compute", "flaky", "notification", "payload"}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_task_ids_count_up_from_the_first_without_gaps(scenario):
    ids = [work.task_id for item in items(scenario.name, 50) for work in item]
    assert ids == list(range(FIRST, FIRST + len(ids)))
    assert len(ids) >= 50


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_arguments_give_the_same_items(scenario):
    assert items(scenario.name, 30) == items(scenario.name, 30)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_more_items_begin_with_the_same_ones(scenario):
    assert items(scenario.name, 30)[:10] == items(scenario.name, 10)


@pytest.mark.parametrize("name", [name for name, s in all_scenarios().items() if s.period])
def test_what_is_expected_comes_back_after_a_period_and_not_before(name):
    scenario = all_scenarios()[name]
    period = scenario.period
    found = [[work.expected for work in item] for item in items(scenario.name, 2 * period + 7)]
    assert found[period:] == found[:-period]
    shorter = [n for n in range(1, period) if period % n == 0]
    assert [n for n in shorter if found[n:] == found[:-n]] == []


@pytest.mark.parametrize("seed", [0, 1, 999])
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("count", [0, 1, 7, 2345])
def test_the_truth_made_from_one_period_is_that_of_all_items(scenario, count, seed):
    params = {p.name: p.default for p in scenario.parameters}
    made = truth.of_scenario(scenario, count, params, seed)
    told = truth.of_items(scenario.items(0, count, params, seed))
    for field in dataclasses.fields(truth.Truth):
        if count or field.name != "steps":  # of no items nothing tells how many steps they have
            np.testing.assert_array_equal(getattr(made, field.name), getattr(told, field.name))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_arguments_can_be_sent_as_json(scenario):
    for item in items(scenario.name, 5):
        for work in item:
            assert json.loads(json.dumps(work.kwargs)) == work.kwargs
            assert hasattr(workload, work.task)
            assert "task_id" not in work.kwargs


@pytest.mark.parametrize(
    "scenario", [pytest.param(s, id=n) for n, s in all_scenarios().items() if s.period]
)
def test_what_is_expected_comes_again_after_a_period(scenario):
    truth = [[work.expected for work in item] for item in items(scenario.name, 3 * scenario.period)]
    assert truth == truth[: scenario.period] * 3


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_items_are_no_items(scenario):
    assert items(scenario.name, 0) == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_asks_a_question_and_has_a_headline_for_each_load(scenario):
    assert scenario.question.endswith("?")
    assert set(scenario.loads) <= LOADS.keys()
    assert set(scenario.columns) == set(scenario.loads)
    for load in scenario.loads:
        assert scenario.headline[load] not in scenario.columns[load]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_settings_tell_the_workers_what_they_read_under_the_scenarios_names(scenario):
    expected = {
        "add": {"add.service_s": 0.0},
        "chain": {"add.service_s": 0.0},
        "flaky": {"flaky.retry_delay_s": 5.0},
        "notification": {
            "notification.latency_s": 30.0,
            "notification.timeout_s": 60.0,
            "notification.retry_delay_s": 5.0,
            "notification.fault_share": 0.1,
        },
        "compute": {},
        "payload": {},
    }
    params = {p.name: p.default for p in scenario.parameters}
    assert scenario.settings(params) == expected[scenario.name]
    for p in scenario.parameters:
        assert p.help
        assert p.default >= p.minimum
        assert p.setting in ("", f"{scenario.name}.{p.name}", f"add.{p.name}")


def test_a_chains_tasks_are_additions_and_take_their_settings():
    chain = all_scenarios()["chain"]
    assert chain.settings({"length": 5, "service_s": 0.25}) == {"add.service_s": 0.25}


def test_only_messages_need_somebody_to_talk_to():
    needs = {name: set(scenario.needs) for name, scenario in all_scenarios().items()}
    assert needs.pop("notification") == {"bot-api"}
    assert all(need == set() for need in needs.values())


def test_scenarios_say_what_a_queue_must_be_able_to_do():
    asks = {name: set(scenario.asks) for name, scenario in all_scenarios().items()}
    assert {name: ask for name, ask in asks.items() if ask} == {
        "chain": {"chains"},
        "flaky": {"retries"},
        "notification": {"retries"},
    }


# --- add -------------------------------------------------------------------------------------


def test_an_addition_expects_the_sum_of_what_is_sent():
    works = [item[0] for item in items("add", 200)]
    assert all(work.expected.value == work.kwargs["x"] + work.kwargs["y"] for work in works)
    assert all(work.expected.value == workload.add(**work.kwargs) for work in works)


def test_the_first_additions_are_these():
    """x = seed + 7 i, y = i."""
    sent = [(item[0].kwargs["x"], item[0].kwargs["y"]) for item in items("add", 3, seed=10)]
    assert sent == [(10, 0), (17, 1), (24, 2)]
    assert [e.value for e in expected("add", 3, seed=10)] == [10, 18, 26]


def test_additions_differ_so_that_swapped_results_are_seen():
    values = Counter(e.value for e in expected("add", 90))
    assert values.most_common(1)[0][1] == 1


def test_the_periods_of_the_scenarios():
    periods = {name: scenario.period for name, scenario in all_scenarios().items()}
    assert periods == {
        "add": 1000,
        "chain": 1,
        "compute": 1,
        "flaky": 5,
        "notification": 0,
        "payload": 1,
    }


def test_another_seed_adds_other_numbers():
    assert items("add", 5, seed=1) != items("add", 5, seed=2)


def test_an_addition_runs_once_and_succeeds():
    for e in expected("add", 5):
        assert (e.attempts, e.succeeds, e.deliveries, e.retried_after) == (1, True, None, None)


# --- chain -----------------------------------------------------------------------------------


def test_the_chain_of_two_is_the_documented_one():
    ((first, second),) = items("chain", 1, length=2)
    assert first.kwargs == {"x": 100, "y": 200}
    assert second.kwargs == {"y": 300}
    assert (first.expected.value, second.expected.value) == (300, 600)


def test_a_chain_of_five_ends_with_1500():
    assert [e.value for e in expected("chain", 1, length=5)] == [300, 600, 900, 1200, 1500]


def test_a_chains_values_are_what_its_tasks_compute():
    (chain,) = items("chain", 1, length=7)
    value = workload.add(**chain[0].kwargs)
    for work in chain[1:]:
        value = workload.add(value, **work.kwargs)
        assert value == work.expected.value


def test_chains_follow_each_other_with_ids_of_their_own():
    ids = [[work.task_id - FIRST for work in item] for item in items("chain", 3, length=3)]
    assert ids == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


# --- flaky -----------------------------------------------------------------------------------


def test_failing_tasks_are_tried_once_more_than_they_fail_but_four_times_at_most():
    found = [(e.attempts, e.succeeds, e.value) for e in expected("flaky", 6)]
    assert found == [
        (1, True, 1),
        (2, True, 2),
        (3, True, 3),
        (4, True, 4),
        (4, False, None),  # fails for good
        (1, True, 1),
    ]
    assert [item[0].kwargs["fails"] for item in items("flaky", 6)] == [0, 1, 2, 3, 4, 0]


def test_what_is_expected_of_a_failing_task_is_what_its_body_does():
    for (work,) in items("flaky", 10):
        runs = 0
        value = None
        for attempt in range(1, 5):
            runs += 1
            try:
                value = workload.flaky(attempt, **work.kwargs)
                break
            except workload.TemporaryError:
                pass
        assert (runs, value) == (work.expected.attempts, work.expected.value)
        assert work.expected.succeeds is (value is not None)


def test_retries_are_held_to_the_delay_of_the_profile():
    assert {e.retried_after for e in expected("flaky", 5, retry_delay_s=0.7)} == {0.7}


# --- payload ---------------------------------------------------------------------------------


def test_a_payload_carries_what_was_asked_for_in_the_argument_and_in_the_result():
    for (work,) in items("payload", 3, argument_kb=10, result_kb=2):
        assert len(work.kwargs["data"]) == len(work.kwargs["data"].encode()) == 10_000
        assert (work.kwargs["result_bytes"], work.expected.value) == (2_000, 2_000)
        assert len(workload.payload(**work.kwargs)) == 2_000


def test_without_sizes_nothing_is_carried():
    ((work,),) = items("payload", 1)
    assert (work.kwargs, work.expected.value) == ({"data": "", "result_bytes": 0}, 0)
    assert workload.payload(**work.kwargs) == ""


def test_payloads_share_one_text():
    found = items("payload", 50, argument_kb=100)
    assert len({id(item[0].kwargs["data"]) for item in found}) == 1


def test_no_payload_is_larger_than_a_megabyte():
    bounds = {p.name: (p.minimum, p.maximum) for p in all_scenarios()["payload"].parameters}
    assert bounds == {"argument_kb": (0, 1000), "result_kb": (0, 1000)}


# --- notification ----------------------------------------------------------------------------


def test_faults_are_the_same_for_the_same_seed_and_message():
    assert [faults(3, n, 0.5) for n in range(50)] == [faults(3, n, 0.5) for n in range(50)]


def test_another_seed_plans_other_faults():
    assert [faults(3, n, 0.5) for n in range(50)] != [faults(4, n, 0.5) for n in range(50)]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_no_message_meets_more_faults_than_there_are_retries(share):
    assert max(len(faults(1, n, share)) for n in range(300)) <= 3


def test_without_a_share_there_are_no_faults_and_with_all_there_are_three():
    assert {faults(1, n, 0.0) for n in range(50)} == {()}
    assert {len(faults(1, n, 1.0)) for n in range(50)} == {3}


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_about_the_asked_share_of_attempts_meets_a_fault(share):
    """Message by message: at least k faults have probability share**k. Bounds: 4 deviations."""
    count = 4000
    met = Counter(len(faults(20261121, n, share)) for n in range(count))
    for k in (1, 2, 3):
        probability = share**k
        allowed = 4 * (count * probability * (1 - probability)) ** 0.5
        at_least = sum(times for length, times in met.items() if length >= k)
        assert at_least == pytest.approx(count * probability, abs=allowed)


def test_every_kind_of_fault_is_met_about_as_often():
    met = Counter(fault for n in range(2000) for fault in faults(1, n, 1.0))
    assert set(met) == set(FAULTS) == {"429", "500", "503", "reset", "timeout"}
    assert all(times == pytest.approx(1200, abs=125) for times in met.values())  # 4 deviations


def test_a_message_is_attempted_once_more_than_it_meets_faults_and_delivered_once():
    found = expected("notification", 100, seed=5, fault_share=0.4)
    assert [e.attempts - 1 for e in found] == [len(faults(5, n, 0.4)) for n in range(100)]
    assert {e.attempts for e in found} == {1, 2, 3, 4}
    assert {(e.succeeds, e.deliveries, e.value) for e in found} == {(True, 1, None)}


def test_a_messages_text_carries_its_id():
    for (work,) in items("notification", 6):
        assert f"#{work.task_id}:" in work.kwargs["text"]
        assert set(work.kwargs) == {"text"}


def test_the_plan_of_faults_does_not_depend_on_the_trial():
    one, other = (expected("notification", 50, first=n << 32, fault_share=0.5) for n in (1, 9))
    assert one == other


# --- compute ---------------------------------------------------------------------------------


def test_computing_gives_what_is_expected_of_it_however_often():
    for (work,) in items("compute", 3, loops=50):
        assert work.expected.value == workload.compute(**work.kwargs)
    assert workload.compute(50) != workload.compute(51)
