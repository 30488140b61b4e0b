"""The loads: how tasks are offered. One piece of code for both kinds of client.

It is written as coroutines. A library with an asynchronous client runs them on its event loop, a
lane being a coroutine; for a synchronous client they never suspend, are driven to their end in
plain calls, and a lane is a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from time import perf_counter, perf_counter_ns
from typing import Any

from backends.kit import events
from backends.kit.client import Client, NoResult, NothingKept, Step, TaskFailed
from backends.kit.recorder import record, record_all

#: A lane of a closed load goes on after its time until it has had so many round trips.
MIN_PER_LANE = 2

#: Between the announcement of an open load's schedule and its first task: its lanes start in it.
LEAD_NS = 50_000_000

Lane = Callable[[], Coroutine[Any, Any, None]]
Together = Callable[[Lane, int], Coroutine[Any, Any, None]]
Pause = Callable[[float], Coroutine[Any, Any, None]]


async def block(seconds: float) -> None:
    """Sleep as a thread does: the pause of a synchronous client's lane."""
    time.sleep(seconds)


class Session:
    """One producer's state between commands.

    Args:
        client: has the coroutine functions ``send`` and ``result``.
        together: runs so many copies of a lane at once, until all have ended.
        pause: how a lane sleeps.
        staying: runs the lanes of open loads, if these are to stay from one command to the next.
    """

    def __init__(
        self,
        client: Any,
        together: Together,
        pause: Pause = block,
        staying: Together | None = None,
    ) -> None:
        self._client = client
        self._together = together
        self._pause = pause
        self._staying = staying or together
        self._sent: list[tuple[int, Any]] = []

    async def handle(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command; return what to answer."""
        if command["op"] == "send":
            return await self._send_all(command["items"])
        if command["op"] == "closed":
            return await self._closed(command)
        if command["op"] == "warm":
            return await self._warm(command)
        if command["op"] == "open":
            return await self._open(command)
        if command["op"] == "collect":
            return await self._collect(command["timeout_s"])
        raise ValueError(f"unknown op {command['op']!r}")

    async def _send_all(self, items: list[list[Step]]) -> dict[str, Any]:
        sent = [(steps[-1].kwargs["task_id"], await self._send(steps)) for steps in items]
        self._sent = [(task_id, handle) for task_id, handle in sent if handle is not None]
        return {"sent": len(self._sent)}

    async def _closed(self, command: dict[str, Any]) -> dict[str, Any]:
        deadline = perf_counter() + command["limit_s"]
        todo = Shared(command["items"])
        sent: list[int] = []

        async def lane() -> None:
            done = 0
            while done < MIN_PER_LANE or perf_counter() < deadline:
                if (steps := todo.next()) is None:
                    return
                done += 1
                handle = await self._send(steps)
                if handle is not None:
                    sent.append(steps[0].kwargs["task_id"])
                    await self._fetch(steps[-1].kwargs["task_id"], handle, command["timeout_s"])

        await self._together(lane, command["lanes"])
        return {"sent": len(sent)}

    async def _warm(self, command: dict[str, Any]) -> dict[str, Any]:
        """Let every lane of an open load make its first calls: a library connects in them, once
        per thread or once per connection in use. Nothing is recorded."""
        lanes, items = command["lanes"], command["items"]
        shares = Shared(items[lane::lanes] for lane in range(lanes))
        there: list[None] = []
        sent: list[None] = []

        async def lane() -> None:
            share = shares.next()
            there.append(None)
            while len(there) < lanes:  # so that no lane takes the place of another
                await self._pause(0.001)
            for steps in share:
                with contextlib.suppress(Exception):  # it is told by the load that follows
                    await self._client.send(steps)
                    sent.append(None)

        await self._staying(lane, lanes)
        return {"sent": len(sent)}

    async def _open(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send each item at its time, whatever became of those before it.

        The intended times are recorded, all at once and before the first: what is late against
        them is late, whoever is to blame. A lane that is held up in a call leaves the next item
        to another lane.
        """
        start = perf_counter_ns() + LEAD_NS
        items, offsets = command["items"], command["offsets_ns"]
        times = [start + offset for offset in offsets]
        ids = [steps[0].kwargs["task_id"] for steps in items]
        record_all(events.SCHEDULED, zip(times, ids, strict=True))
        todo = Shared(zip(times, items, strict=True))
        sent: list[tuple[int, Any]] = []

        async def lane() -> None:
            while (due := todo.next()) is not None:
                at_ns, steps = due
                # Again, for a loop's own clock may be coarse: Windows' is 15.6 ms early.
                while (early_ns := at_ns - perf_counter_ns()) > 0:
                    await self._pause(early_ns / 1e9)
                handle = await self._send(steps)
                if handle is not None:
                    sent.append((steps[-1].kwargs["task_id"], handle))

        await self._staying(lane, command["lanes"])
        self._sent = sent
        return {"sent": len(sent)}

    async def _collect(self, timeout_s: float) -> dict[str, Any]:
        deadline = perf_counter() + timeout_s
        for task_id, handle in self._sent:
            await self._fetch(task_id, handle, max(deadline - perf_counter(), 0.01))
        self._sent = []
        return {}

    async def _send(self, steps: list[Step]) -> Any:
        """Enqueue; ``None`` where the library refused, which is recorded."""
        task_id = steps[0].kwargs["task_id"]
        record(events.SEND, task_id)
        try:
            handle = await self._client.send(steps)
        except Exception:
            record(events.REFUSED, task_id)
            return None
        record(events.SENT, task_id)
        return handle

    async def _fetch(self, task_id: int, handle: Any, timeout_s: float) -> None:
        try:
            result = await self._client.result(handle, timeout_s)
        except TaskFailed:
            record(events.FAILURE, task_id)
        except NothingKept:
            pass  # asking for an outcome is no part of such a queue: there is none to record
        except NoResult:
            record(events.NO_RESULT, task_id)
        else:
            record(events.RESULT, task_id, events.as_value(result))


class Shared:
    """Items that several lanes take from."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items: Iterator[Any] = iter(items)
        self._lock = threading.Lock()

    def next(self) -> Any:
        """The next item; ``None`` where none is left."""
        with self._lock:
            return next(self._items, None)


class SyncClient:
    """A synchronous :class:`Client` as coroutine functions that never suspend."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, steps: list[Step]) -> Any:
        return self._client.send(steps)

    async def result(self, handle: Any, timeout_s: float) -> Any:
        return self._client.result(handle, timeout_s)

    async def close(self) -> None:
        self._client.close()


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never suspends; return what it returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a synchronous client must not suspend")


async def in_threads(lane: Lane, lanes: int) -> None:
    """Run ``lanes`` copies of ``lane``, each driven in a thread of its own.

    Raises:
        Exception: what a lane raised, once all have ended.
    """
    failures: list[Exception] = []

    def run() -> None:
        try:
            drive(lane())
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class InStayingThreads:
    """:func:`in_threads` with threads that stay: what a library has made for one is there in the
    next command."""

    def __init__(self) -> None:
        self._lanes = 0
        self._pool = ThreadPoolExecutor(1)

    async def __call__(self, lane: Lane, lanes: int) -> None:
        """Run ``lanes`` copies of ``lane``.

        Raises:
            Exception: what a lane raised, once all have ended.
        """
        if lanes != self._lanes:
            self._pool.shutdown()
            self._pool, self._lanes = ThreadPoolExecutor(lanes), lanes
        ran = [self._pool.submit(lambda: drive(lane())) for _ in range(lanes)]
        wait(ran)
        for future in ran:
            future.result()


async def in_tasks(lane: Lane, lanes: int) -> None:
    """Run ``lanes`` copies of ``lane`` on the event loop."""
    await asyncio.gather(*(lane() for _ in range(lanes)))
