"""The contract's tests of a queue that misbehaves: what they print, and what they expect.

In a copy of the checkout the fake queue is one of those that are compared.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from checkout import PYTEST, copy_checkout, run_python

pytestmark = pytest.mark.integration

DEFECTS = """
    known_defects=(
        KnownDefect("results", "fake is off by one", "backends/fake/NOTES.md"),
        KnownDefect("stop", "fake does not stop", "backends/fake/NOTES.md"),
    ),
    hidden=False,
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copy_checkout(tmp_path / "checkout", "results")


def contract(copy: Path, *, known: bool) -> str:
    """What the tests of a queue print whose every 7th result is off by one."""
    path = copy / "backends" / "fake" / "__init__.py"
    text = path.read_text(encoding="utf-8")
    assert "    hidden=True,\n" in text
    text = text.replace("    hidden=True,\n", DEFECTS if known else "    hidden=False,\n")
    text = text.replace("import Backend, Command,", "import Backend, Command, KnownDefect,")
    path.write_text(text, encoding="utf-8")
    queue = ("tests/contract/test_backends.py", "-k", "fake:wrong-result")
    done = run_python(copy, *PYTEST, "--color=no", *queue)
    assert done.code == 1, done.all
    return done.out


def failed(told: str) -> set[str]:
    return set(re.findall(r"^FAILED \S+::(\S+)", told, re.MULTILINE))


def test_a_failure_shows_all_it_saw_and_where_the_lease_is(copy: Path) -> None:
    told = contract(copy, known=False)
    assert "test_drained_tasks_pass[fake:wrong-result-results]" in failed(told)
    assert "test_known_defects_are_still_there[fake:wrong-result]" not in failed(told)
    assert re.search(r"results, expected: every result is right\n.*the caller got \d+", told)
    (folder, *_) = re.findall(r"^the lease's folder: (.+)$", told, re.MULTILINE)
    log = Path(folder) / "worker.log"
    assert f"the last lines of {log}:" in told
    assert "fake worker ready" in told
    assert "fake worker ready" in log.read_text(encoding="utf-8")


def test_a_known_defect_is_expected_and_one_that_was_mended_is_told(copy: Path) -> None:
    told = contract(copy, known=True)
    assert failed(told) == {"test_known_defects_are_still_there[fake:wrong-result]"}, told
    assert "not seen any more: fake does not stop; take it out of known_defects" in told
    expected = r"^XFAIL \S+::test_drained_tasks_pass\[fake:wrong-result-results\] - (.+)$"
    assert re.findall(expected, told, re.MULTILINE) == [
        "fake is off by one (known, backends/fake/NOTES.md)"
    ]
