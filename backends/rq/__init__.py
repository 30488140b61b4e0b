"""RQ under its default worker, which forks per job, and under its simple one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backends.keys import unlink
from backends.spec import (
    Backend,
    Command,
    KnownDefect,
    Option,
    Probe,
    Readiness,
    Semantics,
    Setting,
    Variant,
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
        among_others=True,
    ),
    Setting(
        "Group.REDIS_GROUP_CLEANING_KEY",
        "rq:clean_groups and the lease's namespace",
        "rq:clean_groups",
        "a lock that is never given back would stay, or keep the workers of others from cleaning",
        among_others=True,
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

_STRANDED = (
    "rq leaves the next step of a chain behind, for many minutes, where two workers finish steps "
    "at once"
)

_ENDED = frozenset({b"finished", b"failed", b"stopped", b"canceled"})


_CLASSES = {"fork": "", "simple": "rq.worker.SimpleWorker"}

_OPTIONS = (
    Option(
        "preload",
        "the tasks' module is loaded before the fork",
        settings=(
            Setting(
                "--config, imports of",
                "the tasks' module",
                "none of the user's",
                "a forked process inherits what its worker has loaded; else each job loads it anew",
            ),
        ),
        source="Workers, Performance Notes",
        variants=frozenset({"fork"}),
    ),
    Option(
        "spawn",
        "SpawnWorker: a new process started for every job",
        settings=(
            Setting(
                "--worker-class",
                "rq.worker.SpawnWorker",
                "rq.Worker here",
                "one of the two that RQ's notes name for production",
            ),
        ),
        source="Notes on Performance",
        variants=frozenset({"fork"}),
        speed=0.1,
    ),
    Option(
        "tuned",
        "what the documentation advises against the cost of forks",
        includes=("preload",),
        source="Workers, Performance Notes",
        variants=frozenset({"fork"}),
    ),
)


_BOTH = frozenset({"fork", "simple"})
_ABILITIES = (
    Probe("soft_time_limit", _BOTH),
    Probe("hard_time_limit"),
    Probe("revoke_waiting", _BOTH),
    Probe("terminate_running", frozenset({"fork"})),
    Probe("cpu_in_parallel", _BOTH),
    Probe("graceful_stop", _BOTH),
)


class RQ(Backend):
    """RQ's worker pool is one command that forks N workers, each with one job at a time."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        command = ("-m", "rq.cli", "worker-pool", "-c", "backends.rq.worker_config")
        kind = "rq.worker.SpawnWorker" if variant.has("spawn") else _CLASSES[variant.name]
        classes = ("--worker-class", kind) if kind else ()
        words = (*command, "-n", str(concurrency), *classes)
        # Logged by each worker once it is registered and subscribed.
        return (Command(words, Readiness(r"\*\*\* Listening on", times=concurrency)),)

    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        queue = namespace or "default"
        return (
            f"rq:queue:{queue}",
            f"rq:queue:{queue}:intermediate",
            f"rq:scheduled:{queue}",
            f"rq:deferred:{queue}",
            f"rq:ready:{queue}",
        )

    def pending(self, redis: Any, namespace: str | None, directory: Path) -> int:
        """Also the started jobs, but for those that have ended: RQ before 3.0 forgets to take some
        of a chain's jobs out of that registry (see NOTES.md, "Started registry")."""
        started = 0
        for entry in redis.zrange(f"rq:wip:{namespace or 'default'}", 0, -1):
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
        # What a worker runs: it removes that when it stops, a killed one does not.
        unlink(redis, [key + b":executions" for key in owned])
        super().sweep(redis, namespace)


BACKEND = RQ(
    name="rq",
    distribution="rq",
    homepage="https://python-rq.org",
    imports=("rq", "redis"),
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
    settings=_SETTINGS,
    options=_OPTIONS,
    abilities=_ABILITIES,
    known_defects=(
        # Due times are cut to the whole second: see "Retry delays" there.
        KnownDefect(
            check="retry_delay",
            told="rq retries up to a second early",
            where="backends/rq/NOTES.md",
            always=False,
        ),
        # Such a step has not run, its caller has no result, and the broker holds what is left:
        # see "Stranded steps of chains" there.
        *(
            KnownDefect(
                check=check,
                told=_STRANDED,
                where="backends/rq/NOTES.md",
                scenarios=frozenset({"chain"}),
                always=False,
            )
            for check in ("lost", "outcome", "results", "pending")
        ),
    ),
    shared_keys=(("rq:queues", "set"), ("rq:workers", "set")),
    folder=Path(__file__).parent,
)
