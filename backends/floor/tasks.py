"""The workloads that need neither results nor retries, as plain functions by name."""

from __future__ import annotations

from backends.kit import task
from backends.kit.settings import setting
from scenarios import workload

ADD_SERVICE_S = setting("add.service_s", 0)


def add(x, y, task_id):
    return task.run(task_id, workload.add, x, y, ADD_SERVICE_S)


def payload(data, result_bytes, task_id):
    return task.run(task_id, workload.payload, data, result_bytes)


def compute(loops, task_id):
    return task.run(task_id, workload.compute, loops)
