"""``bench compare``: two runs, or two variants of one run."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from bench.cli.console import PlainConsole
from bench.errors import EXIT_OK, RunFolderError
from bench.record.store import RunFolder, open_run
from bench.report.compare import compare_runs, compare_variants
from bench.report.formats.terminal import print_comparison

app = typer.Typer(add_completion=False)

RESULTS = Path("results")


@app.command()
def compare(
    a: str = typer.Argument(..., metavar="A", help="A run's folder, or a variant."),
    b: str = typer.Argument(..., metavar="B", help="Another of the same kind."),
    run: Path | None = typer.Option(
        None, metavar="RUN", help="The run that has both variants (default: newest in ./results)."
    ),
    all_metrics: bool = typer.Option(False, "--all", help="All metrics, not the headlines alone."),
) -> int:
    """Show how B does against A: values, ratio B/A with its interval, verdicts that differ."""
    folders = run is None and any(Path(side).exists() or os.sep in side for side in (a, b))
    if folders:
        found = compare_runs(open_run(Path(a)), open_run(Path(b)), all_metrics=all_metrics)
    else:
        folder = open_run(run) if run else newest(RESULTS)
        found = compare_variants(folder, a, b, all_metrics=all_metrics)
    print_comparison(found, PlainConsole())
    return EXIT_OK


def newest(results: Path) -> RunFolder:
    """The run in ``results`` that was started last, of those that have cells.

    Raises:
        RunFolderError: there is none.
    """
    found = [open_run(path.parent) for path in results.glob("*/run.json")]
    runs = [run for run in found if run.read_run().get("cells")]  # bench micro's own have none
    if not runs:
        raise RunFolderError(
            f"no run in ./{results}: name one with --run, or make one with 'bench run'"
        )
    return max(runs, key=lambda run: str(run.read_run().get("started_at", "")))
