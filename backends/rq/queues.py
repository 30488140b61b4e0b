"""The connection and the lease's one queue."""

from __future__ import annotations

from backends.kit.settings import namespace, redis_url, require_installed

require_installed("rq")

from redis import Redis  # noqa: E402  (only after the check above)
from rq import Queue  # noqa: E402

# No socket timeout: redis-py's default of 5 s would cut a longer wait for a result short.
queue = Queue(namespace() or "default", connection=Redis.from_url(redis_url(), socket_timeout=None))
