"""Workers that no signal reaches are asked by their library's own command, and finish what they do.

So it is on Windows. Here the same is made to happen: signals are taken not to reach.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import PATIENCE_S, only_lease, wait_until, write_profile

from backends import Choice, all_backends
from backends.kit import events
from bench.record.events import read_lease
from bench.system.platforms import here
from bench.workers.lease import Lease

pytestmark = pytest.mark.integration

#: Long enough that a worker which does not finish it is gone before its end.
SERVICE_S = 3.0
VARIANTS = [
    Choice(backend, variant, None).name
    for backend in all_backends().values()
    for variant in backend.variants
    if not backend.hidden
    and variant.unsupported_reason() is None
    and variant.broken_reason() is None
    and all(command.stop_words for command in backend.worker_commands(variant, 1))
]


def test_some_library_has_such_a_command() -> None:
    assert VARIANTS


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_runs_is_finished(
    variant: str,
    open_lease: Callable[..., Lease],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(here, "SIGNALS_REACH", False)
    cell = f'scenario = "add"; load = "drain"; tasks = 2; service_s = {SERVICE_S}'
    profile = write_profile(tmp_path / "one.toml", cell, variants=variant, concurrency=[2])
    plan = only_lease(profile)
    (trial,) = plan.trials
    wire = [
        [(work.task, {**work.kwargs, "task_id": work.task_id}) for work in item]
        for item in trial.cell.items(trial.number)
    ]

    def seen(kind: int) -> int:
        lease.tail.poll()
        return lease.tail.count(trial.number, kind)

    with open_lease(plan, tmp_path) as lease:
        lease.ask(time.monotonic() + PATIENCE_S, op="send", items=wire)
        lease.start_workers(math.inf)
        wait_until(lambda: seen(events.START) == 2, "both have begun")
        assert seen(events.END) == 0
    table = read_lease(lease.folder)
    assert len(table[table["kind"] == events.END]) == 2, "neither was cut short"
    facts = json.loads((lease.folder / "lease.json").read_text(encoding="utf-8"))
    assert facts["stopped"] == "gracefully"
    assert set(facts["exit_codes"]) == {0}
    assert facts["abnormal_stops"] == []
