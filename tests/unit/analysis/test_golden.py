"""Results written by earlier versions stay readable, and mean what they meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from bench.analysis.tables import SUMMARY_COLUMNS, VERDICT_COLUMNS, analyse
from bench.record.store import open_run
from bench.report import write_reports
from bench.report.model import load_report

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
RUNS = sorted(path.parent for path in GOLDEN.glob("*/run.json"))


def test_there_is_one_for_each_schema_version() -> None:
    versions = {open_run(path).read_run()["schema_version"] for path in RUNS}
    assert versions == {1}


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_its_columns_are_the_contract(path: Path) -> None:
    assert list(pd.read_csv(path / "summary.csv").columns) == SUMMARY_COLUMNS
    assert list(pd.read_csv(path / "verdicts.csv").columns) == VERDICT_COLUMNS


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_a_report_can_be_written_from_it(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    shutil.copytree(path, copy)
    shutil.rmtree(copy / "leases")
    report = load_report(open_run(copy))
    assert report.tables
    write_reports(open_run(copy))
    text = (copy / "report.md").read_text(encoding="utf-8")
    for variant in {row.variant for table in report.tables for row in table.rows}:
        assert variant in text


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_its_numbers_come_out_of_its_events_again(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    shutil.copytree(path, copy)
    for name in ("rounds", "summary", "verdicts"):
        (copy / f"{name}.csv").unlink()
    analyse(open_run(copy))
    for name in ("rounds", "summary", "verdicts"):
        again, before = (_kept(pd.read_csv(run / f"{name}.csv")) for run in (copy, path))
        pd.testing.assert_frame_equal(again, before, rtol=1e-9)


def _kept(table: pd.DataFrame) -> pd.DataFrame:
    """Without what has changed since: how an interval is made is not part of the schema, a value of
    the summary is the mean (of logarithms) over rounds that was the median, times
    that end with a result are told of callers that wait for it only, those of a drain that hold
    the workers' start of none, and stalls not only of drains, and counted."""
    if "ci_low" in table:  # only the summary has them
        table = table.drop(columns=["value", "ci_low", "ci_high"])
    if "metric" in table:
        waited = table["metric"].str.startswith(("round_trip_ms", "result_delivery_ms"))
        table = table[~waited | (table["load"] == "closed")]
        table = table[(table["metric"] != "longest_stall_ms") | (table["load"] == "drain")]
        table = table[~table["metric"].isin(["consumer_stalls", "stalled_share"])]
        held_up = table["metric"].str.startswith(("queue_wait_ms", "end_to_end_ms"))
        table = table[~held_up | (table["load"] != "drain")]
    return table.reset_index(drop=True)
