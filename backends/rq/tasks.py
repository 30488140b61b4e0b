"""The workloads as RQ jobs: plain functions. How they are enqueued is the producer's business.

A worker that forks imports this module anew for each job, so it imports nothing that a job does
not need.
"""

from __future__ import annotations

import os

from rq import get_current_job

from backends.kit import task
from backends.kit.settings import setting
from scenarios import workload

#: The tasks with retries and the setting that has their delay in seconds: for the producer.
RETRIED = {"flaky": "flaky.retry_delay_s", "notification": "notification.retry_delay_s"}

ADD_SERVICE_S = setting("add.service_s", 0)


def add(y, task_id, x=None):
    if x is None:  # a chain's later step: x is the result of the step before
        x = get_current_job().dependency.return_value()
    return task.run(task_id, workload.add, x, y, ADD_SERVICE_S)


def payload(data, result_bytes, task_id):
    return task.run(task_id, workload.payload, data, result_bytes)


def compute(loops, task_id):
    return task.run(task_id, workload.compute, loops)


def flaky(fails, task_id):
    return task.run(task_id, workload.flaky, task.attempt(task_id), fails)


def notification(text, task_id):
    return task.run(
        task_id,
        workload.notification,
        os.environ["BENCH_TELEGRAM_URL"],
        text,
        setting("notification.timeout_s", 60),
    )
