"""What is known to do no work on this platform costs no time, unless it was named itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support import Ran

from backends.spec import Variant

pytestmark = pytest.mark.integration

DRAIN = 'scenario = "add"; load = "drain"; tasks = 10'
WHY = "its workers start, but no task is done"


@pytest.fixture(autouse=True)
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Variant, "broken_reason", lambda self, platform: WHY)


def test_of_a_backends_variants_it_is_left_out_with_its_reason(
    run_cells: Callable[..., Ran],
) -> None:
    ran = run_cells("celery", DRAIN)
    assert len(ran.trials) > 1
    assert {(trial["status"], trial["reason"]) for trial in ran.trials} == {("unsupported", WHY)}
    assert list(ran.folder.leases.iterdir()) == [], "no worker was started"


def test_named_itself_it_is_run(run_cells: Callable[..., Ran]) -> None:
    ran = run_cells("fake:honest", DRAIN)
    assert [trial["status"] for trial in ran.trials] == ["ok"]
