"""``bench doctor``: is this machine fit to measure?"""

from __future__ import annotations

from pathlib import Path

import typer

from bench.cli import app
from bench.doctor import examine
from bench.errors import EXIT_FAILED, EXIT_OK


@app.command()
def doctor(
    out: Path = typer.Option(Path("results"), help="Folder that results would go to."),
    redis_url: str | None = typer.Option(
        None, envvar="REDIS_URL", help="Server that a run would use instead of the embedded one."
    ),
    redis_server: str | None = typer.Option(
        None, metavar="PATH", help="Program to run as the embedded server."
    ),
) -> int:
    """Show what is missing here or would spoil a measurement, and what to do about it.

    Exit code 0: fit to measure; 1: something to mend.
    """
    advice = examine(out, redis_url, redis_server)
    for item in advice:
        hint = f" -> {item.do}" if item.do else ""
        typer.echo(f"{item.level:8}{item.subject}: {item.found}{hint}")
    return EXIT_OK if all(item.level == "ok" for item in advice) else EXIT_FAILED
