"""What RQ is asked for beside running jobs: its jobs in the worker, the asking outside."""

from __future__ import annotations

import math
from typing import Any
from uuid import uuid4

from rq.command import send_stop_job_command

from backends.kit import probing
from backends.kit.settings import namespace
from backends.rq.queues import queue


def hold(task_id, seconds, stubborn):
    probing.hold(task_id, seconds, stubborn)


def burn(task_id, cpu_s):
    probing.burn(task_id, cpu_s)


class Prober:
    def __init__(self) -> None:
        self._sent: dict[int, Any] = {}

    def hold(self, task_id, seconds, stubborn, soft_s, hard_s):
        limit_s = soft_s or hard_s  # it has one kind of limit, in whole seconds
        limit = {"job_timeout": math.ceil(limit_s)} if limit_s else {}
        self._send(hold, task_id, seconds, stubborn, **limit)

    def burn(self, task_id, cpu_s):
        self._send(burn, task_id, cpu_s)

    def revoke(self, task_id):
        self._sent[task_id].cancel()

    def terminate(self, task_id):
        send_stop_job_command(queue.connection, self._sent[task_id].id)

    def _send(self, function, task_id, *args, **how):
        if namespace():
            how["job_id"] = f"{namespace()}-{uuid4().hex}"
        self._sent[task_id] = queue.enqueue(function, args=(task_id, *args), **how)


def connect() -> Prober:
    return Prober()
