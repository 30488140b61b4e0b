"""Look at everything a run needs and at what would spoil its numbers."""

from __future__ import annotations

from pathlib import Path

from bench.doctor import interpreter, processor, storage, supplies, system, watch
from bench.doctor.advice import Advice


def examine(
    out: Path, redis_url: str | None = None, redis_server: str | None = None
) -> list[Advice]:
    """One advice per thing looked at; what a platform cannot tell is left out.

    Args:
        out: the folder that results would go to; nothing is left there.
        redis_url: server that a run would use instead of the embedded one.
        redis_server: program that a run would start as the embedded server.
    """
    seen = watch.watch()
    return [
        *(supplies.external_redis(redis_url) if redis_url else [supplies.redis(redis_server)]),
        *supplies.environments(),
        *storage.examine(out),
        *processor.examine(seen),
        *system.examine(seen),
        *interpreter.examine(),
    ]
