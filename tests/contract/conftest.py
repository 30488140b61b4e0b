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

#: Where the lease of a variant keeps its files, as soon as it has a folder.
LEASES = pytest.StashKey[dict[str, Path]]()

#: Lines of each log that are printed under a failed test.
SHOWN_LINES = 40


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEASES] = {}


@pytest.fixture(scope="session")
def lease_folders(request: pytest.FixtureRequest) -> dict[str, Path]:
    """By variant its lease's folder: to be told of a failed test, whatever failed."""
    return request.config.stash[LEASES]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        variant = _variant(item)
        if variant is None or not item.path.is_relative_to(HERE):
            continue
        checks = {mark.args[0] for mark in item.iter_markers("check")}
        assert checks, f"{item.nodeid} looks at a lease and is marked with no check"
        (choice,) = choose(variant)
        for defect in choice.backend.defects_of(choice.variant):
            if defect.check in checks:
                told = f"{defect.told} (known, {defect.where})"
                item.add_marker(
                    pytest.mark.xfail(reason=told, raises=AssertionError, strict=defect.always)
                )


def _variant(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("seen") if callspec else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under a failed test: where the lease's files are, and the end of what its processes wrote."""
    report = yield
    folder = item.config.stash[LEASES].get(_variant(item) or "")
    if report.failed and folder is not None:
        told = [f"the lease's folder: {folder}"]
        for log in sorted(folder.glob("*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            told += ["", f"the last lines of {log}:", *lines[-SHOWN_LINES:]]
        report.sections.append((f"lease of {_variant(item)}", "\n".join(told)))
    return report
