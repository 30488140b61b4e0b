"""README's numbers are those of the committed reference run; its links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from bench.record.store import open_run
from bench.report.formats.markdown import escape
from bench.report.model import load_report
from bench.report.parts import Report
from bench.report.wording import number

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


REFERENCE = ROOT / "results" / "reference"
FULL = "add, drain, concurrency 4"

#: The table's further columns, from ``summary.csv``: scenario, load, rate, metric.
COLUMNS = (
    ("add", "closed", None, "round_trip_ms_p50"),
    ("add", "open", 100.0, "latency_ms_p95"),
    ("add", "drain", None, "redis_commands_per_task"),
    ("add", "drain", None, "cpu_ms_per_task:worker"),
    ("flaky", "open", 8.0, "retry_lateness_ms_max"),
)


@pytest.fixture(scope="module")
def report() -> Report:
    return load_report(open_run(REFERENCE))


@pytest.fixture(scope="module")
def summary() -> dict[tuple[object, ...], float]:
    """Values of the reference run by variant, scenario, load, rate and metric."""
    table = pd.read_csv(REFERENCE / "summary.csv")
    return {
        (
            *(row.variant, row.scenario, row.load),
            json.loads(row.params).get("rate_per_s"),
            row.metric,
        ): row.value
        for row in table.itertuples()
    }


def rows_of(report: Report, summary: dict[tuple[object, ...], float]) -> list[str]:
    """The table's rows as they have to be."""
    (table,) = (t for t in report.tables if t.caption == FULL)
    failed: dict[str, dict[str, None]] = {}
    for each in report.tables:
        for row in each.rows:
            failed.setdefault(row.variant, {}).update(dict.fromkeys(row.cell.failed))
    lines = []
    for row in table.rows:
        assert row.headline
        ratio = row.ratio_text.replace("no difference", "=")
        cells = [row.variant, row.place, number(row.headline.value), ratio]
        for scenario, load, rate, metric in COLUMNS:
            value = summary.get((row.variant, scenario, load, rate, metric))
            cells.append("-" if value is None else number(value))
        checks = failed[row.variant]
        cells.append(", ".join(checks) if checks else "pass")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def paragraphs(text: str) -> list[str]:
    """List items with their lines joined."""
    return [" ".join(item.split()) for item in re.split(r"\n+- |\n\n", text) if item.strip()]


def test_its_first_sentences_are_the_findings_of_the_reference_run(report: Report) -> None:
    told = paragraphs(README)
    assert report.findings
    assert [finding for finding in report.findings if escape(finding) not in told] == []
    assert README.index("Throughput (") < README.index("bench run quick")


def test_its_table_has_the_reference_runs_figures(
    report: Report, summary: dict[tuple[object, ...], float]
) -> None:
    lines = README.splitlines()
    rows = [line for line in lines if re.match(r"\| \w+:?\w* (\(A/A\) )?\|", line)]
    assert rows[0].startswith("| variant |")
    assert rows[1:] == rows_of(report, summary)


def test_it_fits_a_page() -> None:
    assert [line for line in README.splitlines() if len(line) > 120] == []


def test_each_figure_in_its_sentences_is_in_the_reference_run() -> None:
    """Rounded as the report rounds them: a number that is nowhere there is out of date."""
    text = (REFERENCE / "report.md").read_text(encoding="utf-8")
    known = set(re.findall(r"\d[\d,.]*\d|\d", text))
    points = README[README.index("What it means") : README.index("## On Windows")]
    told = re.findall(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?", points)
    assert len(told) > 5
    assert [figure for figure in told if figure not in known] == []


def test_the_reference_run_is_of_committed_code_and_has_no_raw_events() -> None:
    assert open_run(REFERENCE).read_run()["code"]["dirty"] is False
    assert not (REFERENCE / "leases").exists()


@pytest.mark.parametrize(
    "document", ["README.md", *(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md"))]
)
def test_its_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    for link in links:
        assert (path.parent / link).exists(), link


def test_it_holds_the_two_commands() -> None:
    assert "python -m pip install -e . && python -m bench run quick\n" in README
    assert 'python -m pip install -e ".[dev]" && python -m pytest\n' in README
