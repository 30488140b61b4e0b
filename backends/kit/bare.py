"""Send tasks with nothing around it: ``python -m backends.kit.bare backends.NAME.producer``.

What the producer is compared with to see what recording and loads cost. It reads one JSON line
on stdin, ``{"items": [[[task, kwargs], ...], ...]}``, sends each item, says so on stdout and stays
connected, as a caller would, until stdin ends. Nothing is recorded.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
from typing import Any

from backends.kit.client import Step


def main(module_name: str) -> None:
    """Send what the one line asks for."""
    connect = importlib.import_module(module_name).connect
    if inspect.iscoroutinefunction(connect):
        asyncio.run(_send_async(connect))
        return
    client = connect()
    _say({"ok": True})
    # Kept as by a caller who means to ask: a library may tell Redis when a handle is dropped.
    handles = [client.send(steps) for steps in _items()]
    _say({"ok": True, "sent": len(handles)})
    sys.stdin.read()
    client.close()


async def _send_async(connect: Any) -> None:
    client = await connect()
    _say({"ok": True})
    handles = [await client.send(steps) for steps in await asyncio.to_thread(_items)]
    _say({"ok": True, "sent": len(handles)})
    await asyncio.to_thread(sys.stdin.read)
    await client.close()


def _items() -> list[list[Step]]:
    line = sys.stdin.readline()
    wanted = json.loads(line)["items"] if line else []
    return [[Step(task, kwargs) for task, kwargs in item] for item in wanted]


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
