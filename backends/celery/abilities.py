"""What Celery is asked for beside running tasks: its tasks in the worker, the asking outside."""

from __future__ import annotations

from typing import Any

from backends.celery.app import app
from backends.kit import probing
from backends.kit.settings import setting

app.conf.worker_soft_shutdown_timeout = setting("abilities.soft_shutdown_s", 0)


@app.task(name="hold")
def hold(task_id, seconds, stubborn):
    probing.hold(task_id, seconds, stubborn)


@app.task(name="burn")
def burn(task_id, cpu_s):
    probing.burn(task_id, cpu_s)


class Prober:
    def __init__(self) -> None:
        self._sent: dict[int, Any] = {}

    def hold(self, task_id, seconds, stubborn, soft_s, hard_s):
        # A hard limit below the soft one, here the worker's, is not looked at: prefork waits for
        # the soft one first.
        soft_s = soft_s or (hard_s and hard_s / 2)
        self._sent[task_id] = hold.apply_async(
            (task_id, seconds, stubborn), soft_time_limit=soft_s, time_limit=hard_s
        )

    def burn(self, task_id, cpu_s):
        self._sent[task_id] = burn.delay(task_id, cpu_s)

    def revoke(self, task_id):
        self._sent[task_id].revoke()

    def terminate(self, task_id):
        self._sent[task_id].revoke(terminate=True)


def connect() -> Prober:
    return Prober()
