"""What a trial costs: the counters of the server and of the processes, read at marks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.server.redis_server import Server
from bench.server.traffic import counting_client, without
from bench.system import usage
from bench.system.platforms import here

MB = 2**20

#: Marks from which something is counted: losses before them do not matter.
_BEGINS = ("start", "ready")
#: The mark that takes PSS: reading it stops the process for a while, so only when all is done.
_WITH_PSS = "done"


class Meter:
    """Reads what has been used so far. Differences of its marks are what a trial costs.

    The harness must ask the server through :attr:`client` alone while marks are taken: what goes
    over it is excluded, exactly. Not for several threads.

    Args:
        server: the one Redis.
        roles: gives the pids of the root processes by role, ``worker`` and ``producer``; the
            server tells of itself what it used. Where they cannot be told apart they have one
            role of another name: its CPU is read, nothing else.
        now_ns: the clock of the events.
    """

    def __init__(
        self,
        server: Server,
        roles: Callable[[], Mapping[str, Sequence[int]]],
        now_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.client, self._traffic = counting_client(server)
        self._now_ns = now_ns
        self._roles = roles
        self._highest = 0
        self._seen: dict[str, set[int]] = {}
        self._reaped: dict[str, float] = {}
        self._lost: set[str] = set()

    def sample(self) -> None:
        """Look at the worker tree's memory, for its peak; to be called every 0.25 to 0.5 s."""
        pids = usage.members(self._roles().get("worker", ()))
        self._note_ended("worker", pids)
        self._highest = max(self._highest, usage.resident(pids))

    def mark(self, at: str, *, ended: int | Callable[[], int]) -> dict[str, Any]:
        """Read everything now.

        Args:
            at: ``start``, ``filled``, ``ready``, ``done`` or ``end``.
            ended: the trial's attempts that have ended, or what counts them: while the workers are
                busy it must be counted between the readings, for some end while the server answers.

        Returns:
            ``at``, ``ended``, ``t_ns``, ``commands``, ``net_in``, ``net_out``, ``memory_bytes``,
            ``cpu_s``, ``switches``, ``rss_mb``, ``pss_mb``, ``peak_rss_mb``, ``machine``. Counters
            run since the server's, the process's or the machine's start. What cannot be told is
            left out: the CPU of a role whose ended children left no trace, context switches of
            such a role, PSS where the system has none, memory and context switches of workers
            that cannot be told apart.

        Raises:
            redis.RedisError: the server does not answer.
        """
        now = self._now_ns()
        counters = self._counters()
        ended_now = ended if isinstance(ended, int) else ended()
        trees = {
            role: usage.used(roots) for role, roots in self._roles().items() if role != "redis"
        }
        for role, tree in trees.items():
            self._note_reaped(role, tree.reaped_s, begins=at in _BEGINS)
        cpu_s = {
            role: round(tree.cpu_s, 6)
            for role, tree in trees.items()
            if here.REAPED_IS_KNOWN or role not in self._lost
        }
        found = {"at": at, "t_ns": now, "ended": ended_now, **counters, "machine": usage.machine()}
        found["cpu_s"] = cpu_s | found["cpu_s"]
        if "worker" in trees and "worker" not in self._lost:
            found["switches"] = {"worker": list(trees["worker"].switches)}
        if "worker" in trees:
            found |= self._memory(trees["worker"], pss=at == _WITH_PSS)
        return found

    def foreign_clients(self) -> int:
        """Connections to the server that are not this meter's own.

        Whose they are the server does not know: ask while nothing of the lease runs. Above 0,
        its counters have the traffic of strangers in them.
        """
        return len(self.client.client_list()) - self._traffic.connections

    def close(self) -> None:
        """Close the client."""
        self.client.close()

    def _counters(self) -> dict[str, Any]:
        """What the server has counted, less what the harness did.

        It adds a command to its counters when it has run: its answer to INFO holds neither this
        INFO nor the answer's bytes, but those of the request.
        """
        self.client.ping()  # a handshake, if one is due, comes before the answer that is read
        received, calls = self._traffic.received, self._traffic.calls.copy()
        info: dict[str, Any] = self.client.info("all")
        ran = {
            name.removeprefix("cmdstat_"): int(value["calls"])
            for name, value in info.items()
            if name.startswith("cmdstat_")
        }
        commands = without(ran, calls)
        net_in, net_out = info.get("total_net_input_bytes"), info.get("total_net_output_bytes")
        return {
            "commands": {name: calls for name, calls in sorted(commands.items()) if calls},
            "net_in": None if net_in is None else net_in - self._traffic.sent,
            "net_out": None if net_out is None else net_out - received,
            "memory_bytes": info["used_memory"],
            "cpu_s": {"redis": round(info["used_cpu_user"] + info["used_cpu_sys"], 6)},
        }

    def _memory(self, worker: usage.Usage, *, pss: bool) -> dict[str, float]:
        pids = usage.members(self._roles().get("worker", ()))
        rss = usage.resident(pids)
        self._highest = max(self._highest, rss, worker.peak_rss)
        found = {"rss_mb": round(rss / MB, 3), "peak_rss_mb": round(self._highest / MB, 3)}
        shared = usage.proportional(pids) if pss else None
        if shared is not None:
            found["pss_mb"] = round(shared / MB, 3)
        return found

    def _note_ended(self, role: str, pids: Sequence[int]) -> None:
        if self._seen.get(role, set()) - set(pids):
            self._lost.add(role)
        self._seen[role] = set(pids)

    def _note_reaped(self, role: str, reaped_s: float, *, begins: bool) -> None:
        """A child that has ended took its context switches along, and on some systems its CPU."""
        self._note_ended(role, usage.members(self._roles().get(role, ())))
        if begins:
            self._lost.discard(role)
        elif reaped_s > self._reaped.get(role, reaped_s):
            self._lost.add(role)
        self._reaped[role] = reaped_s
