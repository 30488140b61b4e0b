"""Stops beside starts: nothing is measured before the lease before is wholly gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from support import Ran

pytestmark = pytest.mark.integration

CELLS = (
    'scenario = "add"; load = "drain"; tasks = 60',
    'scenario = "add"; load = "closed"; for_s = 0.2',
)


def test_a_lease_is_gone_before_the_next_one_is_measured(run_cells: Callable[..., Ran]) -> None:
    ran = run_cells("celery:prefork dramatiq floor:one", *CELLS, rounds=2, concurrency="[2]")
    assert {trial["status"] for trial in ran.trials} == {"ok"}
    assert not ran.failed_checks()
    begun: dict[str, int] = {}
    for trial in ran.trials:
        at = min(mark["t_ns"] for mark in trial["marks"])
        begun[trial["lease_id"]] = min(begun.get(trial["lease_id"], at), at)
    facts = {
        name: json.loads((ran.folder.leases / name / "lease.json").read_text("utf-8"))
        for name in begun
    }
    how = {(of["round"], of["stopped"]) for of in facts.values()}
    assert how == {(1, "gracefully"), (2, "unasked")}
    assert all(of["keys_left"] == [] for of in facts.values())
    assert {of["stragglers"] for of in facts.values()} == {0}
    order = sorted(begun, key=begun.__getitem__)
    assert len(order) == 6
    for before, after in pairwise(order):
        assert facts[before]["gone_t_ns"] < begun[after]
