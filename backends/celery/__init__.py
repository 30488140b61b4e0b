"""Celery under each of its pools."""

from __future__ import annotations

import socket
from pathlib import Path

from backends.spec import (
    Backend,
    Command,
    KnownError,
    Option,
    Probe,
    Readiness,
    Semantics,
    Setting,
    Variant,
)

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
    breaks_on={
        "win32": "its workers start, but no task is done: Celery has given up child processes "
        "without fork (WinError 5 or 6, 'not enough values to unpack')"
    },
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
        source="celery/worker/worker.py, should_use_eventloop",
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
        source="User Guide, Tasks, Options, acks_late",
    ),
    Option(
        "no-results",
        "what tasks return is not kept",
        settings=(Setting("task_ignore_result", "True", "False", "nobody asks for the results"),),
        promises={"results": "none"},
        source="User Guide, Tasks, Ignore results you don't want",
        lacks=frozenset({"results", "sees_failure"}),
    ),
    Option(
        "wake",
        "an acknowledgement ends the consumer's wait: the fix proposed for its stalls",
        settings=(
            Setting(
                "kombu.transport.redis",
                "patched at import",
                "as it is",
                "with every prefetched task done, the blocking consumer loop sleeps out its 2 s; "
                "here the acknowledgement wakes it",
            ),
        ),
        source="docs/findings/consumer-stall.md of this suite",
    ),
    Option(
        "tuned",
        "what the guide advises for many short tasks, logging as by default",
        includes=("warning-log", "prefetch-64"),
        source=_PREFETCH,
    ),
)

_ALL = frozenset({"prefork", "solo", "threads", "gevent", "eventlet"})
_ABILITIES = (
    # The signal that tells a process of prefork, SIGUSR1, is none of Windows'.
    Probe("soft_time_limit", frozenset({"prefork"}), can_on_windows=frozenset()),
    Probe("hard_time_limit", frozenset({"prefork"})),
    # With Windows' loop prefork, too, is handed at once what was fetched. Between two tasks solo
    # takes what comes first: the next task, or that it was revoked.
    Probe(
        "revoke_waiting",
        frozenset({"prefork"}),
        can_on_windows=frozenset(),
        by_chance=frozenset({"solo"}),
    ),
    Probe("terminate_running", frozenset({"prefork", "gevent", "eventlet"})),
    Probe("cpu_in_parallel", frozenset({"prefork", "solo"})),
    Probe("graceful_stop", _ALL),
    Probe("soft_shutdown", frozenset({"prefork"}), stop_signal="SIGQUIT"),
)

_POOLS = "use the threads or the solo pool there"
_KNOWN_ERRORS = (
    KnownError(
        r"Received unregistered task of type",
        "the worker has not imported the module of this task and threw the message away: name the "
        "module in imports, or where -A finds it, and start the worker where it can be imported",
    ),
    KnownError(
        r"consumer: Cannot connect to redis",
        "the worker finds no Redis at the broker's URL and tries again a hundred times: start the "
        "server, or mend host, port and password of the URL",
    ),
    KnownError(
        r"\[WinError [56]\]",
        "what prefork hands to its processes (semaphores, by the number of a handle) has gone to "
        "the launcher of the virtual environment, which is not the process that runs: "
        f"{_POOLS}, or run the worker by the Python that the environment was made of",
    ),
    KnownError(
        r"not enough values to unpack \(expected 3, got 0\)|worker task registry is empty",
        "the processes of the prefork pool were started anew, as Windows does, and know no tasks: "
        f"Celery 5.7 mends that, an older one with FORKED_BY_MULTIPROCESSING=1; or {_POOLS}",
    ),
    KnownError(
        r"does not implement kill_job",
        "this pool cannot end a task that runs, and the attempt is an error of its own",
    ),
)

# Logged by the consumer once it listens on the queue.
_READY = Readiness(r"\S+@\S+ ready\.")


def _stop(*names: str) -> tuple[str, ...]:
    """What asks workers of these names, on this machine, to finish what they do and end.

    They are named: without it every worker at the broker would stop.
    """
    nodes = ",".join(f"{name}@{socket.gethostname()}" for name in names)
    return ("-m", "celery", "-A", "backends.celery.app", "control", "-d", nodes, "shutdown")


class Celery(Backend):
    """Celery's worker is one command with N slots; the solo pool has one slot, so N commands."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        level = "WARNING" if variant.has("warning-log") else "INFO"
        command = ("-m", "celery", "-A", "backends.celery.app", "worker", "--loglevel", level)
        if variant.name == "solo":
            names = [f"solo{number}" for number in range(1, concurrency + 1)]
            return tuple(
                Command(
                    (*command, "-P", "solo", "-n", f"{name}@%h"), _READY, stop_words=_stop(*names)
                )
                for name in names
            )
        limits = tuple(part for s in variant.settings for part in (s.name, s.value))
        words = (*command, "-P", variant.name, "-c", str(concurrency), *limits)
        return (Command(words, _READY, stop_words=_stop("celery")),)

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
    abilities=_ABILITIES,
    known_errors=_KNOWN_ERRORS,
    folder=Path(__file__).parent,
)
