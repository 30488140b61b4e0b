"""The report as GitHub-flavoured Markdown that also reads as plain text."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from itertools import groupby

from bench.report.limits import RULE
from bench.report.parts import NO_DIFFERENCE, FailedCheck, Measure, Report, Row, Table
from bench.report.sections import Section
from bench.report.wording import (
    LOADS,
    METRICS,
    TWIN,
    base_name,
    factor,
    label,
    label_with_unit,
    number,
    plural,
    words,
)
from bench.report.wording import unit_text as unit_of
from scenarios import all_scenarios

#: Cells wider than this are not padded: one long reason must not stretch every line.
PAD_TO = 44


def render(report: Report) -> str:
    """The text of ``report.md``."""
    parts = [
        *_top(report),
        *_results(report),
        *(line for section in report.sections for line in _section(section)),
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
    lacking = "" if report.is_measured else " The measurement is not complete."
    return [
        f"# Task queue benchmark: {escape(report.run_id)}",
        "",
        *_list("In short", report.findings),
        escape(f"Profile {facts['profile']}, {when}, {where}. {report.summary}.{lacking}"),
        "",
    ]


def _results(report: Report) -> list[str]:
    if not report.tables:
        return []
    lines = [
        "## Results",
        "",
        "Values are medians over rounds, with an interval where there are 3 rounds or more. "
        f"Compared with {report.baseline}: value / its value, paired by round; "
        '"no difference" where the interval of that ratio holds 1 or the ratio is within the '
        "noise floor. Rows without a rank did not end well or gave too few samples; the verdict "
        "tells why. Metrics are explained at the end.",
        "",
        *_unranked(report),
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


def _unranked(report: Report) -> list[str]:
    """What the rows that are never ranked are, where there are any."""
    kinds = {row.kind for table in report.tables for row in table.rows}
    told = []
    if "twin" in kinds:
        told.append(
            f"{report.baseline}{TWIN} is the baseline measured a second time: what differs "
            "between the two is noise."
        )
    if "limit" in kinds:
        told.append(
            "Rows marked limit are no queues to choose but the least that a queue on this server "
            'can cost; "of floor" is what a value is of that.'
        )
    return [" ".join(told), ""] if told else []


def _section(section: Section) -> list[str]:
    lines = [f"## {section.title}", "", escape(section.lead), ""]
    if section.picture:
        lines += [f"![{section.picture.told}]({section.picture.name})", ""]
    for table in section.grids:
        lines += [f"#### {escape(table.caption)}", ""] if table.caption else []
        lines += grid(table.head, table.rows, table.right)
        lines += [escape(table.note), ""] if table.note else []
    return lines


def _table(table: Table, baseline: str) -> list[str]:
    chain = "length" in table.params
    head = ["#", "variant", "version", label_with_unit(table.headline), f"vs {baseline}"]
    head += ["of floor"] if table.has_limits else []
    head += [label_with_unit(column) for column in table.columns]
    numbers = range(3, len(head))
    head += ["verdict", "ack, delivery"]
    head += ["tasks at once by"] if table.concurrency > 1 else []
    head += ["chain by"] if chain else []
    rows = [_row(table, row, chain=chain) for row in table.rows]
    unit = f", {unit_of(table.headline)}" if unit_of(table.headline) else ""
    return [
        f"#### {table.caption}",
        "",
        f"Ranked by {label(table.headline)}{unit}, {table.better} is better; "
        f"{plural(table.planned, 'round')}."
        + (" Each row is offered a rate of its own." if "offered" in table.params else ""),
        "",
        *grid(head, rows, right=(0, *numbers)),
        *_noise(table),
        *_problems(table),
    ]


def _problems(table: Table) -> list[str]:
    """Why rows are not ranked, below the table: a reason is longer than a cell should be."""
    told = [escape(f"- {row.variant}: {row.problem}") for row in table.rows if row.problem]
    return [*told, ""] if told else []


def _noise(table: Table) -> list[str]:
    if table.noise is None:
        return []
    return [f"Noise floor here: {factor(table.noise)}: smaller differences are not claimed.", ""]


def _row(table: Table, row: Row, *, chain: bool) -> list[str]:
    ratio = row.ratio_text
    if ratio == NO_DIFFERENCE and row.ratio:
        ratio += row.ratio.figures.partition("x")[2] if row.ratio.has_interval else ""
    cells = [
        row.place,
        row.variant,
        row.version or "-",
        row.headline.text if row.headline else "-",
        ratio,
        *([row.limit or "-"] if table.has_limits else []),
        *(_short(measure) for measure in row.columns),
        row.brief,
        f"{row.how.ack}, {row.how.delivery}",
    ]
    cells += [row.how.concurrency] if table.concurrency > 1 else []
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
        if not name.endswith(TWIN)
    ]
    if not rows:
        return []
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
    shown = [m for table in report.tables for m in (table.headline, *table.columns)]
    shown += [metric for section in report.sections for metric in section.metrics]
    named = {base_name(metric): metric for metric in reversed(shown)}
    order = dict.fromkeys(map(base_name, shown))
    lines = [_entry(base, named[base]) for base in order]
    if report.tables:
        lines += [
            "p50, p95, p99, p99.9: half, 95%, 99%, 99.9% of a round's samples are at most this",
            "[low, high]: interval of the median over rounds, for 95%",
            "1.83x: 1.83 times the baseline's value; of times and delays, below 1x is better",
            "#: rank by the value; neighbours may be no different",
        ]
    if any(table.noise for table in report.tables):
        lines.append(
            "noise floor: how far the baseline and its second measurement were apart; a smaller "
            "ratio is no difference, whatever its interval"
        )
    if any(table.has_limits for table in report.tables):
        lines.append(RULE)
    return _list("Glossary", lines)


def _entry(base: str, metric: str) -> str:
    unit = unit_of(metric)
    return f"{words(metric)}{f' ({unit})' if unit else ''}: {METRICS.get(base, 'no entry')}"
