"""arq: one worker process, jobs are coroutines on its event loop."""

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

_OPTIONS = (
    Option(
        "fast-poll",
        "the worker looks for work ten times as often",
        settings=(
            Setting(
                "poll_delay", "0.05", "0.5", "a task need not wait half a second to be noticed"
            ),
        ),
        source="API Reference, arq.worker.Worker, poll_delay",
        speed=4.0,
    ),
)


# To abort jobs takes allow_abort_jobs, which is on where that is probed.
_ABILITIES = (
    Probe("soft_time_limit", frozenset({""})),
    Probe("hard_time_limit"),
    Probe("revoke_waiting", frozenset({""})),
    Probe("terminate_running", frozenset({""})),
    Probe("cpu_in_parallel"),
    Probe("graceful_stop"),
)


class Arq(Backend):
    """One command; ``max_jobs`` of its settings is the concurrency."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        return (
            Command(
                ("-m", "arq", "backends.arq.worker.WorkerSettings"),
                Readiness(r"Starting worker for \d+ functions"),
            ),
        )

    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        # A job's id leaves this sorted set when it has finished, not when it starts.
        return (f"{namespace or 'arq'}:queue",)


class Polling(Variant):
    """With few slots a poll starts one short task per slot; from about four slots on they finish
    while it still starts others, so that it gets through all it has read: 100 of them.
    That is 200/s; a backlog of three times as many has bursts enough to tell the rate by.
    """

    def nominal_rate(self, concurrency: int) -> float:
        return super().nominal_rate(concurrency) if concurrency < 4 else 600.0


BACKEND = Arq(
    name="arq",
    distribution="arq",
    homepage="https://arq-docs.helpmanual.io",
    imports=("arq",),
    variants=(
        Polling(
            name="",
            summary="coroutines on the worker's event loop",
            concurrency="1 worker x N coroutines",
            semantics=Semantics(
                ack="late",
                delivery="at least once",
                results="Redis, 1 h",
                retries="raise Retry(defer=...), the job waits in the queue with a later score",
                chain="enqueued by the task",
            ),
            nominal_tasks_per_s=2,
            nominal_grows=True,
            caveat=(
                "The worker looks for work only every 0.5 s and the caller for a result only every "
                "0.5 s (both defaults), so one slot does at most two tasks a second and every wait "
                "is rounded up to the next poll."
            ),
        ),
    ),
    settings=(
        Setting("max_jobs", "the concurrency", "10", "how many jobs run at once"),
        Setting(
            "max_tries",
            "4 (flaky, notification)",
            "5",
            "one attempt and three retries, as with the other queues",
        ),
        Setting("Retry(defer)", "the scenario's delay", "0", "the scenario's fixed delay"),
        Setting(
            "queue_name",
            "the lease's namespace + :queue",
            "arq:queue",
            "every key of a lease can be told apart and removed",
            among_others=True,
        ),
        Setting(
            "_job_id",
            "the lease's namespace + the task's id",
            "a random UUID",
            "arq has no key prefix",
            among_others=True,
        ),
        Setting(
            "_job_id (a chain's later steps)",
            "the task's id",
            "a random UUID",
            "the caller must know the ids of the later steps",
        ),
    ),
    options=_OPTIONS,
    known_defects=(
        KnownDefect(
            check="stop",
            told="arq ends on the spot on Windows when it is asked to stop, with the jobs it runs",
            where="backends/arq/NOTES.md",
            platforms=frozenset({"win32"}),
            always=False,
        ),
    ),
    abilities=_ABILITIES,
    parser="hiredis",
    folder=Path(__file__).parent,
)
