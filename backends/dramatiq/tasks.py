"""The workloads as dramatiq actors. The worker command names this module."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.errors import Retry

from backends.dramatiq.broker import broker
from backends.kit import task
from backends.kit.settings import setting
from scenarios import workload

ADD_SERVICE_S = setting("add.service_s", 0)
_MAX_RETRIES = 3


def _temporary(retries_so_far: int, error: BaseException) -> bool:
    """Retry what asked for it, so often. dramatiq ignores ``max_retries`` beside a predicate."""
    return isinstance(error, Retry) and retries_so_far < _MAX_RETRIES


def _retry(error: workload.TemporaryError, delay_s: float) -> Retry:
    """The library's own backoff is random; only a ``Retry`` has a fixed delay."""
    return Retry(str(error), delay=round(delay_s * 1000))


@dramatiq.actor(broker=broker, store_results=True)
def add(x, y, task_id):
    return task.run(task_id, workload.add, x, y, ADD_SERVICE_S)


@dramatiq.actor(broker=broker, store_results=True)
def payload(data, result_bytes, task_id):
    return task.run(task_id, workload.payload, data, result_bytes)


@dramatiq.actor(broker=broker, store_results=True)
def compute(loops, task_id):
    return task.run(task_id, workload.compute, loops)


@dramatiq.actor(broker=broker, store_results=True, retry_when=_temporary)
def flaky(fails, task_id):
    try:
        return task.run(task_id, workload.flaky, task.attempt(task_id), fails)
    except workload.TemporaryError as error:
        raise _retry(error, setting("flaky.retry_delay_s", 5)) from error


@dramatiq.actor(broker=broker, store_results=True, retry_when=_temporary)
def notification(text, task_id):
    try:
        return task.run(
            task_id,
            workload.notification,
            os.environ["BENCH_TELEGRAM_URL"],
            text,
            setting("notification.timeout_s", 60),
        )
    except workload.TemporaryError as error:
        raise _retry(error, setting("notification.retry_delay_s", 5)) from error
