from __future__ import annotations

import re

import pytest
from small_runs import SmallRun, mixed, told

from bench.report import write_reports
from bench.report.formats.markdown import WIDTH, escape, render, table
from bench.report.model import load_report
from bench.system.words import quoted

#: Told with each reason: what the log ended with, its credentials masked and escaped.
LOG = r" (last line of the log: amqp://\*\*\*@h/)"


def cells(line: str) -> list[str]:
    """The cells of a table's line as GitHub splits them."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_special_characters_show_as_they_are():
    assert escape("a|b") == r"a\|b"
    assert escape("C:\\x <b> *y* `z`\nnext") == r"C:\\x \<b> \*y\* \`z\` next"


def test_acknowledging_late_and_delivering_at_most_once_are_shown_apart(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.0, 2.0, 3.0])
    promised = run.variants["slow:base"]["semantics"]
    run.variants["slow:base"]["semantics"] = promised | {"delivery": "at most once"}
    text = render(load_report(run.write()))
    (how,) = (row for row in map(cells, text.splitlines()) if row[3:5] == ["late", "at most once"])
    assert how[0] == "slow:base"


def test_tables_are_aligned_and_every_line_has_the_same_cells():
    lines = table(("name", "n"), [("a|b", "1"), ("longer", "1,000")], right=(1,))
    assert lines == [
        "| name   |     n |",
        "| ------ | ----: |",
        "| a\\|b   |     1 |",
        "| longer | 1,000 |",
        "",
    ]


def test_one_long_cell_does_not_stretch_the_others():
    lines = table(("name",), [("x" * 200,), ("y",)])
    assert len(lines[3]) < 60
    assert "x" * 200 in lines[2]


def test_every_row_of_every_table_has_as_many_cells_as_its_head(tmp_path):
    text = render(load_report(mixed(tmp_path / "run")))
    width = 0
    for line in text.splitlines():
        width = 0 if not line.startswith("|") else width or len(cells(line))
        assert not width or len(cells(line)) == width


def test_the_results_come_before_the_circumstances(tmp_path):
    text = render(load_report(mixed(tmp_path / "run")))
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert heads == [
        "In short",
        "Results",
        "Each against each",
        "Failed checks",
        "Warnings",
        "Machine, server, versions",
        "How each variant works",
        "Settings that are not the libraries' defaults",
        "How to repeat this run",
        "Glossary",
    ]


def test_numbers_and_verdicts_stand_in_one_row_and_reasons_below(tmp_path):
    lines = render(load_report(mixed(tmp_path / "run"))).splitlines()
    start = lines.index("#### add, drain, concurrency 4")
    found = {cells(line)[1]: cells(line) for line in lines[start + 4 : start + 14] if line}
    assert found["quick"][:4] == ["1", "quick", "210 [180, 245]", "2.00x [1.89, 2.12]"]
    assert found["alike"][3].startswith("no difference [")
    assert found["loses"][4] == "FAIL: lost 8, repeated 1"
    assert found["broken"][4] == "failed, 0 of 3 rounds ok"
    assert found["hangs"][4] == "pass; timeout, 2 of 3 rounds ok"
    assert found["later"][4].startswith("not run")
    assert r"- broken: failed: exit code 1 \| see log (3 of 3 rounds)" + LOG in lines
    assert "- hangs: timeout: not done within 6 s (1 of 3 rounds)" + LOG in lines


def test_failed_checks_have_examples_and_say_where_the_rest_is(tmp_path):
    text = render(load_report(mixed(tmp_path / "run")))
    assert "task 4: never ran; 3 more in verdicts.csv" in text
    assert "task 5: never ran" not in text


def test_what_all_tables_would_repeat_is_told_once(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.0]).cell("quick", [1.0])
    run.cell("slow:base", [1.0], scenario="chain", load="closed", params={"length": 2})
    lines = render(load_report(run.write())).splitlines()
    start = lines.index("## How each variant works")
    assert cells(lines[start + 2])[:4] == ["variant", "version", "N tasks at once", "ack"]
    assert cells(lines[start + 4]) == [
        *("slow:base", "1.2.3", "1 x N", "late", "at least once", "Redis, 1 h")
    ]
    assert "- chain, slow:base, quick: pipeline: the worker sends the next" in lines
    assert sum("at least once" in line for line in lines) == 2


@pytest.mark.parametrize("concurrencies", [(4,), (1, 2, 4)])
def test_no_table_is_wider_than_a_page(concurrencies):
    lines = [line for line in render(told(*concurrencies)).splitlines() if line.startswith("|")]
    assert max(map(len, lines)) <= WIDTH


def test_columns_that_do_not_fit_follow_with_the_names(tmp_path):
    run = SmallRun(tmp_path / "run")
    for name in ("slow:base", "celery:threads+prefetch-1+warning-log"):
        run.cell(name, [1e6, 1.3e6, 1.1e6], metrics={"longest_stall_ms": [1.0] * 3})
    lines = render(load_report(run.write())).splitlines()
    start = lines.index("#### add, drain, concurrency 4")
    heads = [cells(line) for line in lines[start:] if line.startswith("|") and "variant" in line]
    assert heads[0][-1] == "verdict"
    assert heads[1] == ["variant", "enqueue p50, us", "longest stall, ms"]


def test_versions_settings_and_how_to_repeat_are_there(tmp_path):
    text = render(load_report(mixed(tmp_path / "run")))
    assert "- quick 1.2.3, with lib 1.2.3, other 4.5" in text
    assert r"- --size\|s = 1 (default: 8): one \| two" in text
    assert "seed 7" in text
    assert "commit abc123" in text
    assert "- throughput (tasks/s): " in text
    assert "- longest stall (ms): " in text
    assert "- hop" not in text  # no such column here


def test_passwords_are_not_there(tmp_path):
    text = render(load_report(mixed(tmp_path / "run")))
    assert "hunter2" not in text
    assert f"bench run small --redis-url {quoted('redis://***@host:6379/0')}" in text


def test_the_report_is_written_without_events(tmp_path):
    folder = mixed(tmp_path / "run")
    assert not folder.leases.exists()
    write_reports(folder)
    text = (folder.path / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Task queue benchmark: run\n")
    assert text.endswith("\n")
    assert not re.search(r"\n\n\n", text)


def test_a_run_without_trials_has_a_report(tmp_path):
    run = SmallRun(tmp_path / "run", status="interrupted").cell("slow:base", rounds=3)
    folder = run.write()
    write_reports(folder)
    text = (folder.path / "report.md").read_text(encoding="utf-8")
    assert "0 of 3 trials ok (3 not run)" in text
