from __future__ import annotations

import pytest

from bench.analysis.tables import with_figures, without_figures


def trial(trial_id, strange_s, *, repeats="", status="ok"):
    machine = {"busy_s": 0.0, "stolen_s": 0.0, "harness_s": 0.0, "cores": 2}
    start = {"t_ns": 0, "cpu_s": {}, "machine": machine}
    end = {**start, "t_ns": 10**9, "machine": machine | {"busy_s": strange_s}}
    found = {"trial_id": trial_id, "status": status, "marks": [start, end]}
    return found | ({"repeats": repeats} if repeats else {})


def test_of_a_trial_and_its_repetition_the_less_disturbed_has_the_figures():
    assert without_figures([trial("a", 0.9), trial("b", 0.1, repeats="a")]) == {"a"}
    assert without_figures([trial("a", 0.4), trial("b", 0.9, repeats="a")]) == {"b"}


def test_other_trials_keep_theirs():
    trials = [trial("a", 0.9), trial("b", 0.1, repeats="a"), trial("c", 1.9)]
    assert without_figures(trials) == {"a"}
    assert without_figures([trial("c", 1.9)]) == set()
    assert [kept["trial_id"] for kept in with_figures(trials)] == ["b", "c"]


@pytest.mark.parametrize("status", ["failed", "timeout", "invalid"])
def test_a_repetition_that_did_not_end_well_takes_nothing_away(status):
    trials = [trial("a", 0.9), trial("b", 0.1, repeats="a", status=status)]
    assert without_figures(trials) == {"b"}


def test_a_repetition_stands_for_what_was_invalid():
    trials = [trial("a", 0.9, status="invalid"), trial("b", 0.1, repeats="a")]
    assert without_figures(trials) == {"a"}


def test_where_the_original_is_gone_the_repetition_stands_for_it():
    assert without_figures([trial("b", 0.1, repeats="a")]) == set()
