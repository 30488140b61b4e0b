"""One ``bench run`` from checked input to tables: server, guard, environments, run folder."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backends.spec import Setting
from bench import host, lock, redis_server, resume, store
from bench.analysis import analyse
from bench.environments import Environment, environment
from bench.guard import Guard
from bench.interrupts import one_interrupt
from bench.plan import Plan
from bench.processes import kill_carrying
from bench.refinement import Progress, Refinement
from bench.request import Request, digest
from bench.runner import Runner
from bench.trial import describe


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


def environments_of(plan: Plan) -> dict[str, Environment]:
    """The environment of every variant of the plan, by the variant's name."""
    return {
        cell.choice.name: environment(cell.choice.backend, cell.choice.version)
        for cell in plan.cells
    }


def execute(
    job: Job,
    options: Options,
    observer: Progress,
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
    token = f"tqb-{secrets.token_hex(5)}"
    with ExitStack() as stack:
        stack.enter_context(one_interrupt())
        before = _take_over(job.begun, options, stack) if job.begun else {}
        if not job.begun:
            store.check_writable(options.out)
        scratch = Path(tempfile.mkdtemp(prefix="task-queue-bench-"))
        guard = Guard(token, scratch, redis_url=options.redis_url)
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        stack.callback(guard.close)
        server = stack.enter_context(_server(options, token, scratch))
        environments = environments_of(job.plan)
        facts = _facts(job, options, server, environments) | {"token": token}
        if job.begun:
            folder, facts = job.begun, _go_on(job.begun, before, facts)
            folder.write_run(facts)
        else:
            folder = store.create_run(options.out, job.plan.profile.name, facts)
            stack.enter_context(lock.held(folder.path))
        status = "interrupted"
        try:
            on_folder(folder, server)
            runner = Runner(
                job.plan,
                folder,
                server,
                environments,
                token=token,
                scratch=scratch,
                observer=observer,
            )
            _measure(job, folder, facts, runner, observer)
            status = "complete"
        finally:
            ended = datetime.now(UTC).isoformat(timespec="seconds")
            with store.disk_errors(folder.path):
                folder.write_run(facts | {"status": status, "ended_at": ended})
                analyse(folder)
    return folder


def _measure(
    job: Job, folder: store.RunFolder, facts: dict[str, Any], runner: Runner, observer: Progress
) -> None:
    """The plan's rounds, as far as they are left, then those that precision asks for."""
    finished = folder.finished()
    todo = resume.unfinished(job.plan.leases, finished)
    trials = [trial for lease in todo for trial in lease.trials]
    observer.trials_planned(trials, len(job.plan.trials) - len(trials))
    runner.run(todo)
    if job.request.precision:
        Refinement(job.plan, job.request.precision, folder, facts, observer).run(runner)


def _take_over(folder: store.RunFolder, options: Options, stack: ExitStack) -> dict[str, Any]:
    """Make a run folder ours and tidy it, once nobody works on it any more; give its facts."""
    stack.enter_context(lock.held(folder.path))
    facts = folder.read_run()
    with store.damage(folder.path):
        resume.check_server(folder.path, facts, options.redis_url)
        kill_carrying(facts["token"])  # its guard does so as well, if it is still there
        with store.disk_errors(folder.path):
            resume.clear_remains(folder, options.redis_url)
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
    options: Options, token: str, scratch: Path
) -> contextlib.AbstractContextManager[redis_server.Server]:
    if options.redis_url:
        return redis_server.external(options.redis_url)
    return redis_server.embedded(
        token, scratch, binary=options.redis_server, port=options.redis_port
    )


def _facts(
    job: Job, options: Options, server: redis_server.Server, envs: dict[str, Environment]
) -> dict[str, Any]:
    """The content of ``run.json``, with the password of the Redis URL masked."""
    plan = job.plan
    backends = {
        env.name: {
            "library": env.backend.distribution,
            "version": env.library_version,
            "versions": env.versions(),
            "settings": [_setting(setting) for setting in env.backend.settings],
        }
        for env in envs.values()
    }
    return {
        "profile": plan.profile.name,
        "tuning": "aligned",
        "seed": plan.seed,
        "baseline": plan.baseline,
        "argv": [_mask(argument, server) for argument in options.argv],
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "running",
        "host": host.machine(),
        "code": host.commit(),
        "redis": {**server.facts, "embedded": server.embedded, "url": _shown_url(server)},
        "backends": backends,
        "variants": {
            cell.choice.name: {
                "concurrency": cell.choice.variant.concurrency,
                "caveat": cell.choice.variant.caveat,
                "settings": [_setting(s) for s in cell.choice.variant.settings],
                "semantics": vars(cell.choice.variant.semantics),
            }
            for cell in plan.cells
        },
        "cells": [{**describe(cell), "rounds": cell.rounds} for cell in plan.cells],
        "planned_trials": len(plan.trials),
        "request": job.request.as_data(),
        "plan_digest": digest(plan),
    }


def _setting(setting: Setting) -> dict[str, str]:
    return dict(vars(setting))


def _shown_url(server: redis_server.Server) -> str:
    return "embedded" if server.embedded else server.masked_url


def _mask(argument: str, server: redis_server.Server) -> str:
    for secret in redis_server.secrets_of(server.url):
        argument = argument.replace(secret, "***")
    return argument
