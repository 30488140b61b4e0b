"""The whole report in its order: what every format draws from the first line to the last."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report.chapters import circumstances, glossary, results
from bench.report.parts import Report
from bench.report.sections import Items, Section

#: Violations that are shown of each failed check; the rest is in ``verdicts.csv``.
EXAMPLES = 5


@dataclass(frozen=True)
class Document:
    """Title, a paragraph of what this is, and the chapters."""

    title: str
    lead: str
    sections: tuple[Section, ...]


def document(report: Report) -> Document:
    """The report as chapters."""
    facts, host = report.facts, report.facts["host"]
    when = facts["started_at"][:10]
    where = f"{host.get('cpu', 'unknown processor')}, {host.get('cores', '?')} cores"
    where += f", {facts['guest']}" if facts.get("guest") else ""
    lacking = "" if report.is_measured else " The measurement is not complete."
    return Document(
        f"Task queue benchmark: {report.run_id}",
        f"Profile {facts['profile']}, {when}, {where}. {report.summary}.{lacking}",
        tuple(_sections(report)),
    )


def _sections(report: Report) -> list[Section]:
    tables = results.section(report)
    shown = [*([tables] if tables else []), *report.sections]
    failed = [check.told(EXAMPLES) for check in report.verdicts]
    words = glossary.section(report, [metric for one in shown for metric in one.metrics])
    return [
        *_listed("In short", report.findings),
        *shown,
        *_listed("Failed checks", failed),
        *_listed("Warnings", report.warnings),
        *circumstances.sections(report),
        *([words] if words else []),
    ]


def _listed(title: str, sentences: tuple[str, ...] | list[str]) -> list[Section]:
    return [Section(title, [Items(sentences)])] if sentences else []
