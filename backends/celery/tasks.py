"""The workloads as Celery tasks."""

from __future__ import annotations

import os

from backends.celery.app import app
from backends.kit import task
from backends.kit.settings import setting
from scenarios import workload

ADD_SERVICE_S = setting("add.service_s", 0)


@app.task(name="add")
def add(x, y, task_id):
    return task.run(task_id, workload.add, x, y, ADD_SERVICE_S)


@app.task(name="payload")
def payload(data, result_bytes, task_id):
    return task.run(task_id, workload.payload, data, result_bytes)


@app.task(name="compute")
def compute(loops, task_id):
    return task.run(task_id, workload.compute, loops)


@app.task(
    name="flaky",
    bind=True,
    max_retries=3,
    default_retry_delay=setting("flaky.retry_delay_s", 5),
)
def flaky(self, fails, task_id):
    try:
        return task.run(task_id, workload.flaky, task.attempt(task_id), fails)
    except workload.TemporaryError as error:
        raise self.retry(exc=error) from error


@app.task(
    name="notification",
    bind=True,
    max_retries=3,
    default_retry_delay=setting("notification.retry_delay_s", 5),
)
def notification(self, text, task_id):
    try:
        return task.run(
            task_id,
            workload.notification,
            os.environ["BENCH_TELEGRAM_URL"],
            text,
            setting("notification.timeout_s", 60),
        )
    except workload.TemporaryError as error:
        raise self.retry(exc=error) from error
