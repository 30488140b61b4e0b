"""The report as GitHub-flavoured Markdown that also reads as plain text."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from itertools import groupby

from bench.report.parts import FailedCheck, Measure, Report, Row, Table
from bench.report.wording import METRICS, base_name, label, label_with_unit, number, plural
from bench.report.wording import unit_text as unit_of
from scenarios import all_scenarios

#: Cells wider than this are not padded: one long reason must not stretch every line.
PAD_TO = 44

LOADS = {
    "drain": "the queue is filled first, then the workers start",
    "closed": "as many callers as the concurrency, each waits for its result before the next",
    "burst": "everything is sent at once to running workers",
}


def render(report: Report) -> str:
    """The text of ``report.md``."""
    parts = [
        *_top(report),
        *_results(report),
        *_failing(report.verdicts),
        *_list("Warnings", report.warnings),
        *_circumstances(report),
        *_how(report),
        *_settings(report),
        *_reproduce(report),
        *_glossary(report),
    ]
    return "\n".join(parts).rstrip() + "\n"


def grid(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()
) -> list[str]:
    """A table's lines, its columns padded.

    Args:
        right: the columns that hold numbers.
    """
    cells = [[escape(cell) for cell in row] for row in (head, *rows)]
    numbers = set(right)
    widths = [
        max(3, *(min(len(row[column]), PAD_TO) for row in cells)) for column in range(len(head))
    ]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * (width - 1) + ":" if column in numbers else "-" * width
        for column, width in enumerate(widths)
    ]
    return [line(cells[0]), f"| {' | '.join(rule)} |", *map(line, cells[1:]), ""]


def escape(text: str) -> str:
    """``text`` so that it shows as it is within a line or a table's cell."""
    flat = " ".join(text.split())
    for special in ("\\", "|", "<", "*", "`"):
        flat = flat.replace(special, f"\\{special}")
    return flat


def _list(title: str, sentences: Iterable[str]) -> list[str]:
    lines = [f"- {escape(sentence)}" for sentence in sentences]
    return [f"## {title}", "", *lines, ""] if lines else []


def _top(report: Report) -> list[str]:
    facts, host = report.facts, report.facts["host"]
    when = facts["started_at"][:10]
    where = f"{host.get('cpu', 'unknown processor')}, {host.get('cores', '?')} cores"
    status = "all passed" if report.all_passed else "NOT all passed"
    return [
        f"# Task queue benchmark: {escape(report.run_id)}",
        "",
        escape(f"Profile {facts['profile']}, {when}, {where}. {report.summary}: {status}."),
        "",
        *_list("In short", report.headlines),
    ]


def _results(report: Report) -> list[str]:
    against = f"Compared with {report.baseline}: value / its value, paired by round; "
    lines = [
        "## Results",
        "",
        "Values are medians over rounds, with a bootstrap interval where there are 3 rounds "
        "or more. " + against + '"no difference" where the interval of that ratio holds 1. '
        "Rows without a rank did not end well or gave too few samples; the verdict tells why. "
        "Metrics are explained at the end.",
        "",
    ]
    for name, tables in groupby(report.tables, key=lambda table: table.scenario):
        lines += [f"### {name}", "", all_scenarios()[name].question, ""]
        told = ""
        for table in tables:
            if table.load != told:
                told = table.load
                lines += [f"Load {told}: {LOADS.get(told, '')}.", ""]
            lines += _table(table, report.baseline)
    return lines


def _table(table: Table, baseline: str) -> list[str]:
    chain = "length" in table.params
    head = ["#", "variant", "version", label_with_unit(table.headline), f"vs {baseline}"]
    head += [label_with_unit(column) for column in table.columns]
    head += ["verdict", "ack, delivery"]
    head += ["tasks at once by"] if table.concurrency > 1 else []
    head += ["chain by"] if chain else []
    rows = [_row(row, several=table.concurrency > 1, chain=chain) for row in table.rows]
    unit = f", {unit_of(table.headline)}" if unit_of(table.headline) else ""
    return [
        f"#### {table.caption}",
        "",
        f"Ranked by {label(table.headline)}{unit}, {table.better} is better; "
        f"{plural(table.planned, 'round')}.",
        "",
        *grid(head, rows, right=(0, *range(3, 5 + len(table.columns)))),
    ]


def _row(row: Row, *, several: bool, chain: bool) -> list[str]:
    ratio = row.ratio_text
    if row.ratio and row.ratio.no_difference:
        ratio += row.ratio.figures.partition("x")[2]
    cells = [
        "-" if row.rank is None else str(row.rank),
        row.variant,
        row.version or "-",
        row.headline.text if row.headline else "-",
        ratio,
        *(_short(measure) for measure in row.columns),
        row.state,
        f"{row.how.ack}, {row.how.delivery}",
    ]
    cells += [row.how.concurrency] if several else []
    return cells + ([row.how.chain_idiom] if chain else [])


def _short(measure: Measure | None) -> str:
    return number(measure.value) if measure else "-"


def _failing(verdicts: Sequence[FailedCheck]) -> list[str]:
    lines = []
    for failed in verdicts:
        more = f"; {failed.more} more in verdicts.csv" if failed.more > 0 else ""
        lines.append(
            f"{failed.variant} in {failed.caption}: {failed.check} {failed.violations} "
            f"(expected: {failed.expected}): {'; '.join(failed.examples)}{more}"
        )
    return _list("Failed checks", lines)


def _circumstances(report: Report) -> list[str]:
    host, redis = report.facts["host"], report.facts["redis"]
    lines = ["## Machine, server, versions", ""]
    lines += grid(
        ("of", "fact", "value"),
        [("machine", name.replace("_", " "), str(value)) for name, value in host.items()]
        + [("server", name.replace("_", " "), str(value)) for name, value in redis.items()],
    )
    for name, backend in report.facts["backends"].items():
        packages = ", ".join(f"{k} {v}" for k, v in backend["versions"].items())
        lines.append(escape(f"- {name} {backend['version']}, with {packages}"))
    return [*lines, ""]


def _how(report: Report) -> list[str]:
    head = ("variant", "N tasks at once", "ack", "delivery", "results", "retries", "chain")
    rows = [
        (name, how.concurrency, how.ack, how.delivery, how.results, how.retries, how.chain)
        for name, how in report.how.items()
    ]
    return ["## How each variant works", "", *grid(head, rows)]


def _settings(report: Report) -> list[str]:
    head = ("of", "setting", "value", "default", "why")
    rows = [(s.of, s.name, s.value, s.default, s.why) for s in report.settings]
    if not rows:
        return []
    return ["## Settings that are not the libraries' defaults", "", *grid(head, rows)]


def _reproduce(report: Report) -> list[str]:
    facts, code = report.facts, report.facts.get("code", {})
    lines = [
        "## How to repeat this run",
        "",
        "```",
        f"bench {shlex.join(facts['argv'])}",
        "```",
        "",
    ]
    told = f"Profile {facts['profile']}, seed {facts['seed']}, tuning {facts['tuning']}"
    if code.get("commit"):
        changed = " with changes that are in no commit" if code.get("dirty") else ""
        told += f", code at commit {code['commit']}{changed}"
    return [*lines, f"{told}.", ""]


def _glossary(report: Report) -> list[str]:
    shown = dict.fromkeys(m for table in report.tables for m in (table.headline, *table.columns))
    units = {base_name(metric): unit_of(metric) for metric in shown}
    lines = [
        f"{base.replace('_', ' ')}{f' ({unit})' if unit else ''}: {METRICS.get(base, 'no entry')}"
        for base, unit in units.items()
    ]
    lines += [
        "p50, p95, p99: half, 95 %, 99 % of a round's samples are at most this",
        "[low, high]: bootstrap interval of the median over rounds, nominally 95% "
        "(about 75% with 3 rounds)",
        "1.83x: 1.83 times the baseline's value; of times and delays, below 1x is better",
        "#: rank by the value; neighbours may be no different",
    ]
    return _list("Glossary", lines)
