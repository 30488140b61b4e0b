"""The least that a queue on Redis can do in Python: a list, JSON in, JSON out, nothing else.

No library to choose but the limit to see the others against: what they take beyond this is the
price of what they promise beyond this.
"""

from __future__ import annotations

from pathlib import Path

from backends.spec import Backend, Capabilities, Command, Readiness, Semantics, Setting, Variant

_SEMANTICS = Semantics(
    ack="early",
    delivery="at most once",
    results="none are kept",
    retries="none",
    chain="none",
    fifo=True,
)

_ONE = Variant(
    name="one",
    summary="one process whatever the concurrency",
    concurrency="1 process x 1 task",
    semantics=_SEMANTICS,
    nominal_tasks_per_s=7000,
    caveat="One task at a time at every concurrency.",
)


class Floor(Backend):
    """A worker command is one process that runs one task at a time."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        processes = 1 if variant is _ONE else concurrency
        return (("-m", "backends.floor.worker"),) * processes

    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        # A task that runs has left the list and is nowhere.
        return (f"{namespace}:queue" if namespace else "queue",)


BACKEND = Floor(
    name="floor",
    distribution="redis",
    homepage="https://redis.readthedocs.io",
    variants=(
        _ONE,
        Variant(
            name="many",
            summary="a process per task at once",
            concurrency="N processes x 1 task",
            semantics=_SEMANTICS,
            nominal_tasks_per_s=6000,
            nominal_grows=True,
        ),
    ),
    readiness=Readiness(pattern=r"floor worker ready"),
    capabilities=Capabilities(sees_failure=False, results=False, retries=False, chains=False),
    settings=(
        Setting("hiredis", "installed", "not installed", "the faster of redis-py's two parsers"),
        Setting(
            "single_connection_client",
            "True",
            "False",
            "a command takes no connection from a pool and gives none back",
        ),
    ),
    stop_within_s=5.0,
    is_floor=True,
    folder=Path(__file__).parent,
)
