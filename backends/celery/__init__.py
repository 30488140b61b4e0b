"""Celery under each of its pools."""

from __future__ import annotations

from pathlib import Path

from backends.spec import Backend, Command, Option, Readiness, Semantics, Setting, Variant

_SEMANTICS = Semantics(
    ack="late",
    delivery="at least once",
    results="Redis, 1 h",
    retries="self.retry(countdown=...), held by a worker as an ETA task",
    chain="chain(): the worker sends the next task",
)

_SETTINGS = (
    Setting(
        "task_acks_late", "True", "False", "a task is acknowledged when done, not when fetched"
    ),
    Setting(
        "task_reject_on_worker_lost",
        "True",
        "False",
        "with late acknowledgement a task whose child process was killed goes back to the queue",
    ),
    Setting(
        "broker_connection_retry_on_startup",
        "True",
        "unset (warns)",
        "a worker started before its broker waits for it",
    ),
    Setting("result_expires", "3600", "86400", "results are kept as long as by the other queues"),
    Setting(
        "global_keyprefix",
        "the lease's namespace",
        "none",
        "every key of a lease can be told apart and removed",
        among_others=True,
    ),
    Setting("imports", "backends.celery.tasks", "none", "explicit imports, no autodiscovery"),
    Setting(
        "-c (solo: the number of workers)",
        "the concurrency",
        "one per core (solo: 1)",
        "N tasks at once",
    ),
    Setting(
        "default_retry_delay",
        "the scenario's delay",
        "180",
        "fixed delay of the scenario; max_retries is 3 by default",
    ),
    Setting("--loglevel", "INFO", "WARNING", "as in the documentation's first worker command"),
)

_TIME_LIMITS = (
    Setting("--time-limit", "300", "none", "a stuck task is ended; only prefork and gevent do it"),
    Setting("--soft-time-limit", "240", "none", "the task is told before; only prefork does it"),
)

_PREFORK = Variant(
    name="prefork",
    summary="the default pool: child processes",
    concurrency="1 worker x N child processes",
    semantics=_SEMANTICS,
    settings=_TIME_LIMITS,
    nominal_tasks_per_s=800,
)


_PREFETCH = "User Guide, Optimizing, Prefetch Limits"


def _prefetch(multiplier: int, summary: str, why: str) -> Option:
    setting = Setting("worker_prefetch_multiplier", str(multiplier), "4", why)
    return Option(f"prefetch-{multiplier}", summary, settings=(setting,), source=_PREFETCH)


_OPTIONS = (
    Option(
        "winloop",
        "the consumer loop that every worker runs on Windows",
        settings=(
            Setting(
                "app.IS_WINDOWS",
                "True",
                "whether it is Windows",
                "the worker takes messages as it does on Windows: it blocks for up to 2 s in each "
                "look at the broker; gevent and eventlet do so everywhere",
            ),
        ),
        variants=frozenset({"prefork", "solo", "threads"}),
        native_on=frozenset({"win32"}),
    ),
    Option(
        "warning-log",
        "no two lines a task in the worker's log",
        settings=(
            Setting("--loglevel", "WARNING", "INFO here", "the worker's own default, as if unsaid"),
        ),
        source="Command Line Interface, celery worker",
    ),
    _prefetch(
        1,
        "a worker holds no more tasks than it runs",
        "long tasks: none waits behind one while another worker is free",
    ),
    _prefetch(16, "a worker fetches ahead", "the worker need not wait for messages"),
    _prefetch(
        64,
        "a worker fetches far ahead",
        "many short tasks: the worker need not wait for messages",
    ),
    Option(
        "early-ack",
        "a task is acknowledged when it is fetched",
        settings=(
            Setting(
                "task_acks_late",
                "False",
                "True here",
                "the library's own default: a task whose worker dies is gone",
            ),
        ),
        promises={"ack": "early", "delivery": "at most once"},
    ),
    Option(
        "no-results",
        "what tasks return is not kept",
        settings=(Setting("task_ignore_result", "True", "False", "nobody asks for the results"),),
        promises={"results": "none"},
        lacks=frozenset({"results", "sees_failure"}),
    ),
    Option(
        "tuned",
        "what the guide advises for many short tasks, logging as by default",
        includes=("warning-log", "prefetch-64"),
        source=_PREFETCH,
    ),
)

# Logged by the consumer once it listens on the queue.
_READY = Readiness(r"\S+@\S+ ready\.")


class Celery(Backend):
    """Celery's worker is one command with N slots; the solo pool has one slot, so N commands."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        level = "WARNING" if variant.has("warning-log") else "INFO"
        command = ("-m", "celery", "-A", "backends.celery.app", "worker", "--loglevel", level)
        if variant.name == "solo":
            return tuple(
                Command((*command, "-P", "solo", "-n", f"solo{number}@%h"), _READY)
                for number in range(1, concurrency + 1)
            )
        limits = tuple(part for s in variant.settings for part in (s.name, s.value))
        words = (*command, "-P", variant.name, "-c", str(concurrency), *limits)
        return (Command(words, _READY),)

    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        prefix = f"{namespace}:" if namespace else ""
        return (f"{prefix}celery", f"{prefix}unacked")


_LOST_ACKS = (
    "With more than 10 tasks at once acknowledgements may be given up for want of a connection "
    "(max_connections, 10 by default): such tasks were done but stay with the broker."
)

BACKEND = Celery(
    name="celery",
    distribution="celery",
    homepage="https://docs.celeryq.dev",
    imports=("celery", "kombu", "eventlet", "gevent"),
    variants=(
        _PREFORK,
        Variant(
            name="solo",
            summary="tasks run in the worker's main thread, one at a time",
            concurrency="N workers x 1 task",
            semantics=_SEMANTICS,
            nominal_tasks_per_s=650,
            nominal_grows=True,
        ),
        Variant(
            name="threads",
            summary="a thread pool",
            concurrency="1 worker x N threads",
            semantics=_SEMANTICS,
        ),
        Variant(
            name="gevent",
            summary="greenlets of gevent",
            concurrency="1 worker x N greenlets",
            semantics=_SEMANTICS,
            nominal_tasks_per_s=300,
            caveat=_LOST_ACKS,
            settings=_TIME_LIMITS[:1],
        ),
        Variant(
            name="eventlet",
            summary="greenlets of eventlet",
            concurrency="1 worker x N greenlets",
            semantics=_SEMANTICS,
            nominal_tasks_per_s=300,
            caveat=f"{_LOST_ACKS} eventlet is deprecated by its own maintainers.",
        ),
    ),
    settings=_SETTINGS,
    options=_OPTIONS,
    folder=Path(__file__).parent,
)
