"""What a run needs beside the machine: a server and the backends' environments."""

from __future__ import annotations

import contextlib
from typing import Any

from redis import RedisError as ServerError

from backends import all_backends
from bench.doctor.advice import Advice, judged
from bench.errors import BenchError
from bench.server import needs
from bench.server.redis_server import external, find_binary
from bench.workers.environments import environment

#: Commands per second before a run, above which the server has other work.
SERVER_BUSY = 50


def redis(chosen: str | None) -> Advice:
    """Whether there is a program to run as the embedded server."""
    try:
        return Advice("ok", "Redis server", str(find_binary(chosen)))
    except BenchError as error:
        if chosen is None and (found := _at_hand()):
            return Advice("missing", "Redis server", "none to start", found)
        return Advice("missing", "Redis server", "none", str(error))


def _at_hand() -> str:
    """What to pass where a server runs on this machine at the usual port; else empty."""
    url = "redis://127.0.0.1:6379/0"
    try:
        with external(url) as server:
            return f"{server.facts['name']} {server.facts['version']} runs here: --redis-url {url}"
    except BenchError:
        return ""


def external_redis(url: str) -> list[Advice]:
    """Whether the server at ``url`` answers, and whether it is fit."""
    try:
        with external(url) as server:
            needs.check(server, needs.shared_keys(all_backends().values()))
            found = f"{server.facts['name']} {server.facts['version']} at {server.masked_url}"
            busy: Any = 0
            with contextlib.suppress(ServerError), server.client() as client:
                busy = client.info("stats").get("instantaneous_ops_per_sec", 0)
            return [Advice("ok", "Redis server", found), *fitness(server.facts, int(busy))]
    except BenchError as error:
        return [Advice("missing", "Redis server", "none", str(error))]


def fitness(facts: dict[str, Any], commands_per_s: int) -> list[Advice]:
    """Whether a server of somebody's is ours alone and as the embedded one is.

    Args:
        facts: of :class:`bench.server.redis_server.Server`.
        commands_per_s: of all its clients, just now.
    """
    persistent, policy = bool(facts["append_only_file"]), str(facts["maxmemory_policy"])
    evicts = policy not in ("noeviction", "unknown")
    return [
        judged(
            "Redis load",
            f"{commands_per_s} commands/s",
            commands_per_s > SERVER_BUSY,
            "stop its other clients: they are measured too",
        ),
        judged(
            "Redis persistence",
            "append-only file on" if persistent else "no append-only file",
            persistent,
            "start it with --appendonly no, or say so beside the numbers",
        ),
        judged(
            "Redis eviction",
            policy,
            evicts,
            "set maxmemory-policy noeviction: else it may drop tasks when memory is full",
        ),
    ]


def environments() -> list[Advice]:
    """Which environments have been made."""
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
