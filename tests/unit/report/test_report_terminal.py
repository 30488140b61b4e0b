from __future__ import annotations

import io

import pytest
from rich.console import Console
from small_runs import SmallRun, mixed, thrice, told

from bench.report.formats.terminal import print_report
from bench.report.model import load_report
from bench.report.parts import Report


def printed(report: Report, width: int = 80, *, terminal: bool = False) -> str:
    out = io.StringIO()
    print_report(report, Console(file=out, width=width, force_terminal=terminal, color_system=None))
    return out.getvalue()


def test_nothing_is_cut_in_80_columns(tmp_path):
    report = load_report(mixed(tmp_path / "run"))
    text = printed(report, terminal=True)
    for table in report.tables:
        for row in table.rows:
            line = next(line for line in text.splitlines() if f"  {row.variant}  " in line)
            assert row.ratio_text in line
            if row.headline:
                assert row.headline.text.partition(" ")[0] in line
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_long_name_with_wide_values_is_kept_whole(tmp_path, width, terminal):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.234e6, 1.3e6, 1.1e6])
    name = "celery@5.3.4rc1:eventlet-with-a-name"
    run.cell(name, [123.4e6, 130e6, 110e6])
    text = printed(load_report(run.write()), width, terminal=terminal)
    lines = [line for line in text.splitlines() if name in line]
    assert any("121,000,000" in line and "100x [100, 100]" in line for line in lines)


def test_failures_and_their_reasons_are_told(tmp_path):
    text = printed(load_report(mixed(tmp_path / "run")))
    assert "broken: failed: exit code 1 | see log (3 of 3 rounds)" in text
    assert "hangs: timeout: not done within 6 s (1 of 3 rounds)" in text
    assert "later: not run: the run ended before its turn" in text
    assert "FAIL: lost 8" in text
    assert "loses in add, drain, concurrency 4: lost 8" in text
    assert "6 more in verdicts.csv" in text


def test_it_ends_with_the_findings_the_path_and_what_to_type_next(tmp_path):
    report = load_report(mixed(tmp_path / "run"))
    path = tmp_path / "run"
    lines = printed(report).splitlines()
    last = lines.index("In short")
    assert lines[last - 2] == f"run: {report.summary}"
    assert lines[last + 1 :] == [
        *(f"  - {sentence}" for sentence in report.findings),
        "",
        f"report: {path / 'report.md'}",
        f"next: bench run --resume {path}    # measures what has not been run",
        f"next: bench compare slow:base quick --run {path}    # two variants side by side",
    ]


def test_sentences_are_wrapped_where_somebody_watches(tmp_path):
    report = load_report(mixed(tmp_path / "run"))
    assert max(map(len, report.findings)) > 80
    text = printed(report, terminal=True)
    told = text[text.index("In short") : text.index("report:")]
    assert max(map(len, told.splitlines())) <= 80
    assert " ".join(" - ".join(["In short", *report.findings]).split()) == " ".join(told.split())


def test_missing_rounds_are_told(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", [1.0], rounds=3)
    assert "1 of 3 rounds" in " ".join(printed(load_report(run.write())).split())


def test_markup_in_names_and_reasons_is_not_obeyed(tmp_path):
    run = SmallRun(tmp_path / "run").cell("slow:base", bad=[("failed", "[red]x[/red] [/oops]")])
    assert "[red]x[/red] [/oops]" in printed(load_report(run.write()))


def test_it_is_plain_ascii(tmp_path):
    run = mixed(tmp_path / "run")
    assert printed(load_report(run)).isascii()
    assert printed(load_report(run), terminal=True).replace("\x1b", "").isascii()


@pytest.mark.parametrize("concurrencies", [(4,), (1, 2, 4)])
def test_every_load_fits_into_80_columns(concurrencies):
    text = printed(told(*concurrencies), terminal=True)
    assert max(map(len, text.splitlines())) <= 80
    assert text.isascii()


def test_of_very_many_tables_the_speaking_ones_are_printed_and_every_problem(tmp_path):
    run = SmallRun(tmp_path / "run")
    for concurrency in range(1, 25):
        run.cell("slow:base", thrice(100.0), concurrency=concurrency)
    run.cell("breaks", bad=[("failed", "exit code 3")] * 3, concurrency=2)
    run.cell("loses", thrice(5.0), concurrency=2, failed={"lost": ["task 1: never ran"]})
    report = load_report(run.write())
    text = printed(report)
    assert "2 of 24 tables; all of them are in report.md" in text
    assert "add, drain, concurrency 1 (" in text
    assert "add, drain, concurrency 24 (" in text
    assert "add, drain, concurrency 2 (" not in text
    line = next(line for line in text.splitlines() if line.startswith("  - breaks: failed"))
    assert "exit code 3" in line
    assert line.endswith(": add, drain, concurrency 2")
    assert "loses in add, drain, concurrency 2: lost 1" in text
