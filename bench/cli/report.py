"""``bench report``: a finished run's tables again, from what was recorded."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path

import typer

from backends import UnknownVariant
from bench.analysis.tables import (
    analyse,
    check_events,
    check_events_exist,
    has_events,
    trials_by_lease,
)
from bench.cli.console import PlainConsole
from bench.errors import EXIT_OK
from bench.record.inspection import open_checked
from bench.record.store import RunFolder, damage, disk_errors
from bench.report import write_reports
from bench.report.formats.markdown import render
from bench.report.formats.terminal import print_report
from bench.report.model import load_report, tables_of

app = typer.Typer(add_completion=False)


class Format(StrEnum):
    """What is printed."""

    TERMINAL = "terminal"
    MD = "md"
    CSV = "csv"


@app.command()
def report(
    run: Path = typer.Argument(..., metavar="RUN", help="A run's folder, e.g. results/reference."),
    form: Format = typer.Option(Format.TERMINAL, "--format", help="What to print."),
) -> int:
    """Compute RUN's tables from its recorded events, write its report.md and print the report.

    A folder without events is told from its tables as they are; a read-only one is not changed.
    Exit code 0: the report is made, whatever it tells; 2: the folder cannot be read.
    """
    folder = open_checked(run)
    with damage(folder.path):
        if os.access(folder.path, os.W_OK):
            rebuild(folder)
        else:
            _note(f"{run} is read-only: its tables and report.md stay as they are")
        return show(folder, form)


def rebuild(folder: RunFolder) -> None:
    """Compute the tables again where the events allow it, and write the reports.

    Raises:
        RunFolderError: the events of some leases are there, but not of all that are needed, or
            they are damaged.
    """
    leases = trials_by_lease(folder.read_trials())
    if not leases or any(has_events(folder, lease) for lease in leases):
        try:
            check_events_exist(folder)
            check_events(folder)
            with disk_errors(folder.path):
                analyse(folder)
        except UnknownVariant as error:
            _note(f"there is no variant {error.wanted} here: the tables stay as they are")
    write_reports(folder)


def show(folder: RunFolder, form: Format) -> int:
    """Print the run in the form asked for."""
    if form is Format.CSV:
        tables_of(folder)  # complains in one line where there are none
        sys.stdout.write((folder.path / "summary.csv").read_text(encoding="utf-8"))
        return EXIT_OK
    told = load_report(folder)
    if form is Format.MD:
        sys.stdout.write(render(told))
    else:
        print_report(told, PlainConsole())
    return EXIT_OK


def _note(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")
