"""The connection and the lease's one list."""

from __future__ import annotations

from backends.kit.settings import namespace, option, redis_url, require_installed

require_installed("redis")

from redis import Redis  # noqa: E402  (only after the check above)
from redis.connection import DefaultParser, _RESP2Parser  # noqa: E402

# One connection, kept: the pool would be asked for one and given it back around each command.
# hiredis is there for the option: by default replies are parsed as where it is not installed.
_parser = DefaultParser if option("hiredis") else _RESP2Parser
redis = Redis.from_url(redis_url(), single_connection_client=True, parser_class=_parser)
KEY = f"{namespace()}:queue" if namespace() else "queue"
