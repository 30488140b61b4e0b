"""Send tasks and fetch results as a Celery user does."""

from __future__ import annotations

from typing import Any

from celery import chain
from celery.exceptions import TimeoutError as ResultTimeout
from kombu import serialization, uuid
from kombu.transport.virtual import Base64
from kombu.utils import json

from backends.celery import tasks
from backends.celery.app import app
from backends.kit.client import NoResult, NothingKept, Step, TaskFailed
from backends.kit.settings import option


class Client:
    def send(self, steps: list[Step]) -> Any:
        signatures = [getattr(tasks, step.task).s(**step.kwargs) for step in steps]
        return signatures[0].delay() if len(signatures) == 1 else chain(*signatures).delay()

    def serialise(self, steps: list[Step]) -> str:
        """What goes on the queue's list, but for what only the connection knows: delivery tag
        and routing key."""
        (step,) = steps
        message = app.amqp.create_task_message(uuid(), step.task, kwargs=step.kwargs)
        kind, encoding, body = serialization.dumps(message.body, app.conf.task_serializer)
        return json.dumps(
            {
                "body": Base64().encode(body),
                "content-encoding": encoding,
                "content-type": kind,
                "headers": message.headers,
                "properties": message.properties,
            }
        )

    def result(self, handle: Any, timeout_s: float) -> Any:
        if option("no-results"):
            raise NothingKept
        try:
            return handle.get(timeout=timeout_s)
        except ResultTimeout as error:
            raise NoResult from error
        except Exception as error:
            raise TaskFailed(str(error)) from error

    def close(self) -> None:
        app.close()


def connect() -> Client:
    return Client()
