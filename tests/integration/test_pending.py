"""What a real server says of the keys that ``pending`` adds up."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.spec import Backend
from bench.server.redis_server import Server

pytestmark = pytest.mark.integration


class Queue(Backend):
    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        return (f"{namespace}:*",)


def test_a_stream_counts_what_its_group_has_left_to_do(server: Server, tmp_path: Path) -> None:
    queue, namespace = Queue("queue", "queue", "", ()), "tqb-stream"
    stream = f"{namespace}:tasks"
    with server.client() as redis:

        def pending() -> int:
            return queue.pending(redis, namespace, tmp_path)

        ids = [redis.xadd(stream, {"task": number}) for number in range(5)]
        assert pending() == 5
        redis.xgroup_create(stream, "workers", id="0")
        assert pending() == 5
        redis.xreadgroup("workers", "one", {stream: ">"}, count=3)
        assert pending() == 5  # 3 given and not acknowledged, 2 to be given
        redis.xack(stream, "workers", *ids[:2])
        assert pending() == 3
        redis.xdel(stream, ids[4])  # how far behind the group is the server no longer knows
        assert redis.xinfo_groups(stream)[0]["lag"] is None
        assert pending() == 2
        redis.xreadgroup("workers", "one", {stream: ">"})
        redis.xack(stream, "workers", *ids)
        assert (redis.xlen(stream), pending()) == (4, 0)
        queue.sweep(redis, namespace)
        assert not redis.exists(stream)


def test_of_other_types_each_entry_counts_and_a_string_none(server: Server, tmp_path: Path) -> None:
    queue, namespace = Queue("queue", "queue", "", ()), "tqb-types"
    with server.client() as redis:
        redis.rpush(f"{namespace}:list", 1, 2, 3)
        redis.hset(f"{namespace}:hash", mapping={"a": 1, "b": 2})
        redis.zadd(f"{namespace}:zset", {"a": 1})
        redis.sadd(f"{namespace}:set", "a", "b")
        redis.set(f"{namespace}:string", "text")
        assert queue.pending(redis, namespace, tmp_path) == 3 + 2 + 1 + 2
        queue.sweep(redis, namespace)
        assert list(redis.scan_iter(match=f"*{namespace}*")) == []
