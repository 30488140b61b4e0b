"""What the pages for Windows' users tell of figures is in the committed runs, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.record.store import open_run

ROOT = Path(__file__).resolve().parent.parent.parent
#: Windows' loop on Linux, Windows CPython under Wine, versions side by side.
RUNS = ("windows-reference", "windows-wine", "versions")
ANSWERS = {
    "docs/windows.md": ("## The answer", "## What a pool"),
    "docs/windows.ru.md": ("## Ответ", "## Чего пул"),
}
README = ("## On Windows", "## Exit codes")
#: Counts of what is asked for: tasks at once, a window, seconds of a wait, a rate, a multiplier.
SAID = {"1", "2", "4", "8", "16", "64", "10", "20", "100"}


def figures(text: str) -> list[str]:
    """Numbers that are measured: not those of names (`w1@%h`) or of code."""
    plain = re.sub(r"`[^`]*`|\]\([^)]*\)", "", text)
    return re.findall(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?", plain)


def answer(document: str) -> str:
    text = (ROOT / document).read_text(encoding="utf-8")
    begin, end = ANSWERS.get(document, README)
    return text[text.index(begin) : text.index(end)]


@pytest.fixture(scope="module")
def known() -> set[str]:
    reports = "".join(
        (ROOT / "results" / run / "report.md").read_text(encoding="utf-8") for run in RUNS
    )
    return set(figures(reports)) | SAID


@pytest.mark.parametrize("document", [*ANSWERS, "README.md"])
def test_each_figure_of_the_answer_is_in_a_committed_run(document: str, known: set[str]) -> None:
    told = figures(answer(document))
    assert set(told) - SAID
    assert [figure for figure in told if figure not in known] == []


def test_both_languages_tell_the_same_figures() -> None:
    english, russian = (sorted(set(figures(answer(document)))) for document in ANSWERS)
    assert english == russian


@pytest.mark.parametrize("run", RUNS)
def test_a_committed_run_is_of_committed_code_and_has_no_raw_events(run: str) -> None:
    folder = open_run(ROOT / "results" / run)
    assert folder.read_run()["code"]["dirty"] is False
    assert not folder.leases.exists()
