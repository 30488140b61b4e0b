"""Redis keys of a queue: how much is in them, and removing them. Standard library only.

``redis`` is a redis-py client of the harness.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def unlink(redis: Any, keys: Iterable[Any]) -> None:
    """Remove ``keys`` in batches."""
    batch: list[Any] = []
    for key in keys:
        batch.append(key)
        if len(batch) == 1000:
            redis.unlink(*batch)
            batch.clear()
    if batch:
        redis.unlink(*batch)


def matching(redis: Any, pattern: str) -> Iterable[Any]:
    """The keys that a pattern means; of a plain name that one, be it there or not."""
    if any(wildcard in pattern for wildcard in "*?["):
        return list(redis.scan_iter(match=pattern, count=1000))
    return [pattern]


def size(redis: Any, key: Any) -> int:
    """The tasks in a key, as :meth:`backends.spec.Backend.queue_keys` tells by its type."""
    kind = redis.type(key)
    kind = kind.decode() if isinstance(kind, bytes) else kind
    sizes = {
        "list": redis.llen,
        "hash": redis.hlen,
        "zset": redis.zcard,
        "set": redis.scard,
        "stream": lambda key: _left_in_stream(redis, key),
    }
    return int(sizes[kind](key)) if kind in sizes else 0


def _left_in_stream(redis: Any, key: Any) -> int:
    """What is left to do in a stream: acknowledged entries stay in it until they are trimmed."""
    groups = redis.xinfo_groups(key)
    if not groups:
        return int(redis.xlen(key))
    left = 0
    for group in groups:
        behind = group.get("lag")
        if behind is None:  # entries were deleted, or a server before 7.0: it has to be counted
            last = group["last-delivered-id"]
            last = last.decode() if isinstance(last, bytes) else last
            behind = len(redis.xrange(key, min=f"({last}"))
        left += int(behind) + int(group["pending"])
    return left
