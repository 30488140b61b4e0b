"""The worker's settings; the producer takes its connection from them too."""

from __future__ import annotations

from urllib.parse import unquote

from backends.kit.settings import (
    concurrency,
    namespace,
    option,
    redis_url,
    require_installed,
    setting,
)

require_installed("arq")

from arq.connections import RedisSettings  # noqa: E402  (only after the check above)
from arq.constants import default_queue_name  # noqa: E402

from backends.arq import tasks  # noqa: E402

if setting("abilities.probed"):
    from backends.arq import abilities


def _redis_settings(url):
    """arq leaves what is escaped in a URL's user and password as it is."""
    settings = RedisSettings.from_dsn(url)
    settings.username = settings.username and unquote(settings.username)
    settings.password = settings.password and unquote(settings.password)
    return settings


class WorkerSettings:
    """Everything not named here is arq's default."""

    functions = tasks.FUNCTIONS
    redis_settings = _redis_settings(redis_url())
    queue_name = f"{namespace()}:queue" if namespace() else default_queue_name
    max_jobs = concurrency()
    if option("fast-poll"):
        poll_delay = 0.05
    if setting("abilities.probed"):
        functions = [*tasks.FUNCTIONS, *abilities.FUNCTIONS]
        allow_abort_jobs = True
