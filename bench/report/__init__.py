"""A finished run told to people: on the terminal and as Markdown, both from one model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.record.store import RunFolder


def write_reports(run: RunFolder) -> None:
    """Write ``report.md`` and its pictures into the run folder.

    Raises:
        RunFolderError: a file of the run is missing or damaged, or the folder is read-only.
        DiskFull: no space left.
    """
    from bench.record.store import disk_errors, write_text
    from bench.report.formats import markdown
    from bench.report.model import load_report
    from bench.report.pictures.overview import overview

    report = load_report(run)
    with disk_errors(run.path):
        write_text(run.path / "report.md", markdown.render(report))
        if bars := overview(report):
            write_text(run.path / "overview.svg", bars)
        for drawn in (picture for section in report.sections for picture in section.pictures):
            write_text(run.path / drawn.name, drawn.svg)
