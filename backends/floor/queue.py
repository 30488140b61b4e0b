"""The connection and the lease's one list."""

from __future__ import annotations

from backends.kit.settings import namespace, redis_url, require_installed

require_installed("redis")

from redis import Redis  # noqa: E402  (only after the check above)

# One connection, kept: the pool would be asked for one and given it back around each command.
redis = Redis.from_url(redis_url(), single_connection_client=True)
KEY = f"{namespace()}:queue" if namespace() else "queue"
