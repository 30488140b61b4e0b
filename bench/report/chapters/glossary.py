"""What the metrics and signs of a report mean, of those that it shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.report.limits import RULE
from bench.report.parts import Report
from bench.report.sections import Items, Section
from bench.report.wording import METRICS, base_name, unit_text, words


def section(report: Report, shown: Iterable[str]) -> Section | None:
    """An entry for each metric, then the signs; ``None`` where nothing is shown.

    Args:
        shown: metrics, in the order in which they are met.
    """
    entries = [*_metrics(list(shown)), *_signs(report)]
    return Section("Glossary", [Items(entries)]) if entries else None


def _metrics(shown: list[str]) -> Iterator[str]:
    named = {base_name(metric): metric for metric in reversed(shown)}
    for base in dict.fromkeys(map(base_name, shown)):
        unit = unit_text(named[base])
        told = f"{words(named[base])}{f' ({unit})' if unit else ''}"
        yield f"{told}: {METRICS.get(base, 'no entry')}"


def _signs(report: Report) -> Iterator[str]:
    if report.tables:
        yield "p50, p95, p99, p99.9: half, 95%, 99%, 99.9% of a round's samples are at most this"
        yield "[low, high]: interval of the mean over rounds, for 95%"
        yield "1.83x: 1.83 times the baseline's value; of times and delays, below 1x is better"
        yield "#: rank: 1, and how many have a better one"
    if any(row.shared for table in report.tables for row in table.rows):
        yield (
            "=2: the rank of several, none of which can be told from the first of them; two others "
            'of them may differ, as "each against each" tells'
        )
    if any(table.has_limits for table in report.tables):
        yield RULE
