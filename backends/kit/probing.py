"""What a probe of an ability runs: ``python -m backends.kit.probing backends.NAME.abilities``.

It takes the producer's place. Each line on stdin, ``{"op": "revoke", "task_id": 7}``, is a call of
the method of that name of what the module's ``connect()`` returned; the answer says whether it
raised. What the tasks do is written to event files, as always. The workers of such a lease have the
setting ``abilities.probed`` and know the tasks that are sent.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
import time
from typing import Any, Protocol

from backends.kit import events, task
from backends.kit.producer import protect_stdout, send_answer
from backends.kit.recorder import record

#: A task that holds looks up so often, seconds: what is raised in a thread is seen then only.
STEP_S = 0.05


class Prober(Protocol):
    """What ``connect()`` of a backend's ``abilities.py`` returns; any method may be a coroutine
    function, and only those are needed that its probes ask for."""

    def hold(
        self,
        task_id: int,
        seconds: float,
        stubborn: bool,
        soft_s: float | None,
        hard_s: float | None,
    ) -> None:
        """Send a task that calls :func:`hold`, under these limits of time, seconds."""

    def burn(self, task_id: int, cpu_s: float) -> None:
        """Send a task that calls :func:`burn`."""

    def revoke(self, task_id: int) -> None:
        """Take back a task that was sent and has not started."""

    def terminate(self, task_id: int) -> None:
        """End a task that runs."""


def hold(task_id: int, seconds: float, stubborn: bool) -> None:
    """The body of a task that waits so long; a stubborn one goes on whatever is raised in it."""
    task.run(task_id, _hold, task_id, seconds, stubborn)


def _hold(task_id: int, seconds: float, stubborn: bool) -> int:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        try:
            time.sleep(min(left, STEP_S))
        except BaseException:
            record(events.TOLD, task_id)
            if not stubborn:
                raise
    return 0


async def hold_async(task_id: int, seconds: float, stubborn: bool) -> None:
    """:func:`hold` for workers that run an event loop."""
    await task.run_async(task_id, _hold_async, task_id, seconds, stubborn)


async def _hold_async(task_id: int, seconds: float, stubborn: bool) -> int:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        try:
            await asyncio.sleep(min(left, STEP_S))
        except BaseException:
            record(events.TOLD, task_id)
            if not stubborn:
                raise
    return 0


def burn(task_id: int, cpu_s: float) -> None:
    """The body of a task that needs so many seconds of a processor, in Python."""
    task.run(task_id, _burn, cpu_s)


def _burn(cpu_s: float) -> int:
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        sum(range(1000))
    return 0


async def _serve(module_name: str) -> None:
    answers = protect_stdout()
    prober = await _done(importlib.import_module(module_name).connect())
    send_answer(answers, {"ok": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        command: dict[str, Any] = json.loads(line)
        try:
            await _done(getattr(prober, command.pop("op"))(**command))
        except Exception as error:
            send_answer(answers, {"ok": False, "error": f"{type(error).__name__}: {error}"})
        else:
            send_answer(answers, {"ok": True})


async def _done(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
