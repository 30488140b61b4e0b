"""A trial beside which others use the processors is repeated, and both are kept."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from support import Ran

from bench.measure.disturbance import DISTURBED, disturbance

pytestmark = pytest.mark.integration

DRAIN = "scenario = 'add'; load = 'drain'; tasks = 3000"


@contextlib.contextmanager
def busy_strangers() -> Iterator[None]:
    """As many processes as there are cores do nothing but keep them busy."""
    count = psutil.cpu_count() or 1
    strangers = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for stranger in strangers:
            stranger.kill()
            stranger.wait()


def test_what_ran_among_strangers_is_repeated_and_both_are_kept(run_cells) -> None:
    with busy_strangers():
        ran: Ran = run_cells("floor:one", DRAIN, repeat_disturbed="true")
    first, again = sorted(ran.folder.read_trials(), key=lambda trial: trial["number"])
    assert again["repeats"] == first["trial_id"]
    assert [trial["status"] for trial in (first, again)] == ["ok", "ok"]
    assert all(disturbance(trial["marks"]) > DISTURBED for trial in (first, again))
    assert len({trial["lease_id"] for trial in (first, again)}) == 2
    rounds = ran.tables.rounds
    assert len(rounds[rounds["metric"] == "throughput_tasks_per_s"]) == 1
    assert ran.failed_checks() == set()
