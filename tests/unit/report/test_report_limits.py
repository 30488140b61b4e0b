"""What a value is of the limit, measured or borrowed."""

from __future__ import annotations

import re

from small_runs import SmallRun, thrice, told

from bench.report.formats.markdown import render
from bench.report.model import load_report

OPEN = {"service_s": 0.0, "arrival": "poisson"}


def limited(path):
    """Limits that drain 1000 and 800 tasks/s, at best with a latency of 0.5 ms."""
    run = SmallRun(path)
    for name, rate, latency in (("bare:one", 1000.0, 0.5), ("bare:many", 800.0, 0.6)):
        run.cell(name, thrice(rate), is_floor=True)
        for share in (0.5, 0.8):
            metrics = {
                "latency_ms_p50": thrice(latency * 2 * share),
                "offered_tasks_per_s": thrice(share * rate),
            }
            params = {**OPEN, "offered": share}
            run.cell(name, thrice(9.0), load="open", params=params, metrics=metrics, is_floor=True)
    return run


def limits(run):
    report = load_report(run.write())
    return {(t.scenario, t.load, row.variant): row.limit for t in report.tables for row in t.rows}


def test_a_limit_stands_last_without_a_rank_and_makes_no_finding():
    report = told(4)
    table = report.tables[0]
    assert [row.place for row in table.rows[-2:]] == ["limit", "limit"]
    assert not any(row.variant.startswith("bare") for row in table.ranked)
    assert not any("bare" in line for line in report.findings)


def test_throughputs_are_shares_and_times_are_multiples_of_the_best_limit(tmp_path):
    run = limited(tmp_path / "run").cell("slow:base", thrice(120.0))
    params = {**OPEN, "offered": 0.5}
    found = limits(run.cell("slow:base", thrice(27.0), load="open", params=params))
    assert found["add", "drain", "slow:base"] == "12%"
    assert found["add", "drain", "bare:one"] == "100%"
    assert found["add", "drain", "bare:many"] == "80%"
    assert found["add", "open", "slow:base"] == "3.0x"


def test_where_there_is_no_such_limit_it_is_borrowed_and_marked(tmp_path):
    run = limited(tmp_path / "run").cell("slow:base", thrice(4.0), load="closed")
    params = {"length": 5, "service_s": 0.0}
    run.cell("slow:base", thrice(10.0), scenario="chain", load="closed", params=params)
    late = {"service_s": 0.0, "retry_delay_s": 0.5}
    run.cell("slow:base", thrice(3.0), scenario="flaky", load="burst", params=late)
    run.cell("slow:base", thrice(50.0), scenario="notification", load="burst", params={})
    found = limits(run)
    assert found["add", "closed", "slow:base"] == "~8.0x"  # 4 ms of 0.5 ms
    assert found["chain", "closed", "slow:base"] == "~4.0x"  # 10 ms of 5 x 0.5 ms
    assert found["notification", "burst", "slow:base"] == "~5.0%"
    assert found["flaky", "burst", "slow:base"] == "-"


def test_where_the_limit_was_invalid_at_an_open_load_its_lowest_load_is_borrowed(tmp_path):
    run = limited(tmp_path / "run")
    params = {**OPEN, "offered": 0.95}
    for name in ("bare:one", "bare:many"):
        late = [("invalid", "the generator ran late")] * 2
        run.cell(name, [9.0], load="open", params=params, bad=late, is_floor=True)
    run.cell("slow:base", thrice(36.0), load="open", params=params)
    (row,) = (
        row
        for table in load_report(run.write()).tables
        for row in table.rows
        if (row.variant, table.load) == ("slow:base", "open")
    )
    assert row.limit == "~4.0x"  # 36 ms of 9 ms at half its drain


def test_a_limit_of_another_concurrency_or_that_failed_is_none(tmp_path):
    run = SmallRun(tmp_path / "run").cell("bare", thrice(1000.0), is_floor=True, concurrency=1)
    run.cell("bare", [999.0], bad=[("failed", "no")] * 2, is_floor=True)
    run.cell("slow:base", thrice(10.0))
    assert limits(run)["add", "drain", "slow:base"] == "-"


def test_a_limit_that_cannot_do_it_is_borrowed_as_if_it_were_not_there(tmp_path):
    run = limited(tmp_path / "run").cell("slow:base", thrice(4.0), load="closed")
    run.cell("bare:one", bad=[("unsupported", "keeps no results")] * 3, load="closed")
    assert limits(run)["add", "closed", "slow:base"] == "~8.0x"


def test_the_column_is_in_every_table_and_the_rule_in_the_glossary():
    report = told(4)
    text = render(report)
    heads = re.findall(r"^\|.* of floor \|.*$", text, re.MULTILINE)
    assert len(heads) == len(report.tables)
    assert "- of floor: " in text


def test_a_variant_is_seen_against_a_limit_with_the_same_parser(tmp_path):
    """Where there is none, or nothing is known of parsers, against the best."""
    run = limited(tmp_path / "run")
    run.cell("quick:c", thrice(200.0)).cell("slow:base", thrice(200.0))
    run.cell("other:x", thrice(200.0))
    parsers = {"bare:one": "hiredis", "bare:many": "redis-py"}
    parsers |= {"quick:c": "hiredis", "slow:base": "redis-py"}
    for name, parser in parsers.items():
        run.variants[name]["parser"] = parser
    found = limits(run)
    assert found["add", "drain", "quick:c"] == "20%"
    assert found["add", "drain", "slow:base"] == "25%"
    assert found["add", "drain", "other:x"] == "20%"
