"""Is this machine fit to measure? What is missing, and what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from backends import all_backends
from bench.environments import cache_folder, environment
from bench.errors import BenchError
from bench.host import machine
from bench.redis_server import external, find_binary
from bench.store import NEEDED_BYTES

Level = Literal["ok", "warn", "missing"]

#: Above this share of busy cores before a run, other programs are measured too.
BUSY = 0.25


@dataclass(frozen=True)
class Advice:
    """One thing looked at: how it stands, and what to do where it does not stand well."""

    level: Level
    subject: str
    found: str
    do: str = ""


def examine(
    out: Path, redis_url: str | None = None, redis_server: str | None = None
) -> list[Advice]:
    """Look at everything a run needs and at what would spoil its numbers."""
    return [
        _external_redis(redis_url) if redis_url else _redis(redis_server),
        *_environments(),
        _space(out),
        _cores(),
        _load(),
        _memory(),
        _python(),
    ]


def _external_redis(url: str) -> Advice:
    try:
        with external(url) as server:
            found = f"{server.facts['name']} {server.facts['version']} at {server.masked_url}"
    except BenchError as error:
        return Advice("missing", "Redis server", "none", str(error))
    return Advice("ok", "Redis server", found)


def _redis(chosen: str | None) -> Advice:
    try:
        program = find_binary(chosen)
    except BenchError as error:
        return Advice("missing", "Redis server", "none", str(error))
    return Advice("ok", "Redis server", str(program))


def _environments() -> list[Advice]:
    found = []
    for backend in all_backends().values():
        if backend.hidden:
            continue
        env = environment(backend)
        if env.exists:
            found.append(Advice("ok", f"environment {backend.name}", env.library_version))
        else:
            do = "made on first use; 'bench env sync' makes it now"
            found.append(Advice("ok", f"environment {backend.name}", "not made yet", do))
    return found


def _space(out: Path) -> Advice:
    worst = min(_free(out), _free(cache_folder()))
    found = f"{worst / 2**30:.1f} GB free for results and environments"
    if worst < 10 * NEEDED_BYTES:
        return Advice("warn", "disk", found, "free some space, or choose another --out")
    return Advice("ok", "disk", found)


def _free(folder: Path) -> int:
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free


def _cores() -> Advice:
    facts = machine()
    found = f"{facts['cores']} cores, {facts['cpu']}"
    if facts["cores"] < 2:
        do = "workers, producer and server share one core: compare ratios only"
        return Advice("warn", "processor", found, do)
    return Advice("ok", "processor", found)


def _load() -> Advice:
    busy = psutil.cpu_percent(interval=0.5) / 100
    found = f"{busy:.0%} busy"
    if busy > BUSY:
        return Advice("warn", "load", found, "close other programs: they are measured too")
    return Advice("ok", "load", found)


def _memory() -> Advice:
    available = psutil.virtual_memory().available / 2**30
    found = f"{available:.1f} GB available"
    if available < 1:
        return Advice("warn", "memory", found, "close other programs: swapping spoils latencies")
    return Advice("ok", "memory", found)


def _python() -> Advice:
    found = machine()["python"]
    if hasattr(sys, "gettotalrefcount"):
        return Advice("warn", "Python", f"{found}, a debug build", "use a release build")
    if os.environ.get("PYTHONDEVMODE"):
        return Advice("warn", "Python", f"{found}, development mode", "unset PYTHONDEVMODE")
    return Advice("ok", "Python", found)
