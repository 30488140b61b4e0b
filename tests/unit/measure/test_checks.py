from __future__ import annotations

import pytest
from synthetic import Story, item

from backends.kit import events as kinds
from bench.measure.attempts import attempts
from bench.measure.checks import trial_checks


def check(story, items, *, sees_failure=True, fifo=False, load="burst"):
    """Every finding by the name of its check."""
    trace = story.trace(items)
    found = trial_checks(trace, attempts(trace), sees_failure=sees_failure, fifo=fifo, load=load)
    names = [finding.check for finding in found]
    assert len(names) == len(set(names))
    return {finding.check: finding for finding in found}


def violations(story, items, name, **more):
    return check(story, items, **more)[name].violations


def added(story, number, value, *, ms=0.0):
    """A task that did everything right."""
    return story.sent(number, ms).ran(number, ms + 1, ms + 2, value).result(number, ms + 3, value)


def retried(*gaps_ms, succeeds=True, told=True, task=0):
    """A task that runs 1 ms, fails, and comes again after each of these gaps."""
    story = Story().sent(task, 0)
    begin = 1.0
    for number, gap in enumerate((*gaps_ms, None)):
        if gap is None and succeeds:
            story.ran(task, begin, begin + 1, number + 1)
        else:
            story.failed(task, begin, begin + 1)
            begin += 1 + (gap or 0)
    if told and succeeds:
        story.result(task, begin + 2, len(gaps_ms) + 1)
    elif told:
        story.tell(kinds.FAILURE, task, begin + 2)
    return story


# --- all is well -----------------------------------------------------------------------------


def test_a_good_trial_of_tasks_passes_every_check():
    story = added(added(Story(), 0, 10), 1, 20, ms=5)
    found = check(story, [item(0, value=10), item(1, value=20)], fifo=True)
    assert {name: f.checked for name, f in found.items()} == {
        "enqueued": 2,
        "lost": 2,
        "repeated": 2,
        "results": 2,
        "outcome": 2,
        "order": 2,
    }
    assert all(f.passed for f in found.values())


def test_a_good_trial_of_retries_passes_every_check():
    story = retried(100, 101)
    items = [item(0, attempts=3, value=3, retried_after=0.1, deliveries=1)]
    found = check(story.tell(kinds.DELIVERED, 0, 500, 200), items)
    assert {name: f.checked for name, f in found.items()} == {
        "enqueued": 1,
        "lost": 1,
        "attempts": 1,
        "results": 1,
        "outcome": 1,
        "retry_delay": 2,
        "delivered": 1,
    }
    assert all(f.passed for f in found.values())


def test_a_good_chain_passes_and_only_its_last_step_has_an_outcome():
    story = Story().sent(0, 0).ran(0, 1, 2, 300).ran(1, 3, 4, 600).result(1, 5, 600)
    steps = item(0, value=300) + item(1, value=600)
    found = check(story, [steps])
    assert all(f.passed for f in found.values())
    assert found["lost"].checked == 2
    assert found["outcome"].checked == 1


def test_without_events_nothing_was_checked_and_nothing_is_wrong():
    found = check(Story(), [item(0, value=1), item(1, attempts=4, retried_after=0.1)], fifo=True)
    assert all(f.checked == 0 for f in found.values())
    assert all(f.passed for f in found.values())


def test_items_that_a_closed_load_did_not_come_to_are_not_missed():
    found = check(added(Story(), 0, 1), [item(0, value=1), item(1, value=2), item(2, value=3)])
    assert all(f.passed for f in found.values())
    assert found["lost"].checked == 1


def test_items_are_not_searched_for_in_lists_of_items():
    """Comparing each item with each other one would be some 20000 comparisons here."""

    class Counted(list):
        comparisons = 0

        def __eq__(self, other):
            Counted.comparisons += 1
            return super().__eq__(other)

        __hash__ = None

    count = 200
    story = Story()
    for n in range(count):
        added(story, n, n, ms=n)
    found = check(story, [Counted(item(n, value=n)) for n in range(count)], fifo=True)
    assert all(f.passed for f in found.values())
    assert Counted.comparisons <= count


# --- enqueued --------------------------------------------------------------------------------


def test_a_refused_task_is_told_and_is_not_called_lost():
    story = Story().tell(kinds.SEND, 0, 0).tell(kinds.REFUSED, 0, 1)
    found = check(added(story, 1, 5, ms=2), [item(0, value=4), item(1, value=5)])
    assert found["enqueued"].violations == ["task 0: the enqueue call raised"]
    assert found["enqueued"].checked == 2
    assert found["lost"].passed
    assert found["lost"].checked == 1


# --- lost ------------------------------------------------------------------------------------


def test_a_task_that_never_ran_is_lost_and_told_once():
    story = added(Story(), 0, 1).sent(1, 1)
    found = check(story, [item(0, value=1), item(1, value=2)])
    assert found["lost"].violations == ["task 1: never ran"]
    assert found["repeated"].passed


def test_a_task_that_began_and_did_not_end_is_lost():
    story = Story().sent(0, 0).tell(kinds.START, 0, 1)
    assert violations(story, [item(0)], "lost") == ["task 0: began and did not end"]


def test_a_task_that_was_delivered_again_and_ended_then_is_not_lost():
    story = Story().sent(0, 0).tell(kinds.START, 0, 1).ran(0, 5, 6)
    assert violations(story, [item(0)], "lost") == []
    assert violations(story, [item(0)], "repeated") == ["task 0: 2 attempts instead of 1"]


def test_a_step_that_a_chain_never_came_to_is_lost():
    story = Story().sent(0, 0).ran(0, 1, 2)
    assert violations(story, [item(0, 1, 2)], "lost") == [
        "task 1: never ran",
        "task 2: never ran",
    ]


# --- repeated, attempts ----------------------------------------------------------------------


def test_a_task_that_ran_twice_is_told():
    story = added(Story(), 0, 1).ran(0, 9, 10, 1)
    assert violations(story, [item(0, value=1)], "repeated") == ["task 0: 2 attempts instead of 1"]


@pytest.mark.parametrize(("gaps", "count"), [((), 1), ((100,), 2), ((100,) * 4, 5)])
def test_too_few_or_too_many_attempts_are_told(gaps, count):
    items = [item(0, attempts=4, succeeds=False, retried_after=0.1)]
    found = check(retried(*gaps, succeeds=False), items)
    assert found["attempts"].violations == [f"task 0: {count} attempts instead of 4"]
    assert "repeated" not in found


def test_where_tasks_are_to_be_retried_one_that_never_ran_had_no_attempts():
    items = [item(0, attempts=2)]
    assert violations(Story().sent(0, 0), items, "attempts") == ["task 0: 0 attempts instead of 2"]


# --- results ---------------------------------------------------------------------------------


def test_a_wrong_sum_in_the_worker_is_told():
    story = Story().sent(0, 0).ran(0, 1, 2, 8).result(0, 3, 7)
    assert violations(story, [item(0, value=7)], "results") == [
        "task 0: the worker got 8 instead of 7"
    ]


def test_a_wrong_result_in_the_callers_hands_is_told():
    story = Story().sent(0, 0).ran(0, 1, 2, 7).result(0, 3, 8)
    assert violations(story, [item(0, value=7)], "results") == [
        "task 0: the caller got 8 instead of 7"
    ]


def test_a_result_of_another_kind_is_told_as_such():
    story = Story().sent(0, 0).ran(0, 1, 2, 7).result(0, 3, kinds.as_value(7.0))
    assert violations(story, [item(0, value=7)], "results") == [
        "task 0: the caller got no integer or text instead of 7"
    ]


def test_a_failed_attempt_has_no_result_to_be_wrong():
    assert violations(retried(100), [item(0, attempts=2, value=2)], "results") == []


def test_where_no_value_is_known_results_are_not_checked():
    assert "results" not in check(added(Story(), 0, 1), [item(0)])


# --- outcome ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("succeeds", "told", "text"),
    [
        (True, kinds.NO_RESULT, "nothing instead of success"),
        (True, kinds.FAILURE, "failure instead of success"),
        (False, kinds.NO_RESULT, "nothing instead of failure"),
        (False, kinds.RESULT, "success instead of failure"),
    ],
)
def test_a_caller_who_was_told_something_else_than_what_happened_is_heard(succeeds, told, text):
    story = retried(100, succeeds=succeeds, told=False).tell(told, 0, 900, 2)
    items = [item(0, attempts=2, succeeds=succeeds)]
    assert violations(story, items, "outcome") == [f"task 0: the caller was told {text}"]


def test_a_failure_that_the_caller_is_told_of_is_right():
    items = [item(0, attempts=2, succeeds=False)]
    found = check(retried(100, succeeds=False), items)["outcome"]
    assert (found.checked, found.violations) == (1, [])


def test_a_library_that_cannot_tell_failures_is_held_to_its_successes_only():
    story = retried(100, succeeds=False, told=False, task=0).tell(kinds.NO_RESULT, 0, 900)
    story.sent(1, 0).ran(1, 1, 2).tell(kinds.NO_RESULT, 1, 900)
    items = [item(0, attempts=2, succeeds=False), item(1)]
    found = check(story, items, sees_failure=False)["outcome"]
    assert found.checked == 1
    assert found.violations == ["task 1: the caller was told nothing instead of success"]


def test_where_nobody_asked_there_is_no_outcome_to_check():
    assert "outcome" not in check(Story().sent(0, 0).ran(0, 1, 2), [item(0)])


# --- retry_delay -----------------------------------------------------------------------------


@pytest.mark.parametrize("gap_ms", [90.0, 100.0, 5000.0])
def test_a_retry_that_is_early_by_10_ms_or_less_is_not_early(gap_ms):
    items = [item(0, attempts=2, retried_after=0.1)]
    assert violations(retried(gap_ms), items, "retry_delay") == []


@pytest.mark.parametrize(("gap_ms", "early"), [(89.99, "10.0"), (89, "11.0"), (50, "50.0")])
def test_a_retry_that_is_early_by_more_is_told(gap_ms, early):
    found = check(retried(gap_ms), [item(0, attempts=2, retried_after=0.1)])["retry_delay"]
    assert found.expected == "no retry before 0.1 s"
    assert found.violations == [f"task 0: attempt 2 came {early} ms early"]


def test_each_retry_of_a_task_is_held_to_its_delay():
    story = retried(100, 40, 100)
    assert violations(story, [item(0, attempts=4, retried_after=0.1)], "retry_delay") == [
        "task 0: attempt 3 came 60.0 ms early"
    ]


def test_tasks_without_a_delay_have_none_to_keep():
    assert "retry_delay" not in check(retried(1), [item(0, attempts=2)])


# --- delivered -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, ["task 0: never delivered"]), (1, []), (2, ["task 0: delivered 2 times"])],
)
def test_a_message_is_delivered_once(count, told):
    story = Story().sent(0, 0).ran(0, 1, 2)
    for n in range(count):
        story.tell(kinds.DELIVERED, 0, 10 + n, 200)
    assert violations(story, [item(0, deliveries=1)], "delivered") == told


def test_where_nobody_outside_is_told_deliveries_are_not_checked():
    assert "delivered" not in check(added(Story(), 0, 1), [item(0)])


# --- order -----------------------------------------------------------------------------------


def test_a_task_that_overtook_another_is_told_where_order_was_promised():
    story = Story()
    for number, start in ((0, 10), (1, 30), (2, 20)):
        story.sent(number, number).ran(number, start, start + 1)
    items = [item(n) for n in range(3)]
    assert violations(story, items, "order", fifo=True) == ["task 1: started after task 2"]
    assert "order" not in check(story, items, fifo=False)


def test_the_order_is_that_of_first_starts():
    story = Story().sent(0, 0).sent(1, 0).failed(0, 1, 2).ran(1, 3, 4).ran(0, 5, 6)
    items = [item(0, attempts=2), item(1)]
    assert violations(story, items, "order", fifo=True) == []


def test_violations_name_a_task_by_its_number_in_the_trial():
    story = Story().sent(41, 0)
    assert violations(story, [item(41)], "lost") == ["task 41: never ran"]
