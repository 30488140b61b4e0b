"""What a run needs of a server of somebody's, asked before anything is written there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import redis

from backends.spec import Backend
from bench.errors import RedisError
from bench.server.redis_server import Server

#: Commands that queues use, those of every kind; ``K`` stands for a key, ``C`` for a channel.
#: Inside a transaction that is thrown away the server says whether it would take them.
COMMANDS = tuple(
    command.split()
    for command in """
    GET K|MGET K|SET K 1 EX 1|SETNX K 1|SETEX K 1 1|PSETEX K 1 1|INCR K|DECR K|APPEND K 1|STRLEN K
    EXISTS K|TYPE K|DEL K|UNLINK K|EXPIRE K 1|PEXPIRE K 1|EXPIREAT K 1|PERSIST K|TTL K|PTTL K
    RENAME K K|SCAN 0|LPUSH K 1|RPUSH K 1|LPOP K|RPOP K|LLEN K|LRANGE K 0 1|LREM K 0 1|LINDEX K 0
    LPOS K 1|LTRIM K 0 1|LINSERT K BEFORE 1 1|BLPOP K 1|BRPOP K 1|RPOPLPUSH K K|BRPOPLPUSH K K 1
    LMOVE K K LEFT LEFT|BLMOVE K K LEFT LEFT 1
    HSET K 1 1|HSETNX K 1 1|HGET K 1|HMGET K 1|HMSET K 1 1|HGETALL K|HDEL K 1|HEXISTS K 1|HLEN K
    HKEYS K|HVALS K|HINCRBY K 1 1|HSCAN K 0
    SADD K 1|SREM K 1|SMEMBERS K|SISMEMBER K 1|SCARD K|SPOP K|SSCAN K 0
    ZADD K 1 1|ZREM K 1|ZCARD K|ZSCORE K 1|ZRANGE K 0 1|ZRANGEBYSCORE K 0 1|ZREVRANGE K 0 1
    ZREVRANGEBYSCORE K 1 0|ZREMRANGEBYSCORE K 0 1|ZREMRANGEBYRANK K 0 1|ZCOUNT K 0 1|ZINCRBY K 1 1
    ZPOPMIN K|BZPOPMIN K 1|ZSCAN K 0
    XADD K * 1 1|XREAD COUNT 1 STREAMS K 0|XRANGE K - +|XREVRANGE K + -|XDEL K 1-1|XLEN K
    XTRIM K MAXLEN 1|XGROUP CREATE K 1 0|XREADGROUP GROUP 1 1 STREAMS K >|XACK K 1 1-1
    PUBLISH C 1|EVAL return 0 0|EVALSHA 0000000000000000000000000000000000000000 0|SCRIPT EXISTS 0
    TIME|ECHO 1|INFO|CLIENT ID|CLIENT SETNAME x
    """.replace("\n", "|").split("|")
    if command.strip()
)
#: Those that a transaction does not take; each with what undoes it.
OUTSIDE = (
    ("WATCH K", "UNWATCH"),
    ("SUBSCRIBE C", "UNSUBSCRIBE C"),
    ("PSUBSCRIBE C", "PUNSUBSCRIBE C"),
)
#: The key and the channel that are asked about.
NAME = "task-queue-bench:probe"


def check(server: Server, keys: Mapping[str, str]) -> None:
    """Make sure that a run can do on the server what it must; nothing is written.

    Args:
        keys: that the run's queues share with all their users, with their types.

    Raises:
        RedisError: a replica, a command that is refused, or a shared key of another type.
    """
    # In the older protocol every command has one answer, subscriptions too.
    with _told(server), server.client(protocol=2) as client:
        facts = client.info("replication")
        if facts.get("role") not in ("master", None):
            primary = f"{facts.get('master_host')}:{facts.get('master_port')}"
            raise RedisError(
                f"the Redis at {server.masked_url} is a replica, which takes no tasks: give the "
                f"URL of its primary, {primary}"
            )
        if refused := _refused(client):
            command, why = refused
            raise RedisError(
                f"the Redis at {server.masked_url} refuses {command}, which a run needs ({why}): "
                "give a user that may do everything with every key and channel"
            )
        for key, wanted in keys.items():
            found = client.type(key).decode()
            if found not in (wanted, "none"):
                raise RedisError(
                    f"{key} in the Redis at {server.masked_url} is a {found}, where the queue "
                    f"needs a {wanted}: rename it, or give another database"
                )


def shared_keys(backends: Iterable[Backend]) -> dict[str, str]:
    """Those of all of these, with their types."""
    return {key: kind for backend in backends for key, kind in backend.shared_keys}


@contextlib.contextmanager
def _told(server: Server) -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise RedisError(
            f"the Redis at {server.masked_url} does not answer as it should: {error}"
        ) from None


def _refused(client: redis.Redis) -> tuple[str, str] | None:
    """The first command that the server does not take, and what it says; ``None`` if none."""
    pool = client.connection_pool
    connection: Any = pool.get_connection()
    try:
        for command, undo in OUTSIDE:
            if why := _objection(connection, command.split()):
                return command.split()[0], why
            _objection(connection, undo.split())
        for words in (["MULTI"], *COMMANDS):
            why = _objection(connection, words)
            if why and "unknown command" not in why:  # older than it: so are those who use it
                return words[0], why
        return None
    finally:
        connection.disconnect()  # which throws the transaction away
        pool.release(connection)


def _objection(connection: Any, words: list[str]) -> str:
    """What the server has against a command; empty where nothing."""
    connection.send_command(*(NAME if word in ("K", "C") else word for word in words))
    try:
        connection.read_response()
    except redis.ResponseError as error:
        return str(error).splitlines()[0].rstrip(".")
    return ""
