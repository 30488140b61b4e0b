"""The workloads as RQ jobs."""

from __future__ import annotations

import functools
import math
import os

from rq import Retry, get_current_job
from rq.decorators import job

from backends.kit import task
from backends.kit.settings import setting
from backends.rq.queues import queue
from scenarios import workload

ADD_SERVICE_S = setting("add.service_s", 0)

_job = functools.partial(job, queue, queue.connection, result_ttl=3600, failure_ttl=3600)


def _retry(delay_s):
    # RQ takes whole seconds. It also cuts due times to the second, so that a retry may come up to
    # a second early: that is left as it is, for it is what a user of interval=5 gets.
    return Retry(max=3, interval=math.ceil(delay_s))


@_job()
def add(y, task_id, x=None):
    if x is None:  # a chain's later step: x is the result of the step before
        x = get_current_job().dependency.return_value()
    return task.run(task_id, workload.add, x, y, ADD_SERVICE_S)


@_job()
def payload(data, result_bytes, task_id):
    return task.run(task_id, workload.payload, data, result_bytes)


@_job(retry=_retry(setting("flaky.retry_delay_s", 5)))
def flaky(fails, task_id):
    return task.run(task_id, workload.flaky, task.attempt(task_id), fails)


@_job(retry=_retry(setting("notification.retry_delay_s", 5)))
def notification(text, task_id):
    return task.run(
        task_id,
        workload.notification,
        os.environ["BENCH_TELEGRAM_URL"],
        text,
        setting("notification.timeout_s", 60),
    )
