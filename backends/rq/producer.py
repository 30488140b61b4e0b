"""Send jobs and fetch results as an RQ user does."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from backends.kit.client import NoResult, Step, TaskFailed
from backends.kit.settings import namespace
from backends.rq import tasks
from backends.rq.queues import queue


class Client:
    def send(self, steps: list[Step]) -> Any:
        job = None
        for step in steps:
            # RQ's own ids would leave keys that do not name the lease.
            job_id = f"{namespace()}-{uuid4().hex}"
            job = getattr(tasks, step.task).delay(**step.kwargs, job_id=job_id, depends_on=job)
        return job

    def serialise(self, steps: list[Step]) -> bytes:
        """The job's call; the hash that is kept has it among short fields made here too."""
        (step,) = steps
        job_id = f"{namespace()}-{uuid4().hex}"
        job = queue.create_job(getattr(tasks, step.task), kwargs=step.kwargs, job_id=job_id)
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


def connect() -> Client:
    return Client()
