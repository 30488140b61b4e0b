"""What dramatiq is asked for beside running tasks: its actors in the worker, the asking outside."""

from __future__ import annotations

import dramatiq

from backends.dramatiq.broker import broker
from backends.kit import probing


@dramatiq.actor(broker=broker, max_retries=0)
def hold(task_id, seconds, stubborn):
    probing.hold(task_id, seconds, stubborn)


@dramatiq.actor(broker=broker, max_retries=0)
def burn(task_id, cpu_s):
    probing.burn(task_id, cpu_s)


class Prober:
    def hold(self, task_id, seconds, stubborn, soft_s, hard_s):
        limit_s = soft_s or hard_s  # it has one kind of limit
        options = {"time_limit": round(limit_s * 1000)} if limit_s else {}
        hold.send_with_options(args=(task_id, seconds, stubborn), **options)

    def burn(self, task_id, cpu_s):
        burn.send(task_id, cpu_s)


def connect() -> Prober:
    return Prober()
