"""``bench doctor``: is this machine fit to measure, and does measuring disturb what is measured?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from bench.cli.console import PlainConsole
from bench.cli.progress import make_environments
from bench.doctor import innocence
from bench.doctor.examine import examine
from bench.doctor.show import advice_lines, figure_lines
from bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from bench.run.session import Options

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    measure: bool = typer.Option(
        False, "--measure", help="Also measure what the harness adds to what it measures."
    ),
    backend: list[str] = typer.Option(
        [], "-b", "--backend", metavar="VARIANT", help="Measure with this (default: one of each)."
    ),
    repeats: int = typer.Option(
        6, min=1, help="Pairs of drains, with the harness and by a plain program; best even."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object instead of text."),
    out: Path = typer.Option(Path("results"), help="Folder that results would go to."),
    redis_url: str | None = typer.Option(
        None, envvar="REDIS_URL", help="Server that a run would use instead of the embedded one."
    ),
    redis_server: str | None = typer.Option(
        None, metavar="PATH", help="Program to run as the embedded server."
    ),
) -> int:
    """Show what is missing here or would spoil a measurement, and what to do about it.

    Exit code 0: fit to measure, and all aims met where it was measured; 1: something to mend.
    """
    if backend and not measure:
        raise UsageError("-b chooses what is measured: add --measure, or leave it out")
    choices = innocence.variants(backend)
    advice = examine(out, redis_url, redis_server)
    if not as_json:
        for line in advice_lines(advice):
            typer.echo(line)
    figures: dict[str, Any] = {}
    if measure:
        make_environments(innocence.environments(choices).values(), PlainConsole(stderr=True))
        options = Options(out, redis_url, redis_server)
        try:
            figures = innocence.measure(choices, options, repeats, _tell)
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
    if as_json:
        typer.echo(json.dumps({"advice": [asdict(item) for item in advice], **figures}, indent=2))
    elif figures:
        typer.echo("\n" + "\n".join(figure_lines(figures)))
    well = all(item.level == "ok" for item in advice)
    met = all(aim["met"] for aim in figures.get("aims", ()))
    return EXIT_OK if well and met else EXIT_FAILED


def _tell(line: str) -> None:
    typer.echo(line, err=True)
