"""What the contract's tests share: known defects are expected, and a failure shows the lease.

Every test of a variant's lease is marked with the check it makes: the name of a check of a trial
(``retry_delay``), or one of the contract's own (``stop``). A backend's ``known_defects`` go by it.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from backends import choose

HERE = Path(__file__).parent

#: Where a lease keeps its files, as soon as it has a folder: by variant and by whose its keys are.
LEASES = pytest.StashKey[dict[tuple[str, str], Path]]()

#: Lines of each log that are printed under a failed test.
SHOWN_LINES = 40


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEASES] = {}


@pytest.fixture(scope="session")
def lease_folders(request: pytest.FixtureRequest) -> dict[tuple[str, str], Path]:
    """Each lease's folder: to be told of a failed test, whatever failed."""
    return request.config.stash[LEASES]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        lease = _lease(item)
        if lease is None or not item.path.is_relative_to(HERE):
            continue
        checks = {mark.args[0] for mark in item.iter_markers("check")}
        assert checks, f"{item.nodeid} looks at a lease and is marked with no check"
        (choice,) = choose(lease[0])
        for defect in choice.backend.defects_of(choice.variant):
            if defect.check in checks:
                told = f"{defect.told} (known, {defect.where})"
                item.add_marker(
                    pytest.mark.xfail(reason=told, raises=AssertionError, strict=defect.always)
                )


def _lease(item: pytest.Item) -> tuple[str, str] | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("seen") if callspec else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under a failed test: where the lease's files are, and the end of what its processes wrote."""
    report = yield
    lease = _lease(item)
    folder = item.config.stash[LEASES].get(lease) if lease else None
    if report.failed and lease and folder:
        told = [f"the lease's folder: {folder}"]
        for log in sorted(folder.glob("*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            told += ["", f"the last lines of {log}:", *lines[-SHOWN_LINES:]]
        report.sections.append((f"lease of {', '.join(lease)}", "\n".join(told)))
    return report
