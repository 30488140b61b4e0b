"""dramatiq with its Redis broker."""

from __future__ import annotations

from pathlib import Path

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

_SETTINGS = (
    Setting("--processes", "1", "one per CPU", "concurrency is counted in threads"),
    Setting("--threads", "the concurrency", "8", "N tasks at once"),
    Setting(
        "RedisBroker namespace",
        "the lease's namespace",
        "dramatiq",
        "every key of a lease can be told apart and removed",
        among_others=True,
    ),
    Setting("Results middleware", "added", "not among the defaults", "callers fetch results"),
    Setting("store_results", "True", "False", "callers fetch results"),
    Setting(
        "RedisBackend namespace",
        "the lease's namespace and :results",
        "dramatiq-results",
        "every key of a lease can be told apart and removed",
        among_others=True,
    ),
    Setting(
        "RedisBackend use_namespace_prefix_keys",
        "True",
        "False",
        "by default a result's key is a hash that hides the namespace",
        among_others=True,
    ),
    Setting(
        "RedisBackend url socket_timeout",
        "3600 s",
        "5 s (redis-py 8)",
        "a blocking get_result longer than redis-py's own timeout raises its TimeoutError",
    ),
    Setting("result_ttl", "3600000", "600000", "results are kept as long as by the other queues"),
    Setting(
        "retry_when (flaky, notification)",
        "3 retries, only of a temporary error",
        "20 retries, of any error",
        "the same retries as the other queues; another error fails at once",
    ),
    Setting(
        "Retry(delay=...) (flaky, notification)",
        "the scenario's delay",
        "15 s, doubling, random up to twice that",
        "a fixed delay; the library's own backoff is always random",
    ),
)


_OPTIONS = (
    Option(
        "processes-2",
        "the threads in two processes",
        settings=(
            Setting(
                "--processes, --threads",
                "2, half the concurrency (rounded up)",
                "1, the concurrency here",
                "threads of one process share one core; dramatiq itself starts a process per core",
            ),
        ),
        source="User Guide, Workers",
    ),
)


# To take back or to end a task takes a package of its own, dramatiq-abort.
_ABILITIES = (
    Probe("soft_time_limit", frozenset({""})),
    Probe("hard_time_limit"),
    Probe("cpu_in_parallel"),
    Probe("graceful_stop", frozenset({""})),
)


class Dramatiq(Backend):
    """One worker process with N threads."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        processes = min(2, concurrency) if variant.has("processes-2") else 1
        threads = -(-concurrency // processes)
        sizes = ("-p", str(processes), "-t", str(threads))
        words = ("-m", "dramatiq", "backends.dramatiq.tasks", *sizes)
        # Logged by each process once its consumers and its threads have been started.
        ready = Readiness(r"Worker process is ready for action\.", times=processes)
        return (Command(words, ready),)

    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        # A message stays in its queue's hash until it is acknowledged; the delay queue has one too.
        prefix = namespace or "dramatiq"
        return (f"{prefix}:default.msgs", f"{prefix}:default.DQ.msgs")


BACKEND = Dramatiq(
    name="dramatiq",
    distribution="dramatiq",
    homepage="https://dramatiq.io",
    imports=("dramatiq",),
    variants=(
        Variant(
            name="",
            summary="one process, a pool of threads",
            concurrency="1 process x N threads",
            semantics=Semantics(
                ack="late",
                delivery="at least once",
                results="Redis, 1 h",
                retries="raise Retry(delay=...), held by a worker from the delay queue",
                chain="pipeline: the worker sends the next message",
            ),
            nominal_tasks_per_s=260,
            nominal_grows=True,
        ),
    ),
    settings=_SETTINGS,
    options=_OPTIONS,
    known_defects=(
        KnownDefect(
            check="stop",
            told="dramatiq ends its workers at once on Windows when it is asked to stop",
            where="backends/dramatiq/NOTES.md",
            platforms=frozenset({"win32"}),
            always=False,
        ),
    ),
    abilities=_ABILITIES,
    folder=Path(__file__).parent,
)
