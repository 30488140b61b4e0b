"""The workloads as tasks of this queue: plain functions by name."""

from __future__ import annotations

import os

from backends.kit import task
from backends.kit.settings import setting
from scenarios import workload

ADD_SERVICE_S = setting("add.service_s", 0)


class Retry(Exception):
    """Another attempt shall be made in ``delay_s`` seconds."""

    def __init__(self, delay_s: float) -> None:
        super().__init__(f"retry in {delay_s} s")
        self.delay_s = delay_s


def add(x: int, y: int, task_id: int, extra_s: float = 0.0) -> int:
    return task.run(task_id, workload.add, x, y, ADD_SERVICE_S + extra_s)


def payload(data: str, result_bytes: int, task_id: int) -> str:
    return task.run(task_id, workload.payload, data, result_bytes)


def compute(loops: int, task_id: int) -> int:
    return task.run(task_id, workload.compute, loops)


def flaky(fails: int, task_id: int) -> int:
    try:
        return task.run(task_id, workload.flaky, task.attempt(task_id), fails)
    except workload.TemporaryError as error:
        raise Retry(setting("flaky.retry_delay_s", 5)) from error


def notification(text: str, task_id: int) -> int:
    try:
        return task.run(
            task_id,
            workload.notification,
            os.environ["BENCH_TELEGRAM_URL"],
            text,
            setting("notification.timeout_s", 60),
        )
    except workload.TemporaryError as error:
        raise Retry(setting("notification.retry_delay_s", 5)) from error


TASKS = {
    "add": add,
    "compute": compute,
    "payload": payload,
    "flaky": flaky,
    "notification": notification,
}
