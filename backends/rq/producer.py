"""Send jobs and fetch results as an RQ user does."""

from __future__ import annotations

import math
import time
from typing import Any
from uuid import uuid4

from rq import Retry

from backends.kit.client import NoResult, Step, TaskFailed
from backends.kit.settings import namespace, setting
from backends.rq import tasks
from backends.rq.queues import queue

_NAMESPACE = namespace()


def _retry(delay_s: float) -> Retry:
    # RQ takes whole seconds. It also cuts due times to the second, so that a retry may come up to
    # a second early: that is left as it is, for it is what a user of interval=5 gets.
    return Retry(max=3, interval=math.ceil(delay_s))


_RETRIES = {name: _retry(setting(delay, 5)) for name, delay in tasks.RETRIED.items()}


class Client:
    def send(self, steps: list[Step]) -> Any:
        job = None
        for step in steps:
            function = getattr(tasks, step.task)
            job = queue.enqueue(function, kwargs=step.kwargs, depends_on=job, **_how(step.task))
        return job

    def serialise(self, steps: list[Step]) -> bytes:
        """The job's call; the hash that is kept has it among short fields made here too."""
        (step,) = steps
        job = queue.create_job(getattr(tasks, step.task), kwargs=step.kwargs, **_how(step.task))
        return job.to_dict()["data"]

    def result(self, handle: Any, timeout_s: float) -> Any:
        whole, rest = divmod(timeout_s, 1)
        result = handle.latest_result(timeout=int(whole))
        if result is None:  # RQ blocks for whole seconds only
            time.sleep(rest)
            result = handle.latest_result()
        if result is None:
            raise NoResult
        # A job that raised and is to be tried again has no result yet: the first one is final.
        if result.type is not result.Type.SUCCESSFUL:
            raise TaskFailed(result.exc_string or result.type.name)
        return result.return_value

    def close(self) -> None:
        queue.connection.close()


def _how(task: str) -> dict[str, Any]:
    """How a task is enqueued."""
    how: dict[str, Any] = {"result_ttl": 3600, "failure_ttl": 3600}
    if task in _RETRIES:
        how["retry"] = _RETRIES[task]
    if _NAMESPACE:  # beside others a job's id names the lease: its keys hold nothing else of it
        how["job_id"] = f"{_NAMESPACE}-{uuid4().hex}"
    return how


def connect() -> Client:
    return Client()
