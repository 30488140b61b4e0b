"""An arq program as its user writes it: ``arq worker.WorkerSettings``."""

import os

from arq.connections import RedisSettings


async def add(ctx, x, y):
    return x + y


class WorkerSettings:
    functions = [add]
    redis_settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
    max_jobs = int(os.environ["CONCURRENCY"])
