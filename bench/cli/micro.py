"""``bench micro``: microbenchmarks of the libraries' clients."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from backends import Choice
from bench.cli.console import PlainConsole
from bench.cli.progress import make_environments
from bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from bench.plan.variants import choices_of, default_choices
from bench.record.inspection import open_checked
from bench.record.micro_files import FOLDER, MERGED, read_micro, read_problems
from bench.record.store import RunFolder, check_writable, damage
from bench.report import write_reports
from bench.report.chapters import microbenchmarks
from bench.report.formats.terminal import print_portions
from bench.run.micro import MAX_TIME_S, Micro, environments_of, measure
from bench.run.session import Options
from bench.system.interrupts import one_interrupt
from bench.system.printable import printable

app = typer.Typer(add_completion=False)


@app.command()
def micro(
    backend: list[str] = typer.Option(
        [], "-b", "--backend", metavar="VARIANT", help="Only this one's (default: every backend)."
    ),
    out: Path = typer.Option(Path("results"), help="Folder that gets the run's folder."),
    run: Path | None = typer.Option(
        None, metavar="RUN", help="Add to this run instead of making one."
    ),
    max_time: float = typer.Option(
        MAX_TIME_S, min=0.01, max=60, metavar="SECONDS", help="How long a benchmark shall measure."
    ),
    redis_url: str | None = typer.Option(
        None, envvar="REDIS_URL", help="Use this server instead of the embedded one."
    ),
    redis_server: str | None = typer.Option(
        None, metavar="PATH", help="Program to run as the embedded server."
    ),
) -> int:
    """Time single calls: enqueue, enqueue with a payload, serialise, round trip.

    pytest-benchmark does it, in each backend's own environment. Of a backend with several
    variants the first is taken unless -b names others. Exit code 0: all benchmarks ran, but for
    variants that cannot run on this platform; 1: some did not; 2: a mistake; 130: interrupted,
    what has ended is kept.
    """
    choices = choices_of(backend) if backend else default_choices()
    into = open_checked(run) if run else None
    where = into.path if into else out
    check_writable(where)
    console = PlainConsole(stderr=True)
    make_environments(environments_of(choices).values(), console)
    options = Options(where, redis_url, redis_server, argv=tuple(sys.argv[1:]))

    watch = _Watch(console)
    with one_interrupt():  # until the report is written
        try:
            folder = measure(Micro(choices, options, max_time, into, watch))
            with damage(folder.path):
                write_reports(folder)
                return _show(folder, choices)
        except KeyboardInterrupt:
            left = [choice.name for choice in choices if choice.name not in watch.kept]
            if watch.folder:
                _tell_what_is_kept(watch.folder, len(watch.kept), left, console)
            return EXIT_INTERRUPTED


class _Watch:
    """Says what is being measured, and knows what is kept where."""

    def __init__(self, console: PlainConsole) -> None:
        self._console = console
        self.folder: RunFolder | None = None
        self.kept: list[str] = []

    def run_opened(self, run: RunFolder) -> None:
        self.folder = run

    def variant_started(self, variant: str) -> None:
        self._console.print(f"measuring {variant}", markup=False, highlight=False)

    def variant_kept(self, variant: str) -> None:
        self.kept.append(variant)


def _tell_what_is_kept(run: RunFolder, kept: int, left: list[str], console: PlainConsole) -> None:
    """Write the report of what there is, and say where it is and how to go on."""
    with damage(run.path):
        write_reports(run)
    rest = "".join(f" -b {variant}" for variant in left)
    console.print(
        f"interrupted: microbenchmarks of {kept} of {kept + len(left)} variants are kept in "
        f"{run.path}" + (f"; go on with: bench micro --run {run.path}{rest}" if left else ""),
        markup=False,
        soft_wrap=True,
        highlight=False,
    )


def _show(run: RunFolder, choices: Sequence[Choice]) -> int:
    """Print the tables, what is missing and where the file is."""
    console = PlainConsole()
    asked = {choice.name for choice in choices}
    absent = {choice.name for choice in choices if choice.variant.unsupported_reason()}
    figures = read_micro(run.path)
    told = microbenchmarks.section(figures[figures["variant"].isin(asked)])
    for grid in told.grids if told else ():
        print_portions(console, grid)
    problems = {v: why for v, why in read_problems(run.path).items() if v in asked}
    for variant, why in problems.items():
        typer.echo(printable(f"{variant}: {why}"))
    typer.echo(f"report: {run.path / 'report.md'}")
    typer.echo(f"pytest-benchmark compare --group-by=group {run.path / FOLDER / MERGED}")
    return EXIT_FAILED if problems.keys() - absent else EXIT_OK
