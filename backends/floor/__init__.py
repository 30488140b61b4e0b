"""The least that a queue on Redis can do in Python: a list, JSON in, JSON out, nothing else.

No library to choose but the limit to see the others against: what they take beyond this is the
price of what they promise beyond this.
"""

from __future__ import annotations

from pathlib import Path

from backends.spec import (
    Backend,
    Capabilities,
    Command,
    Option,
    Readiness,
    Semantics,
    Setting,
    Variant,
)

_SEMANTICS = Semantics(
    ack="early",
    delivery="at most once",
    results="none are kept",
    retries="none",
    chain="none",
    fifo=True,
)

_PARSER = "Replies are read by redis-py's own parser, as Celery, dramatiq and RQ read theirs."
_OPTIONS = (
    Option(
        "hiredis",
        "replies are read by hiredis, as arq reads its own",
        settings=(
            Setting(
                "parser_class",
                "hiredis's",
                "redis-py's own",
                "the faster of the two; a library whose environment has hiredis is to be seen "
                "against this",
            ),
        ),
        source="redis-py, README, Installation",
        speed=1.2,
        parser="hiredis",
    ),
)

_ONE = Variant(
    name="one",
    summary="one process whatever the concurrency",
    concurrency="1 process x 1 task",
    semantics=_SEMANTICS,
    nominal_tasks_per_s=7000,
    caveat=f"One task at a time at every concurrency. {_PARSER}",
)


class Floor(Backend):
    """A worker command is one process that runs one task at a time."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        processes = 1 if variant.name == _ONE.name else concurrency
        command = Command(("-m", "backends.floor.worker"), Readiness(r"floor worker ready"))
        return (command,) * processes

    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        # A task that runs has left the list and is nowhere.
        return (f"{namespace}:queue" if namespace else "queue",)


BACKEND = Floor(
    name="floor",
    distribution="redis",
    homepage="https://redis.readthedocs.io",
    imports=("redis",),
    variants=(
        _ONE,
        Variant(
            name="many",
            summary="a process per task at once",
            concurrency="N processes x 1 task",
            semantics=_SEMANTICS,
            nominal_tasks_per_s=6000,
            nominal_grows=True,
            caveat=_PARSER,
        ),
    ),
    capabilities=Capabilities(sees_failure=False, results=False, retries=False, chains=False),
    settings=(
        Setting(
            "single_connection_client",
            "True",
            "False",
            "a command takes no connection from a pool and gives none back",
        ),
    ),
    options=_OPTIONS,
    stop_within_s=5.0,
    is_floor=True,
    folder=Path(__file__).parent,
)
