"""The producer process: ``python -m backends.kit.producer backends.NAME.producer``.

It reads one JSON command per line on stdin and answers each with one JSON line on stdout:

* ``{"op": "send", "items": [[[task, kwargs], ...], ...]}`` enqueues every item (a list of steps);
* ``{"op": "closed", "items": ..., "lanes": 4, "limit_s": 2.0, "timeout_s": 10.0}`` keeps ``lanes``
  items in flight, each lane sending its next when its last is back, until the items or the time
  run out;
* ``{"op": "warm", "items": ..., "lanes": 4}`` sends items without recording it, an equal share by
  each of the lanes that an open load will use;
* ``{"op": "open", "items": ..., "offsets_ns": [0, 10000000, ...], "lanes": 4}`` sends each item at
  its time, counted from a start of its own;
* ``{"op": "collect", "timeout_s": 10.0}`` fetches the outcome of everything that the last ``send``
  or ``open`` sent.

Times go to the event files, not through the answers.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from backends.kit import load
from backends.kit.client import Step


def main(module_name: str) -> None:
    """Serve commands until stdin ends."""
    answers = protect_stdout()
    connect = importlib.import_module(module_name).connect
    if inspect.iscoroutinefunction(connect):
        asyncio.run(_serve_async(connect, answers))
    else:
        client = load.SyncClient(connect())
        session = load.Session(client, load.in_threads, staying=load.InStayingThreads())
        send_answer(answers, {"ok": True})
        for command in _commands():
            load.drive(_carry_out(session, command, answers))
        load.drive(client.close())


async def _serve_async(connect: Any, answers: TextIO) -> None:
    client = await connect()
    session = load.Session(client, load.in_tasks, asyncio.sleep)
    send_answer(answers, {"ok": True})
    commands = _commands()
    while (command := await asyncio.to_thread(next, commands, None)) is not None:
        await _carry_out(session, command, answers)
    await client.close()


async def _carry_out(session: load.Session, command: dict[str, Any], answers: TextIO) -> None:
    try:
        answer = await session.handle(command)
    except Exception as error:
        send_answer(answers, {"ok": False, "error": f"{type(error).__name__}: {error}"})
    else:
        send_answer(answers, {"ok": True, **answer})


def _commands() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        command = json.loads(line)
        command["items"] = [
            [Step(task, kwargs) for task, kwargs in item] for item in command.get("items", ())
        ]
        yield command


def protect_stdout() -> TextIO:
    """Keep stdout for answers alone: what a library prints goes to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", newline="\n")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def send_answer(answers: TextIO, message: dict[str, Any]) -> None:
    """Write one line of JSON."""
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
