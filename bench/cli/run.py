"""``bench run``: measure."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from bench.cli import app
from bench.cli.console import PlainConsole
from bench.cli.progress import RunProgress, expected_seconds, make_environments
from bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from bench.plan import Plan, make_plan
from bench.profile import load_profile
from bench.redis_server import Server
from bench.report import write_reports
from bench.report.model import load_report
from bench.report.terminal import print_report
from bench.session import Options, environments_of, execute
from bench.store import RunFolder, check_writable


@app.command()
def run(
    profile: str = typer.Argument("quick", help="A profile's name, or a TOML file."),
    backend: list[str] = typer.Option(
        [], "-b", "--backend", metavar="VARIANT", help="Only this, e.g. rq or celery:solo."
    ),
    scenario: list[str] = typer.Option(
        [], "-s", "--scenario", metavar="SCENARIO", help="Only this scenario."
    ),
    rounds: int | None = typer.Option(None, min=1, help="Rounds instead of the profile's."),
    redis_url: str | None = typer.Option(
        None, envvar="REDIS_URL", help="Use this server instead of the embedded one."
    ),
    redis_server: str | None = typer.Option(
        None, metavar="PATH", help="Program to run as the embedded server."
    ),
    redis_port: int | None = typer.Option(
        None, min=1, max=65535, help="Port of the embedded server (default: a free one)."
    ),
    out: Path = typer.Option(Path("results"), help="Folder that gets the run's folder."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the plan and stop."),
) -> int:
    """Measure the cells of PROFILE and write a run folder with its reports.

    Exit code 0: all cells ran and every verdict passed; 1: some cell or verdict failed;
    2: a mistake or a missing piece, told in one line; 130: interrupted, finished trials kept.
    """
    plan = make_plan(load_profile(profile), variants=backend, scenarios=scenario, rounds=rounds)
    console = PlainConsole(stderr=True)
    if dry_run:
        _show_plan(plan)
        return EXIT_OK
    check_writable(out)
    environments = environments_of(plan)
    make_environments(environments.values(), console)
    options = Options(out, redis_url, redis_server, redis_port, tuple(sys.argv[1:]))
    folders: list[RunFolder] = []

    def announce(folder: RunFolder, server: Server) -> None:
        folders.append(folder)
        console.print(
            f"{len(plan.trials)} trials in {len(plan.leases)} leases, about "
            f"{expected_seconds(plan) / 60:.0f} min, on {server.facts['name']} "
            f"{server.facts['version']}; results go to {folder.path}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    try:
        with RunProgress(plan, console) as progress:
            folder = execute(plan, options, progress, announce)
    except KeyboardInterrupt:
        if folders:
            _tell_what_is_kept(folders[0], len(plan.trials), console)
        return EXIT_INTERRUPTED
    write_reports(folder)
    report = load_report(folder)
    print_report(report, PlainConsole())
    return EXIT_OK if report.all_passed else EXIT_FAILED


def _tell_what_is_kept(folder: RunFolder, planned: int, console: PlainConsole) -> None:
    write_reports(folder)
    kept = len(list(folder.trials.glob("*.json")))
    console.print(
        f"interrupted: {kept} of {planned} trials are kept in {folder.path}",
        soft_wrap=True,
        highlight=False,
    )


def _show_plan(plan: Plan) -> None:
    """One line per trial, in the order they would run."""
    for lease in plan.leases:
        typer.echo(f"round {lease.round}: {lease.choice.name} c={lease.concurrency}")
        for trial in lease.trials:
            cell = trial.cell
            params = " ".join(f"{k}={v}" for k, v in cell.params.items())
            count = f"{cell.for_s:g} s" if cell.load == "closed" else f"{cell.tasks} tasks"
            typer.echo(f"    {cell.scenario.name} {cell.load} {count} {params}".rstrip())
    minutes = expected_seconds(plan) / 60
    typer.echo(f"{len(plan.trials)} trials in {len(plan.leases)} leases, about {minutes:.0f} min")
