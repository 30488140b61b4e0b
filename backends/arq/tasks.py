"""The workloads as arq jobs.

arq has no chains: a job that got ``then``, the steps after it, enqueues the next one itself.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from arq import Retry, func

from backends.kit import task
from backends.kit.settings import namespace, setting
from scenarios import workload

ADD_SERVICE_S = setting("add.service_s", 0)


def job_id(task_id: int) -> str:
    """The id that a task's job has where it must be known beforehand; it is in the name of every
    key that arq makes for the job."""
    return f"{namespace()}:{task_id}" if namespace() else str(task_id)


async def enqueue(redis: Any, steps: Sequence[Any], **extra: Any) -> Any:
    """Enqueue the first of ``steps``; the rest go with it as its ``then``."""
    (name, kwargs), *rest = steps
    if rest:
        extra["then"] = rest
    if namespace() or "x" in extra:  # beside others, or a later step, whose id the caller knows
        extra["_job_id"] = job_id(kwargs["task_id"])
    return await redis.enqueue_job(name, **kwargs, **extra)


async def pass_on(ctx, then, result):
    """Enqueue the next step, where there is one, with ``result`` as its ``x``."""
    if then:
        await enqueue(ctx["redis"], then, x=result)
    return result


async def add(ctx, x, y, task_id, then=()):
    result = await task.run_async(task_id, workload.add_async, x, y, ADD_SERVICE_S)
    return await pass_on(ctx, then, result)


async def payload(ctx, data, result_bytes, task_id, then=()):
    result = task.run(task_id, workload.payload, data, result_bytes)
    return await pass_on(ctx, then, result)


async def compute(ctx, loops, task_id, then=()):
    result = task.run(task_id, workload.compute, loops)
    return await pass_on(ctx, then, result)


async def flaky(ctx, fails, task_id, then=()):
    try:
        result = task.run(task_id, workload.flaky, task.attempt(task_id), fails)
    except workload.TemporaryError as error:
        raise Retry(defer=setting("flaky.retry_delay_s", 5)) from error
    return await pass_on(ctx, then, result)


async def notification(ctx, text, task_id, then=()):
    try:
        result = await task.run_async(
            task_id,
            workload.notification_async,
            os.environ["BENCH_TELEGRAM_URL"],
            text,
            setting("notification.timeout_s", 60),
        )
    except workload.TemporaryError as error:
        raise Retry(defer=setting("notification.retry_delay_s", 5)) from error
    return await pass_on(ctx, then, result)


#: What the worker knows: one attempt and three retries where there are retries.
FUNCTIONS = [add, compute, payload, func(flaky, max_tries=4), func(notification, max_tries=4)]
