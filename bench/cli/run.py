"""``bench run``: measure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from bench.cli.console import PlainConsole
from bench.cli.progress import RunProgress, expected_seconds, make_environments
from bench.cli.report import rebuild
from bench.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from bench.plan.cells import Cell, LeasePlan
from bench.plan.precision import DEFAULT_BUDGET_S, Precision, parse_duration, parse_share
from bench.plan.profile import load_profile
from bench.plan.request import Request
from bench.record.store import RunFolder, check_writable, damage
from bench.report import write_reports
from bench.report.formats.terminal import print_report
from bench.report.model import load_report
from bench.report.parts import Report
from bench.report.wording import plural
from bench.run.abilities import about_s
from bench.run.resume import is_complete, open_unfinished, unfinished
from bench.run.session import Job, Options, environments_of, execute
from bench.server.redis_server import Server
from bench.system.guests import HERE
from bench.system.interrupts import one_interrupt
from bench.system.words import quoted
from bench.workers.platforms import ground_of, guests_on
from scenarios.loads import STEPS

app = typer.Typer(add_completion=False)

DEFAULT_PROFILE = "quick"
DEFAULT_OUT = Path("results")


@dataclass(frozen=True)
class Chosen:
    """The options that say what is measured and where it goes, as they were typed."""

    profile: str | None
    backend: list[str]
    scenario: list[str]
    rounds: int | None
    quick: bool
    precision: str | None
    budget: str | None
    platform: str | None
    out: Path | None

    def new(self) -> Job:
        """A run of its own."""
        profile = load_profile(self.profile or DEFAULT_PROFILE)
        request = Request(
            profile=profile.sample() if self.quick else profile,
            variants=tuple(self.backend),
            scenarios=tuple(self.scenario),
            rounds=self.rounds,
            precision=self._precision(),
            platform=None if guests_on(self.platform) is HERE else self.platform,
        )
        return Job(request, request.plan())

    def _precision(self) -> Precision | None:
        if self.precision is None:
            if self.budget is not None:
                raise UsageError("--budget is of the rounds that --precision adds: give that too")
            return None
        within = parse_share(self.precision)
        return Precision(within, parse_duration(self.budget) if self.budget else DEFAULT_BUDGET_S)

    def resumed(self, run: Path) -> Job:
        """The run in that folder, which knows by itself what it measures."""
        given = {
            "PROFILE": self.profile,
            "-b": self.backend,
            "-s": self.scenario,
            "--rounds": self.rounds,
            "--quick": self.quick,
            "--precision": self.precision,
            "--budget": self.budget,
            "--platform": self.platform,
            "--out": self.out,
        }
        if surplus := [name for name, value in given.items() if value]:
            raise UsageError(
                f"--resume goes on with what {run} was begun with: leave out {', '.join(surplus)}"
            )
        folder, request, plan = open_unfinished(run)
        return Job(request, plan, folder)


@app.command()
def run(
    profile: str | None = typer.Argument(
        None, show_default=DEFAULT_PROFILE, help="A profile's name, or a TOML file."
    ),
    backend: list[str] = typer.Option(
        [], "-b", "--backend", metavar="VARIANT", help="Only this, e.g. rq or celery:solo."
    ),
    scenario: list[str] = typer.Option(
        [], "-s", "--scenario", metavar="SCENARIO", help="Only this scenario."
    ),
    rounds: int | None = typer.Option(None, min=1, help="Rounds instead of the profile's."),
    quick: bool = typer.Option(False, "--quick", help="Only the profile's quick sample."),
    precision: str | None = typer.Option(
        None, metavar="SHARE", help="Add rounds until ratios are known this well, e.g. 5%."
    ),
    budget: str | None = typer.Option(
        None, metavar="TIME", show_default="30m", help="Time for the added rounds: 90s, 30m, 1h."
    ),
    resume: Path | None = typer.Option(
        None, metavar="RUN", help="Go on with the run in this folder, which was cut short."
    ),
    platform: str | None = typer.Option(
        None, metavar="NAME", help="wine: run workers on Windows CPython under Wine."
    ),
    redis_url: str | None = typer.Option(
        None, envvar="REDIS_URL", help="Use this server instead of the embedded one."
    ),
    redis_server: str | None = typer.Option(
        None, metavar="PATH", help="Program to run as the embedded server."
    ),
    redis_port: int | None = typer.Option(
        None, min=1, max=65535, help="Port of the embedded server (default: a free one)."
    ),
    out: Path | None = typer.Option(
        None, show_default=str(DEFAULT_OUT), help="Folder that gets the run's folder."
    ),
    strict: bool = typer.Option(False, "--strict", help="Exit code 1 also for a failed check."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the plan and stop."),
) -> int:
    """Measure the cells of PROFILE and write a run folder with its reports.

    With --precision, rounds are added after the profile's to the cells that need them, and to the
    baseline's beside them, until the interval of the headline's ratio to the baseline is within
    SHARE of its middle. Cells with rounds of their own in the profile get no more, nor do those
    with a failure. No cell gets over 100 rounds; no workers are started whose trials, as long as
    they took before, would end after TIME, which counts from the first added round.

    With --resume, what had not been finished is measured; the profile and what was chosen of it
    are kept with the run. The server's URL has to be given again, if it is not the embedded one.

    With --platform wine (Linux on x86_64) workers and producers run on a Windows CPython under
    Wine, everything else here; what holds for Windows holds for the plan. See docs/wine.md.

    Exit code 0: the measurement is complete, whatever it found; 1: some trial failed, timed out
    or is invalid, or, with --strict, some check failed (known defects too); 2: a mistake or a
    missing piece, told in one line; 130: interrupted, finished trials kept. A variant that cannot
    run on this platform is no failure, nor is a trial that a known defect of its library ended.
    """
    chosen = Chosen(profile, backend, scenario, rounds, quick, precision, budget, platform, out)
    job = chosen.resumed(resume) if resume else chosen.new()
    if dry_run:
        _show_plan(job)
        return EXIT_OK
    if job.begun and is_complete(job.begun, job.plan):
        return _tell_complete(job.begun, strict=strict)
    options = Options(out or DEFAULT_OUT, redis_url, redis_server, redis_port, tuple(sys.argv[1:]))
    return _measure(job, options, strict=strict)


def _measure(job: Job, options: Options, *, strict: bool) -> int:
    console = PlainConsole(stderr=True)
    if not job.begun:
        check_writable(options.out)
    guests = guests_on(job.request.platform)
    make_environments(ground_of(guests), console)
    make_environments(environments_of(job.plan, guests).values(), console, spare_pins=True)
    folders: list[RunFolder] = []

    def announce(folder: RunFolder, server: Server) -> None:
        folders.append(folder)
        console.print(
            f"{_summary(job)}, on {server.facts['name']} {server.facts['version']}; "
            f"results go to {folder.path}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    with one_interrupt():  # until the reports are written: what is kept is told with them
        try:
            with RunProgress(console) as progress:
                folder = execute(job, options, progress, announce)
            with damage(folder.path):
                write_reports(folder)
                return _show_report(folder, strict=strict)
        except KeyboardInterrupt:
            try:
                for folder in folders:
                    _tell_what_is_kept(folder, console)
            except KeyboardInterrupt:  # what Python dropped comes late: it is done again
                for folder in folders:
                    _tell_what_is_kept(folder, console)
            return EXIT_INTERRUPTED


def _left(job: Job) -> list[LeasePlan]:
    """What of the plan has not been finished."""
    return unfinished(job.plan.leases, job.begun.finished() if job.begun else ())


def _show_report(folder: RunFolder, *, strict: bool) -> int:
    report = load_report(folder)
    print_report(report, PlainConsole())
    return exit_code(report, strict=strict)


def exit_code(report: Report, *, strict: bool) -> int:
    """What a run ends with that was not interrupted.

    Args:
        strict: whether a failed check is told by it as well.
    """
    well = report.is_measured and (report.all_passed or not strict)
    return EXIT_OK if well else EXIT_FAILED


def _tell_complete(folder: RunFolder, *, strict: bool) -> int:
    """Nothing is left to be measured; a kill may have come before the reports."""
    sys.stderr.write(f"{folder.path} is complete: nothing is left to measure\n")
    with damage(folder.path):
        rebuild(folder)
        return _show_report(folder, strict=strict)


def _tell_what_is_kept(folder: RunFolder, console: PlainConsole) -> None:
    write_reports(folder)
    kept, planned = len(folder.finished()), folder.read_run()["planned_trials"]
    console.print(
        f"interrupted: {kept} of {planned} trials are kept in {folder.path}; "
        f"go on with: bench run --resume {quoted(folder.path)}",
        markup=False,
        soft_wrap=True,
        highlight=False,
    )


def _show_plan(job: Job) -> None:
    """One line per trial, in the order they would run."""
    for lease in _left(job):
        typer.echo(f"round {lease.round}: {lease.name} c={lease.concurrency}")
        for trial in lease.trials:
            cell = trial.cell
            params = " ".join(f"{k}={v}" for k, v in cell.params.items())
            typer.echo(f"    {cell.scenario.name} {cell.load} {_size(cell)} {params}".rstrip())
    typer.echo(_summary(job))


def _size(cell: Cell) -> str:
    """How many tasks, or for how long where that decides."""
    if cell.offering.searches:
        return f"{STEPS} steps of {cell.for_s:g} s"
    if cell.offering.awaited or not cell.tasks:
        return f"{cell.for_s:g} s"
    return plural(cell.tasks, "task")


def _summary(job: Job) -> str:
    leases, guests = _left(job), guests_on(job.request.platform)
    trials = [trial for lease in leases for trial in lease.trials]
    minutes = expected_seconds(trials) / 60
    counts = f"{plural(len(trials), 'trial')} in {plural(len(leases), 'lease')}"
    probes = (
        f", and {seconds / 60:.0f} of probes" if (seconds := about_s(job.plan, job.begun)) else ""
    )
    under = f", {guests.told}" if guests.told else ""
    return f"{counts}, about {minutes:.0f} min{probes}{under}"
