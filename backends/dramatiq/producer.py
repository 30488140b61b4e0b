"""Send tasks and fetch results as a dramatiq user does."""

from __future__ import annotations

import math
from typing import Any

from dramatiq import pipeline
from dramatiq.results import ResultFailure, ResultMissing, ResultTimeout

from backends.dramatiq import tasks
from backends.dramatiq.broker import broker
from backends.kit.client import NoResult, Step, TaskFailed


class Client:
    def send(self, steps: list[Step]) -> Any:
        if len(steps) == 1:
            return getattr(tasks, steps[0].task).send(**steps[0].kwargs)
        messages = [getattr(tasks, step.task).message(**step.kwargs) for step in steps]
        return pipeline(messages).run()

    def serialise(self, steps: list[Step]) -> bytes:
        (step,) = steps
        return getattr(tasks, step.task).message(**step.kwargs).encode()

    def result(self, handle: Any, timeout_s: float) -> Any:
        # The Redis backend drops fractions of a second, so round up: never less than asked for.
        # Below a second it looks once and does not wait.
        seconds = math.ceil(timeout_s) if timeout_s >= 1 else 0
        try:
            return handle.get_result(block=True, timeout=seconds * 1000)
        except ResultFailure as error:
            raise TaskFailed(str(error)) from error
        except (ResultTimeout, ResultMissing) as error:
            raise NoResult from error

    def close(self) -> None:
        broker.close()


def connect() -> Client:
    return Client()
