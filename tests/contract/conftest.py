"""What the contract's tests share: known defects are expected, and a failure shows the lease.

Every test of a variant's lease is marked with the check it makes: the name of a check of a trial
(``retry_delay``), or one of the contract's own (``stop``). A backend's ``known_defects`` go by it,
and by the scenario that may stand behind it; a test without one looks at several.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from backends import choose

#: A lease of the contract: its variant, and whose its keys are.
LeaseName = tuple[str, str]

HERE = Path(__file__).parent

#: Where a lease keeps its files, as soon as it has a folder.
LEASES = pytest.StashKey[dict[LeaseName, Path]]()

#: By lease and check, whether its tests broke so far.
BROKE = pytest.StashKey[dict[tuple[LeaseName, str], list[bool]]]()

#: Lines of each log that are printed under a failed test.
SHOWN_LINES = 40


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEASES] = {}
    config.stash[BROKE] = {}


@pytest.fixture(scope="session")
def lease_folders(request: pytest.FixtureRequest) -> dict[LeaseName, Path]:
    """Each lease's folder: to be told of a failed test, whatever failed."""
    return request.config.stash[LEASES]


@pytest.fixture(scope="session")
def broke(request: pytest.FixtureRequest) -> dict[tuple[LeaseName, str], list[bool]]:
    """By lease and check, whether its tests broke, of those that have run by now."""
    return request.config.stash[BROKE]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        lease = _lease(item)
        if lease is None or not item.path.is_relative_to(HERE):
            continue
        item.add_marker(pytest.mark.xdist_group(",".join(lease)))  # or each process opens its own
        checks = _checks(item)
        scenarios = {scenario for _, *rest in _marks(item) for scenario in rest}
        assert checks, f"{item.nodeid} looks at a lease and is marked with no check"
        (choice,) = choose(lease[0])
        for defect in choice.backend.defects_of(choice.variant):
            elsewhere = scenarios and defect.scenarios and not scenarios & defect.scenarios
            if defect.check in checks and not elsewhere:
                told = f"{defect.told} (known, {defect.where})"
                # Not each of a check's tests need show it: that one does is a test of its own.
                item.add_marker(pytest.mark.xfail(reason=told, raises=AssertionError, strict=False))


def _lease(item: pytest.Item) -> LeaseName | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("seen") if callspec else None


def _marks(item: pytest.Item) -> list[tuple[str, ...]]:
    """A check, and the scenario that alone is looked at where there is one."""
    return [mark.args for mark in item.iter_markers("check")]


def _checks(item: pytest.Item) -> set[str]:
    return {check for check, *_ in _marks(item)}


def _skipped(call: pytest.CallInfo[Any]) -> bool:
    return call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under a failed test: where the lease's files are, and the end of what its processes wrote."""
    report = yield
    lease = _lease(item)
    if lease and call.when == "call" and not _skipped(call):
        for check in _checks(item):
            told = item.config.stash[BROKE].setdefault((lease, check), [])
            told.append(call.excinfo is not None)
    folder = item.config.stash[LEASES].get(lease) if lease else None
    if report.failed and lease and folder:
        shown = [f"the lease's folder: {folder}"]
        for log in sorted(folder.glob("*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            shown += ["", f"the last lines of {log}:", *lines[-SHOWN_LINES:]]
        report.sections.append((f"lease of {', '.join(lease)}", "\n".join(shown)))
    return report
