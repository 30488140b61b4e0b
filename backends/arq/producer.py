"""Send jobs and fetch results as an arq user does."""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import Any

from arq import ArqRedis, create_pool
from arq.jobs import Job, serialize_job

from backends.arq.tasks import enqueue, job_id
from backends.arq.worker import WorkerSettings
from backends.kit.client import NoResult, Step, TaskFailed


class Client:
    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def send(self, steps: list[Step]) -> list[Job]:
        """One job per step; those of a chain's later steps are not in the queue yet."""
        first = await enqueue(self._redis, steps)
        if first is None:
            raise ValueError("a job of this id exists already")
        later = (job_id(step.kwargs["task_id"]) for step in steps[1:])
        return [
            first,
            *(Job(name, self._redis, _queue_name=WorkerSettings.queue_name) for name in later),
        ]

    def serialise(self, steps: list[Step]) -> bytes:
        (step,) = steps
        return serialize_job(step.task, (), step.kwargs, None, time_ns() // 1_000_000)

    async def result(self, handle: list[Job], timeout_s: float) -> Any:
        # arq does not wait for a job that is not in the queue: a chain's jobs are awaited in turn,
        # each being enqueued before the one ahead of it has its result.
        deadline = perf_counter() + timeout_s
        value = None
        for job in handle:
            value = await _result(job, deadline - perf_counter())
        return value

    async def close(self) -> None:
        await self._redis.aclose()


async def _result(job: Job, timeout_s: float) -> Any:
    try:
        return await job.result(timeout=max(timeout_s, 0.01))
    except Exception as error:
        # Raised by the job or by arq while waiting (both may raise a TimeoutError): the job's
        # stored result tells them apart.
        try:
            stored = await job.result_info()
        except Exception:
            stored = None
        if stored is None:
            raise NoResult from error
        if not stored.success:
            raise TaskFailed(str(stored.result)) from error
        return stored.result


async def connect() -> Client:
    return Client(
        await create_pool(
            WorkerSettings.redis_settings, default_queue_name=WorkerSettings.queue_name
        )
    )
