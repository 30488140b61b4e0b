"""README's numbers are those of the committed reference run; its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.report.model import load_report
from bench.report.wording import number
from bench.store import open_run

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def drained() -> dict[str, tuple[str, str]]:
    """Per variant its throughput and ratio in the reference run, at concurrency 4."""
    report = load_report(open_run(ROOT / "results" / "reference"))
    (table,) = (t for t in report.tables if t.caption == "add, drain, concurrency 4")
    return {
        row.variant: (number(row.headline.value), row.ratio_text)
        for row in table.rows
        if row.headline
    }


def test_its_table_has_the_reference_runs_figures(drained: dict[str, tuple[str, str]]) -> None:
    rows = re.findall(r"^\| (\S+) [\d.]+ \| ([\d,.]+) \| ([^|]+) \|", README, re.MULTILINE)
    assert {name: (value, ratio) for name, value, ratio in rows} == drained


def test_the_reference_run_is_of_committed_code_and_has_no_raw_events() -> None:
    reference = ROOT / "results" / "reference"
    assert open_run(reference).read_run()["code"]["dirty"] is False
    assert not (reference / "leases").exists()


@pytest.mark.parametrize(
    "document", ["README.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]
)
def test_its_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    for link in links:
        assert (path.parent / link).exists(), link


def test_it_holds_the_two_commands() -> None:
    assert "python -m pip install -e . && python -m bench run quick\n" in README
    assert 'python -m pip install -e ".[dev]" && python -m pytest\n' in README
