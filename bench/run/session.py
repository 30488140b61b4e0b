"""One ``bench run`` from checked input to tables: server, guard, environments, run folder."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backends import Choice
from backends.spec import Setting
from bench.analysis.tables import analyse
from bench.plan.cells import describe
from bench.plan.planner import Plan
from bench.plan.request import Request, digest
from bench.record import lock, store
from bench.run import resume
from bench.run.abilities import Prober, probed_of
from bench.run.guard import Guard
from bench.run.lost import losses_told
from bench.run.refinement import Refinement
from bench.run.runner import Observer, Runner
from bench.server import needs, redis_server
from bench.server.url import secrets_of
from bench.system import host, scratch
from bench.system.files import discard_tree
from bench.system.guests import HERE, Guests
from bench.system.interrupts import held_back, one_interrupt
from bench.system.processes import kill_carrying
from bench.workers import platforms
from bench.workers.environments import Environment


@dataclass(frozen=True)
class Job:
    """What is to be measured.

    Attributes:
        plan: that of the request.
        begun: the run to go on with; ``None`` for a new one.
    """

    request: Request
    plan: Plan
    begun: store.RunFolder | None = None


@dataclass(frozen=True)
class Options:
    """What the user chose beside the plan."""

    out: Path
    redis_url: str | None = None
    redis_server: str | None = None
    redis_port: int | None = None
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ground:
    """What everything that measures stands on.

    Attributes:
        token: carried by every process that is started.
        scratch: a temporary folder.
        guests: the platform that guests run on, ready to start them.
    """

    token: str
    scratch: Path
    server: redis_server.Server
    guests: Guests = HERE


@contextlib.contextmanager
def ground(
    options: Options,
    choices: Iterable[Choice],
    *,
    check_out: bool = True,
    guests: Guests = HERE,
) -> Iterator[Ground]:
    """A server, a temporary folder and a guard: whatever happens inside, nothing is left behind.

    Args:
        choices: what is going to use the server.
        guests: the platform that guests run on; it must have been made.

    Raises:
        BenchError: the server or the results' folder cannot be used.
        KeyboardInterrupt: in whatever way it was told to stop.
    """
    if check_out:
        store.check_writable(options.out)
    with ExitStack() as stack:
        stack.enter_context(one_interrupt())
        token, folder = scratch.make()
        stack.callback(discard_tree, folder)
        guard = Guard(token, folder, redis_url=options.redis_url)
        stack.callback(guard.close)
        server = stack.enter_context(_server(options, token, folder))
        if not server.embedded:
            needs.check(server, needs.shared_keys(choice.backend for choice in choices))
        running = stack.enter_context(platforms.started(guests, token, folder))
        yield Ground(token, folder, server, running)


def environments_of(plan: Plan, guests: Guests = HERE) -> dict[str, Environment]:
    """The environment of every variant of the plan, by the variant's name.

    Args:
        guests: the platform that they are for.
    """
    return {
        cell.choice.name: platforms.environment_on(guests, cell.choice.backend, cell.choice.version)
        for cell in plan.cells
    }


def execute(
    job: Job,
    options: Options,
    observer: Observer,
    on_folder: Callable[[store.RunFolder, redis_server.Server], None],
) -> store.RunFolder:
    """Run what of the plan has not been run, and write the tables of all of it.

    The environments must have been made.

    Args:
        on_folder: is called once the run folder exists.

    Raises:
        BenchError: the server or the folder cannot be used, or a run begun may not go on here;
            before that nothing is measured.
        KeyboardInterrupt: interrupted; finished trials are kept and their tables written.
    """
    with ExitStack() as held:
        before = _take_over(job.begun, options, held) if job.begun else {}
        choices = [cell.choice for cell in job.plan.cells]
        guests = platforms.guests_on(job.request.platform)
        place = held.enter_context(ground(options, choices, check_out=not job.begun, guests=guests))
        environments = environments_of(job.plan, place.guests)
        facts = (
            _facts(job, options, place.server, environments)
            | {"token": place.token}
            | _platform(guests)
        )
        if job.begun:
            facts = _go_on(job.begun, before, facts)
            with store.disk_errors(job.begun.path, begun=True):
                resume.clear_remains(job.begun, options.redis_url)
        folder, status = None, "interrupted"
        try:
            with held_back():  # or what says that it runs is there, and nobody to say that it ended
                folder = _begin(job, options, facts, held)
                on_folder(folder, place.server)
            runner = Runner(
                job.plan,
                folder,
                place.server,
                environments,
                token=place.token,
                scratch=place.scratch,
                observer=observer,
            )
            _measure(job, folder, facts, runner, observer)
            _probe(job, folder, place, environments, observer)
            status = "complete"
        finally:
            if folder is not None:
                _close(folder, facts, status)
    return folder


def _begin(job: Job, options: Options, facts: dict[str, Any], held: ExitStack) -> store.RunFolder:
    """The run's folder, held, which says that the run goes on."""
    if job.begun:
        with store.disk_errors(job.begun.path, begun=True):
            job.begun.write_run(facts)
        return job.begun
    folder = store.create_run(options.out, job.plan.profile.name, facts)
    held.enter_context(lock.held(folder.path))
    return folder


def _close(folder: store.RunFolder, facts: dict[str, Any], status: str) -> None:
    """Write how the run ended, and its tables."""
    ended = {"ended_at": datetime.now(UTC).isoformat(timespec="seconds")}
    with store.disk_errors(folder.path, begun=True):
        try:
            folder.write_run(facts | {"status": status} | ended)
            analyse(folder)
        except KeyboardInterrupt:  # it comes once: what it cut short is done again
            folder.write_run(facts | {"status": "interrupted"} | ended)
            analyse(folder)
            raise


def _measure(
    job: Job, folder: store.RunFolder, facts: dict[str, Any], runner: Runner, observer: Observer
) -> None:
    """The plan's rounds, as far as they are left, then those that precision asks for."""
    finished = folder.finished()
    todo = resume.unfinished(job.plan.leases, finished)
    trials = [trial for lease in todo for trial in lease.trials]
    observer.trials_planned(trials, len(job.plan.trials) - len(trials))
    runner.run(todo)
    if job.request.precision:
        Refinement(job.plan, job.request.precision, folder, facts, observer).run(runner)


def _probe(
    job: Job,
    folder: store.RunFolder,
    place: Ground,
    environments: dict[str, Environment],
    observer: Observer,
) -> None:
    """What the variants can do beside running tasks, as far as that is asked for and left."""
    prober = Prober(
        folder,
        place.server,
        environments,
        wanted=job.plan.profile.probed,
        token=place.token,
        scratch=place.scratch,
    )
    with losses_told(folder, place.server):
        prober.probe_all(probed_of(job.plan), observer.probing)


def _take_over(folder: store.RunFolder, options: Options, stack: ExitStack) -> dict[str, Any]:
    """Make a run folder ours, once nobody works on it any more; give its facts."""
    stack.enter_context(lock.held(folder.path))
    facts = folder.read_run()
    with store.damage(folder.path):
        resume.check_server(folder.path, facts, options.redis_url)
        kill_carrying(facts["token"])  # its guard does so as well, if it is still there
        resume.check_finished(folder)
    return facts


def _go_on(folder: store.RunFolder, before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The facts of a run that is resumed: those of its start, and what has been added."""
    with store.damage(folder.path):
        remarks = resume.check_circumstances(before, now)
        again = {"at": now["started_at"], "argv": now["argv"]}
        again |= {"finished_trials": len(folder.finished())}
        before.pop("ended_at", None)
        return before | {
            "status": "running",
            "token": now["token"],
            "resumed": [*before.get("resumed", []), again],
            "warnings": list(dict.fromkeys([*before.get("warnings", []), *remarks])),
        }


def _server(
    options: Options, token: str, folder: Path
) -> contextlib.AbstractContextManager[redis_server.Server]:
    if options.redis_url:
        return redis_server.external(options.redis_url)
    return redis_server.embedded(
        token, folder, binary=options.redis_server, port=options.redis_port
    )


def _facts(
    job: Job, options: Options, server: redis_server.Server, envs: dict[str, Environment]
) -> dict[str, Any]:
    """The content of ``run.json``."""
    plan = job.plan
    choices = {cell.choice.name: cell.choice for cell in plan.cells}
    return {
        "profile": plan.profile.name,
        "tuning": "aligned",
        "seed": plan.seed,
        "baseline": plan.baseline,
        **surroundings(options, server, envs.values(), choices.values()),
        "cells": [{**describe(cell), "rounds": cell.rounds} for cell in plan.cells],
        "planned_trials": len(plan.trials),
        "request": job.request.as_data(),
        "plan_digest": digest(plan),
    }


def _platform(guests: Guests) -> dict[str, str]:
    """What ``run.json`` says of where guests ran."""
    return {"platform": guests.name} | ({"guest": guests.told} if guests.told else {})


def surroundings(
    options: Options,
    server: redis_server.Server,
    environments: Iterable[Environment],
    choices: Iterable[Choice],
) -> dict[str, Any]:
    """What ``run.json`` says of machine, code, server and libraries, passwords masked."""
    known = list(environments)
    platform = next((env.guests.platform for env in known), sys.platform)
    backends = {
        env.name: {
            "library": env.backend.distribution,
            "version": env.library_version,
            "versions": env.versions(),
            "settings": _settings(env.backend.settings, server),
        }
        for env in known
    }
    return {
        "argv": [_mask(argument, server) for argument in options.argv],
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "running",
        "host": host.machine(),
        "code": host.commit(),
        "redis": {**server.facts, "embedded": server.embedded, "url": _shown_url(server)},
        "backends": backends,
        "variants": {
            choice.name: {
                "concurrency": choice.variant.concurrency,
                "is_floor": choice.backend.is_floor,
                "parser": choice.backend.parser_of(choice.variant),
                "caveat": choice.variant.caveat,
                "options": [
                    {"name": o.name, "summary": o.summary, "emulates": sorted(o.native_on)}
                    for o in choice.variant.chosen
                ],
                "settings": _settings(choice.variant.own_settings, server),
                "semantics": vars(choice.variant.semantics),
                "known_defects": [
                    {
                        "check": defect.check,
                        "told": defect.told,
                        "where": defect.where,
                        "scenarios": sorted(defect.scenarios),
                    }
                    for defect in choice.backend.defects_of(choice.variant, platform)
                ],
            }
            for choice in choices
        },
    }


def _settings(settings: Iterable[Setting], server: redis_server.Server) -> list[dict[str, str]]:
    """Those that were really set here, as the report shows them."""
    return [
        {"name": s.name, "value": s.value, "default": s.default, "why": s.why}
        for s in settings
        if not (s.among_others and server.embedded)
    ]


def _shown_url(server: redis_server.Server) -> str:
    return "embedded" if server.embedded else server.masked_url


def _mask(argument: str, server: redis_server.Server) -> str:
    for secret in secrets_of(server.url):
        argument = argument.replace(secret, "***")
    return argument
