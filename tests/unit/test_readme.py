"""README's numbers are those of the committed reference run; its links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from bench.record.store import open_run
from bench.report.model import load_report
from bench.report.parts import Report
from bench.report.wording import number

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


REFERENCE = ROOT / "results" / "reference"

#: The table's further columns, from ``summary.csv``: scenario, load, concurrency, parameters
#: that tell such cells apart, metric.
COLUMNS = (
    ("add", "closed", 1, {}, "round_trip_ms_p50"),
    ("add", "open", 4, {"rate_per_s": 50.0}, "latency_ms_p95"),
    ("add", "drain", 4, {}, "redis_commands_per_task"),
    ("add", "drain", 4, {}, "cpu_ms_per_task:worker"),
    ("flaky", "open", 4, {"rate_per_s": 8.0}, "retry_lateness_ms_max"),
    ("notification", "burst", 4, {}, "share_of_ideal"),
)


@pytest.fixture(scope="module")
def report() -> Report:
    return load_report(open_run(REFERENCE))


@pytest.fixture(scope="module")
def summary() -> dict[tuple[object, ...], float]:
    """Values of the reference run by variant, scenario, load, concurrency, parameter, metric."""
    table = pd.read_csv(REFERENCE / "summary.csv")
    found = {}
    for row in table.itertuples():
        params = json.loads(row.params)
        rate = {name: params[name] for name in ("rate_per_s",) if name in params}
        place = (row.variant, row.scenario, row.load, row.concurrency, str(rate), row.metric)
        if "offered" not in params and params.get("length", 2) == 2:
            found[place] = row.value
    return found


def rows_of(report: Report, summary: dict[tuple[object, ...], float]) -> list[str]:
    """The table's rows as they have to be."""
    (table,) = (t for t in report.tables if t.caption == "add, drain, concurrency 4")
    failed: dict[str, dict[str, None]] = {}
    for each in report.tables:
        for row in each.rows:
            failed.setdefault(row.variant, {}).update(dict.fromkeys(row.failed))
    lines = []
    for row in table.rows:
        assert row.headline
        cells = [f"{row.variant} {row.version}", number(row.headline.value)]
        cells += [row.ratio_text, row.limit]
        for scenario, load, concurrency, rate, metric in COLUMNS:
            value = summary.get((row.variant, scenario, load, concurrency, str(rate), metric))
            cells.append("-" if value is None else number(value))
        checks = failed[row.variant]
        cells.append(f"FAIL: {', '.join(checks)}" if checks else "pass")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def test_its_table_has_the_reference_runs_figures(
    report: Report, summary: dict[tuple[object, ...], float]
) -> None:
    rows = [line for line in README.splitlines() if re.match(r"\| \S+ (\(A/A\) )?\d\S* \|", line)]
    assert rows == rows_of(report, summary)


def test_each_figure_in_its_sentences_is_in_the_reference_run(report: Report) -> None:
    """Rounded as the report rounds them: a number that is nowhere there is out of date."""
    text = (REFERENCE / "report.md").read_text(encoding="utf-8")
    known = set(re.findall(r"\d[\d,.]*\d|\d", text))
    short = README[README.index("In short") : README.index("On Windows first")]
    points = README[README.index("- **No variant") : README.index("Exit code 1")]
    told = re.findall(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?", short + points)
    assert len(told) > 15
    assert [figure for figure in told if figure not in known] == []


def test_the_reference_run_is_of_committed_code_and_has_no_raw_events() -> None:
    assert open_run(REFERENCE).read_run()["code"]["dirty"] is False
    assert not (REFERENCE / "leases").exists()


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
