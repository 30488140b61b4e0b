"""What a backend's ``producer.py`` offers to the producer: ``connect()`` and a client.

``connect()`` returns a :class:`Client`; a library with an asynchronous client defines
``async def connect()`` and returns an object whose ``send``, ``result`` and ``close`` are
coroutine functions of the same signatures.

A client may also have ``serialise(steps: list[Step]) -> bytes | str``, never a coroutine function:
the message of one task as the library writes it for its broker, made by the library's own code and
sent nowhere. Only ``bench micro`` calls it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class Step(NamedTuple):
    """One task to send: the name of a function of the backend's ``tasks.py`` and its arguments.

    ``kwargs`` always holds ``task_id``. In a chain, a later step's kwargs lack the argument ``x``:
    it is the result of the step before.
    """

    task: str
    kwargs: dict[str, Any]


class TaskFailed(Exception):
    """The library says that the task failed for good."""


class NoResult(Exception):
    """The library says nothing of this task within the time."""


class NothingKept(NoResult):
    """Results are never kept: that nothing is known of a task says nothing about it.

    For libraries with ``Capabilities(results=False)`` only.
    """


class Client(Protocol):
    """Send tasks and fetch results in the library's own idiom.

    A synchronous client is called from several threads at once, one per lane.
    """

    def send(self, steps: list[Step]) -> Any:
        """Enqueue one task, or a chain where there are several steps; return a handle.

        The handle is anything but ``None``.

        Raises:
            Exception: whatever the library raises when it cannot enqueue.
        """

    def result(self, handle: Any, timeout_s: float) -> Any:
        """The result of the task, for a chain of its last step.

        Raises:
            TaskFailed: the task failed for good.
            NoResult: nothing is known within ``timeout_s`` seconds.
            NothingKept: the library keeps no results; raised at once.
        """

    def close(self) -> None:
        """Disconnect."""
