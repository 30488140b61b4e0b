"""What arq is asked for beside running jobs: its jobs in the worker, the asking outside."""

from __future__ import annotations

import contextlib
from typing import Any

from arq import create_pool, func

from backends.arq.tasks import job_id
from backends.kit import probing
from backends.kit.settings import namespace, setting


async def hold(ctx, task_id, seconds, stubborn):
    await probing.hold_async(task_id, seconds, stubborn)


async def burn(ctx, task_id, cpu_s):
    probing.burn(task_id, cpu_s)


#: A limit belongs to a function of the worker, not to a job. One attempt: none is to come back.
FUNCTIONS = [
    func(hold, max_tries=1),
    func(burn, max_tries=1),
    func(hold, name="hold_limited", timeout=setting("abilities.limit_s", 1), max_tries=1),
]


class Prober:
    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._sent: dict[int, Any] = {}

    async def hold(self, task_id, seconds, stubborn, soft_s, hard_s):
        name = "hold_limited" if soft_s or hard_s else "hold"
        await self._send(name, task_id, seconds=seconds, stubborn=stubborn)

    async def burn(self, task_id, cpu_s):
        await self._send("burn", task_id, cpu_s=cpu_s)

    async def revoke(self, task_id):
        await self._abort(task_id)

    async def terminate(self, task_id):
        await self._abort(task_id)

    async def _send(self, name, task_id, **kwargs):
        named = {"_job_id": job_id(task_id)} if namespace() else {}
        self._sent[task_id] = await self._redis.enqueue_job(
            name, task_id=task_id, **kwargs, **named
        )

    async def _abort(self, task_id):
        with contextlib.suppress(TimeoutError):  # it is asked for: what follows is not awaited
            await self._sent[task_id].abort(timeout=0.1)


async def connect() -> Prober:
    from backends.arq.worker import WorkerSettings  # which takes its functions from here

    settings = WorkerSettings.redis_settings
    return Prober(await create_pool(settings, default_queue_name=WorkerSettings.queue_name))
