"""The chapter of abilities."""

from __future__ import annotations

from bench.report.chapters import abilities
from bench.report.sections import Paragraph

RAN = {
    "asked": {"works_s": 3.0, "limit_s": 1.0},
    "events": [[1, "start", 0.0], [1, "end", 3.0], [2, "start", 4.0], [2, "end", 4.0]],
}
LOST = {"problem": "the worker was not ready within 30 s (no Redis)"}


def found(**probes):
    return {"variant": "a:one", "version": "1", "probes": probes}


def test_a_run_without_probes_has_no_chapter():
    assert abilities.section([]) is None
    assert abilities.section([found()]) is None


def test_each_cell_has_its_answer_and_what_showed_it():
    other = {"variant": "b", "version": "1", "probes": {"hard_time_limit": LOST}}
    told = abilities.section([found(soft_time_limit=RAN, hard_time_limit=RAN), other])
    (grid,) = told.grids
    assert tuple(grid.head) == ("ability", "a:one", "b")
    assert grid.rows == [
        ["soft time limit", "no: ran 3.0 s of a limit of 1 s", "not probed"],
        ["hard time limit", "no: ran 3.0 s of a limit of 1 s", "unknown: see the warnings"],
    ]


def test_a_variant_that_no_probe_is_bound_for_is_named():
    told = abilities.section([found(soft_time_limit=RAN), {"variant": "b", "probes": {}}])
    texts = [block.text for block in told.blocks if isinstance(block, Paragraph)]
    assert texts[-1] == "Not probed: b."


def test_a_probe_that_went_wrong_is_told_once_with_all_it_was_to_show():
    told = abilities.missing([found(soft_time_limit=LOST, hard_time_limit=LOST, graceful_stop=RAN)])
    assert told == [
        "a:one: soft time limit and hard time limit could not be probed: "
        "the worker was not ready within 30 s (no Redis)"
    ]
