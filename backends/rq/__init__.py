"""RQ under its default worker, which forks per job, and under its simple one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backends.spec import (
    Backend,
    Capabilities,
    Command,
    Readiness,
    Semantics,
    Setting,
    Variant,
    unlink,
)

_SEMANTICS = Semantics(
    ack="early",
    delivery="at most once",
    results="Redis stream per job, 1 h",
    retries="Retry(max=3, interval=...), on any exception, moved to the queue once a second",
    chain="depends_on: the worker enqueues the next job, which fetches the result before",
    fifo=True,
)

_SETTINGS = (
    Setting(
        "--config",
        "backends.rq.worker_config",
        "none",
        "names the queue and the broker, whose password must not be on the command line",
    ),
    Setting("result_ttl", "3600", "500", "results are kept as long as by the other queues"),
    Setting("failure_ttl", "3600", "31536000", "failures are kept as long as results"),
    Setting(
        "Retry(interval)",
        "the scenario's delay, rounded up to whole seconds",
        "0",
        "the scenario's fixed delay; RQ takes whole seconds only",
    ),
    Setting(
        "job_id",
        "the lease's namespace and a UUID",
        "a UUID",
        "every key of a lease can be told apart and removed",
    ),
    Setting(
        "socket_timeout (producer)",
        "None",
        "5 in redis-py 8",
        "waiting for a result longer than 5 s must not raise",
    ),
)

# The default worker needs fork. SimpleWorker does not, but the pool stops its workers with
# os.kill(pid, SIGINT), which Windows turns into an immediate end: no orderly stop there.
_PLATFORMS = frozenset({"linux", "darwin"})


_CAVEAT = (
    "Retry delays are whole seconds (0.5 s is asked for as 1 s) and due times are cut to the "
    "second, so a retry may come up to a second earlier than asked."
)

_ENDED = frozenset({b"finished", b"failed", b"stopped", b"canceled"})


class RQ(Backend):
    """RQ's worker pool is one command that forks N workers, each with one job at a time."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        command = ("-m", "rq.cli", "worker-pool", "-c", "backends.rq.worker_config")
        limits = tuple(part for s in variant.settings for part in (s.name, s.value))
        return ((*command, "-n", str(concurrency), *limits),)

    def queue_keys(self, namespace: str) -> tuple[str, ...]:
        return (
            f"rq:queue:{namespace}",
            f"rq:queue:{namespace}:intermediate",
            f"rq:scheduled:{namespace}",
            f"rq:deferred:{namespace}",
        )

    def pending(self, redis: Any, namespace: str, directory: Path) -> int:
        """Also the started jobs, but for those that have ended: RQ forgets to take some of a
        chain's jobs out of that registry (see NOTES.md, "Started registry")."""
        started = 0
        for entry in redis.zrange(f"rq:wip:{namespace}", 0, -1):
            job_id = entry.split(b":")[0].decode()
            started += redis.hget(f"rq:job:{job_id}", "status") not in _ENDED
        return started + super().pending(redis, namespace, directory)

    def sweep(self, redis: Any, namespace: str) -> None:
        """Also remove what only holds the namespace: workers, schedulers, entries of shared sets.

        A worker that stopped in order has left the set of its queue's workers while its hash
        stays for a minute; one that was killed is in the set. Hence both ways to find them.
        """
        owned = set(redis.smembers(f"rq:workers:{namespace}"))
        for pattern in ("rq:worker:*", "rq:scheduler:*"):
            for key in redis.scan_iter(match=pattern, count=1000, _type="HASH"):
                if redis.hget(key, "queues") == namespace.encode():
                    owned.add(key)
        if owned:
            redis.srem("rq:workers", *owned)
        redis.srem("rq:queues", f"rq:queue:{namespace}")
        unlink(redis, owned)
        super().sweep(redis, namespace)


BACKEND = RQ(
    name="rq",
    distribution="rq",
    homepage="https://python-rq.org",
    variants=(
        Variant(
            name="fork",
            summary="the default worker: a process forked for every job",
            concurrency="N workers x 1 forked process per job",
            semantics=_SEMANTICS,
            nominal_tasks_per_s=60,
            nominal_grows=True,
            platforms=_PLATFORMS,
            caveat=_CAVEAT,
        ),
        Variant(
            name="simple",
            summary="SimpleWorker: jobs run in the worker's own process",
            concurrency="N workers x 1 job",
            semantics=_SEMANTICS,
            nominal_tasks_per_s=250,
            nominal_grows=True,
            platforms=_PLATFORMS,
            caveat=_CAVEAT,
            settings=(
                Setting("--worker-class", "rq.worker.SimpleWorker", "rq.Worker", "no fork per job"),
            ),
        ),
    ),
    # Logged by each worker once it is registered and subscribed.
    readiness=Readiness(pattern=r"\*\*\* Listening on", times="per concurrency"),
    # Due times are cut to the whole second: see NOTES.md, "Retry delays".
    capabilities=Capabilities(retry_granularity_s=1.0),
    settings=_SETTINGS,
    shared_keys=(("rq:queues", "set"), ("rq:workers", "set")),
    folder=Path(__file__).parent,
)
