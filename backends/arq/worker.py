"""The worker's settings; the producer takes its connection from them too."""

from __future__ import annotations

from backends.kit.settings import concurrency, namespace, redis_url, require_installed

require_installed("arq")

from arq import func  # noqa: E402  (only after the check above)
from arq.connections import RedisSettings  # noqa: E402

from backends.arq import tasks  # noqa: E402


class WorkerSettings:
    """Everything not named here is arq's default."""

    functions = [
        tasks.add,
        func(tasks.flaky, max_tries=4),
        func(tasks.notification, max_tries=4),
    ]
    redis_settings = RedisSettings.from_dsn(redis_url())
    queue_name = f"{namespace()}:queue"
    max_jobs = concurrency()
