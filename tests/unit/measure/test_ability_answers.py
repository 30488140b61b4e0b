"""What the facts of a probe mean."""

from __future__ import annotations

from typing import Any

import pytest

from backends.abilities import ABILITIES
from bench.measure.abilities import answered

LIMITED = {"works_s": 3.0, "limit_s": 1.0}
REVOKED = {"near": 3, "far": 4, "last": 5}
BURNT = {"cpu_s": 0.3, "pairs": 2, "cores": 2}
STOPPED = {"works_s": 1.5, "within_s": 10.0}
SOFT = {"short_s": 0.5, "long_s": 8.0, "given_s": 1.0, "within_s": 10.0}


def ran(task: int, start: float, end: float, kind: str = "end") -> list[list[Any]]:
    return [[task, "start", start], [task, kind, end]]


def told(task: int, start: float, at: float, end: float | None = None) -> list[list[Any]]:
    rest = [[task, "fail", at]] if end is None else [[task, "end", end]]
    return [[task, "start", start], [task, "told", at], *rest]


AFTER = ran(2, 5.0, 5.0)


@pytest.mark.parametrize(
    ("ability", "asked", "events", "can", "evidence"),
    [
        ("soft_time_limit", LIMITED, told(1, 0, 1.02) + AFTER, True, "told after 1.0 s"),
        ("soft_time_limit", LIMITED, ran(1, 0, 3.0) + AFTER, False, "ran 3.0 s of a limit of 1 s"),
        ("soft_time_limit", LIMITED, [[1, "start", 0], *AFTER], False, "without being told"),
        ("soft_time_limit", LIMITED, told(1, 0, 1.0), True, "the worker did nothing after it"),
        ("soft_time_limit", LIMITED, told(1, 0, 2.95) + AFTER, False, "ended without being told"),
        ("hard_time_limit", LIMITED, [[1, "start", 0], *AFTER], True, "no end of its 3 s"),
        (
            "hard_time_limit",
            LIMITED,
            told(1, 0, 1.0, 3.0) + AFTER,
            False,
            "told after 1.0 s, it ran",
        ),
        ("hard_time_limit", LIMITED, ran(1, 0, 3.0) + AFTER, False, "ran 3.0 s"),
        ("revoke_waiting", REVOKED, ran(1, 0, 1.5) + ran(5, 2, 2), True, "neither"),
        ("revoke_waiting", REVOKED, ran(3, 1, 1) + ran(5, 2, 2), False, "far behind was not"),
        ("revoke_waiting", REVOKED, ran(3, 1, 1) + ran(4, 1, 1) + ran(5, 2, 2), False, "both were"),
        ("revoke_waiting", REVOKED, ran(4, 1, 1) + ran(5, 2, 2), False, "one far behind was"),
        ("revoke_waiting", REVOKED, ran(1, 0, 1.5), None, "nothing after it"),
        ("terminate_running", LIMITED, ran(1, 0, 3.0) + AFTER, False, "ran its 3.0 s to the end"),
        ("terminate_running", LIMITED, told(1, 0, 0.3) + AFTER, True, "by what was raised in it"),
        ("terminate_running", LIMITED, [[1, "start", 0], *AFTER], True, "no end of its 3 s"),
        ("cpu_in_parallel", BURNT, ran(1, 0, 0.3) + ran(2, 1, 1.3) + ran(3, 1, 1.35), True, "0.35"),
        ("cpu_in_parallel", BURNT, ran(1, 0, 0.3) + ran(2, 1, 1.6) + ran(3, 1, 1.6), False, "0.60"),
        (
            "cpu_in_parallel",
            BURNT,
            ran(1, 0, 0.5) + ran(2, 1, 1.9) + ran(3, 1, 1.9),
            None,
            "others computed too",
        ),
        ("cpu_in_parallel", BURNT | {"cores": 1}, ran(1, 0, 0.3), None, "one processor"),
        ("cpu_in_parallel", BURNT, [[1, "start", 0]], None, "did not end"),
    ],
)
def test_facts_have_a_meaning(ability, asked, events, can, evidence):
    answer = answered(ability, {"asked": asked, "events": events})
    assert answer.can is can
    assert evidence in answer.evidence


@pytest.mark.parametrize(
    ("ability", "asked", "events", "how", "pending", "can", "evidence"),
    [
        ("graceful_stop", STOPPED, ran(1, 0, 1.5), "gracefully", 0, True, "finished its 1.5 s"),
        ("graceful_stop", STOPPED, [[1, "start", 0]], "gracefully", 1, False, "cut off, put back"),
        ("graceful_stop", STOPPED, [[1, "start", 0]], "gracefully", 0, False, "cut off, and lost"),
        ("graceful_stop", STOPPED, ran(1, 0, 1.5), "killed", 0, False, "did not stop within 10 s"),
        ("graceful_stop", STOPPED, [[1, "start", 0]], "unasked", 1, None, "could not be asked"),
        ("graceful_stop", STOPPED, [[1, "start", 0]], "by itself", 1, None, "had ended before"),
        (
            "soft_shutdown",
            SOFT,
            [*ran(1, 0, 0.5), [2, "start", 0]],
            "gracefully",
            1,
            True,
            "8 s: cut off, put back",
        ),
        (
            "soft_shutdown",
            SOFT,
            ran(1, 0, 0.5) + ran(2, 0, 8.0),
            "gracefully",
            0,
            False,
            "8 s: waited for",
        ),
        (
            "soft_shutdown",
            SOFT,
            [*ran(1, 0, 0.5), [2, "start", 0]],
            "gracefully",
            0,
            False,
            "and lost",
        ),
    ],
)
def test_a_stop_has_a_meaning(ability, asked, events, how, pending, can, evidence):
    stopped = {"how": how, "took_s": 1.0, "exit_codes": [0]}
    facts = {"asked": asked, "events": events, "stopped": stopped, "pending": pending}
    answer = answered(ability, facts)
    assert answer.can is can
    assert evidence in answer.evidence


@pytest.mark.parametrize("ability", ABILITIES)
def test_nothing_is_known_without_events_or_with_a_problem(ability):
    assert answered(ability, {"asked": {}, "events": []}).can is None
    problem = answered(ability, {"problem": "the worker ended", "events": ran(1, 0, 3)})
    assert problem == (None, "the worker ended")
