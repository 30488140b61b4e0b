from __future__ import annotations

import pandas as pd
import pytest

from bench.measure.warnings import stalls


def rounds(*values_ms: float, load: str = "closed") -> pd.DataFrame:
    cell = {"variant": "rq:simple", "concurrency": 4, "scenario": "add", "load": load}
    rows = [
        {**cell, "metric": "longest_stall_ms", "round": number, "value": value}
        for number, value in enumerate(values_ms, 1)
    ]
    return pd.DataFrame([*rows, {**cell, "metric": "service_ms_p50", "round": 1, "value": 9e9}])


def test_short_pauses_are_not_told():
    assert stalls(rounds(5.0, 999.0, 1000.0)) == []


def test_a_pause_of_one_round_may_be_the_machines():
    assert stalls(rounds(5.0, 20_000.0, 7.0)) == [
        "rq:simple at concurrency 4 started no task for up to 20.0 s while tasks waited, in add "
        "closed, round 2 (1 of 3 trials paused for over 1 s): the queue's pause, or the machine's"
    ]


@pytest.mark.parametrize("values", [(1500.0, 2000.0), (1500.0, 2000.0, 3.0)])
def test_a_pause_that_comes_again_is_the_queues(values):
    (told,) = stalls(rounds(*values, load="drain"))
    assert told.endswith(f"(2 of {len(values)} trials paused for over 1 s): the queue's own pause")
