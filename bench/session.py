"""One ``bench run`` from checked input to tables: server, guard, environments, run folder."""

from __future__ import annotations

import _thread
import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from backends.spec import Setting
from bench import host, redis_server, store
from bench.analysis import analyse
from bench.environments import Environment, environment
from bench.guard import Guard
from bench.plan import Plan
from bench.runner import Observer, Runner
from bench.trial import describe


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
    plan: Plan,
    options: Options,
    observer: Observer,
    on_folder: Callable[[store.RunFolder, redis_server.Server], None],
) -> store.RunFolder:
    """Run the plan and write its tables. The environments must have been made.

    Args:
        on_folder: is called once the run folder exists.

    Raises:
        BenchError: the server or the folder cannot be used; before that nothing is written.
        KeyboardInterrupt: interrupted; finished trials are kept and their tables written.
    """
    with place(options) as (token, scratch, server):
        environments = environments_of(plan)
        facts = _facts(plan, options, server, environments)
        folder = store.create_run(options.out, plan.profile.name)
        status = "interrupted"
        try:
            on_folder(folder, server)
            folder.write_run(facts)
            runner = Runner(
                plan, folder, server, environments, token=token, scratch=scratch, observer=observer
            )
            runner.run()
            status = "complete"
        finally:
            ended = datetime.now(UTC).isoformat(timespec="seconds")
            with store.disk_errors(folder.path):
                folder.write_run(facts | {"status": status, "ended_at": ended})
                analyse(folder)
    return folder


@contextlib.contextmanager
def place(options: Options) -> Iterator[tuple[str, Path, redis_server.Server]]:
    """A token, a scratch folder and a server, gone after, whatever happens inside.

    Raises:
        BenchError: the server or the folder for results cannot be used.
        KeyboardInterrupt: told to stop, in whatever way; once.
    """
    token = f"tqb-{secrets.token_hex(5)}"
    store.check_writable(options.out)
    with ExitStack() as stack:
        stack.enter_context(_one_interrupt())
        scratch = Path(tempfile.mkdtemp(prefix="task-queue-bench-"))
        guard = Guard(token, scratch, redis_url=options.redis_url)
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        stack.callback(guard.close)
        yield token, scratch, stack.enter_context(_server(options, token, scratch))


def _server(
    options: Options, token: str, scratch: Path
) -> contextlib.AbstractContextManager[redis_server.Server]:
    if options.redis_url:
        return redis_server.external(options.redis_url)
    return redis_server.embedded(
        token, scratch, binary=options.redis_server, port=options.redis_port
    )


def _facts(
    plan: Plan, options: Options, server: redis_server.Server, envs: dict[str, Environment]
) -> dict[str, Any]:
    """The content of ``run.json``, with the password of the Redis URL masked."""
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
    }


def _setting(setting: Setting) -> dict[str, str]:
    return dict(vars(setting))


def _shown_url(server: redis_server.Server) -> str:
    return "embedded" if server.embedded else server.masked_url


def _mask(argument: str, server: redis_server.Server) -> str:
    for secret in redis_server.secrets_of(server.url):
        argument = argument.replace(secret, "***")
    return argument


@contextlib.contextmanager
def _one_interrupt() -> Iterator[None]:
    """Make every way of being told to stop a KeyboardInterrupt, once.

    Cleaning up takes a second or two; pressing Ctrl-C again must not cut it short. Python drops
    what is raised while it runs a ``__del__``: then it is raised again a moment later.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        for name in names:
            signal.signal(name, signal.SIG_IGN)
        if not asked:
            with contextlib.suppress(OSError):  # not sys.stderr: it may be in the middle of a write
                os.write(2, b"\nstopping: workers, producer and server are being ended\n")
        asked.append(number)
        raise KeyboardInterrupt

    def dropped(problem: sys.UnraisableHookArgs) -> None:
        if problem.exc_type is KeyboardInterrupt:
            signal.signal(signal.SIGINT, interrupt)
            threading.Timer(0.05, _thread.interrupt_main).start()
        else:
            hook(problem)

    asked: list[int] = []
    names = [signal.SIGINT, signal.SIGTERM]
    names += [getattr(signal, name) for name in ("SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    before = {name: signal.signal(name, interrupt) for name in names}
    hook, sys.unraisablehook = sys.unraisablehook, dropped
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for name, handler in before.items():
            signal.signal(name, handler)
