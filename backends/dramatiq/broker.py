"""The single broker, its result backend and its middleware."""

from __future__ import annotations

from backends.kit.settings import namespace, redis_url, require_installed

require_installed("dramatiq")

import dramatiq  # noqa: E402  (only after the check above)
from dramatiq.brokers.redis import RedisBroker  # noqa: E402
from dramatiq.results import Results  # noqa: E402
from dramatiq.results.backends import RedisBackend  # noqa: E402


def _patient(url: str) -> str:
    """``url`` with a socket timeout longer than any wait for a result.

    redis-py 8 gives up on a socket after 5 s by default, and so ``get_result(block=True)``, a
    blocking command, raises redis-py's ``TimeoutError`` then, however long it was to wait.
    """
    return f"{url}{'&' if '?' in url else '?'}socket_timeout=3600"


# Beside others a result's key must name the lease; by default it is a hash that hides that.
_named = {"namespace": namespace()} if namespace() else {}
_kept = {"namespace": f"{namespace()}:results", "use_namespace_prefix_keys": True} if _named else {}

results = RedisBackend(url=_patient(redis_url()), **_kept)

# The default middleware stays; results are added to it.
broker = RedisBroker(url=redis_url(), **_named)
broker.add_middleware(Results(backend=results, result_ttl=3_600_000))
dramatiq.set_broker(broker)
