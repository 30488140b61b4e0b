"""Microbenchmarks: single calls of a library's client, timed by pytest-benchmark.

``bench micro`` runs this file with pytest in a backend's environment, twice: what needs no worker,
then, marked ``worker``, what does. ``BENCH_CLIENT`` names the module with ``connect()``.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import itertools
import os
import random
import string

import pytest

from backends.kit.client import Step

#: Calls before the measured ones: connections are made and caches filled.
WARM_UP = 5

#: What one benchmark may leave in the queue, in characters of payload: nobody works it off.
MAX_QUEUED = 50_000_000

RESULT_WITHIN_S = 30.0

_task_ids = itertools.count(1)


class Blocking:
    """An asynchronous client whose calls return when they are done, all on one event loop."""

    def __init__(self, client, loop):
        self._client = client
        self._loop = loop

    def send(self, steps):
        return self._loop.run_until_complete(self._client.send(steps))

    def result(self, handle, timeout_s):
        return self._loop.run_until_complete(self._client.result(handle, timeout_s))

    def __getattr__(self, name):
        return getattr(self._client, name)


@pytest.fixture(scope="module")
def client():
    """The backend's client, connected."""
    connect = importlib.import_module(os.environ["BENCH_CLIENT"]).connect
    if not inspect.iscoroutinefunction(connect):
        connected = connect()
        yield connected
        connected.close()
        return
    with asyncio.Runner() as runner:
        connected = runner.run(connect())
        yield Blocking(connected, runner.get_loop())
        runner.run(connected.close())


def add():
    """One small task."""
    return [Step("add", {"x": 1, "y": 2, "task_id": next(_task_ids)})]


def payload(size):
    """One task with an argument of ``size`` characters.

    Random letters and digits: a library that compresses gets about a quarter out of them.
    """
    letters = random.Random(size).choices(string.ascii_letters + string.digits, k=size)
    kwargs = {"data": "".join(letters), "result_bytes": 0}
    return lambda: [Step("payload", {**kwargs, "task_id": next(_task_ids)})]


@pytest.fixture
def rounds(request):
    """How many calls fit the time asked for, a millisecond each: no call may find the queue of
    one library much longer than another's, so the number does not follow the measured time."""
    return max(20, round(float(request.config.getoption("benchmark_max_time")) * 1000))


@pytest.mark.benchmark(group="enqueue")
def test_enqueue(benchmark, client, rounds):
    _enqueue(benchmark, client, add, rounds)


@pytest.mark.parametrize("kilobytes", [1, 10, 100])
def test_enqueue_payload(benchmark, client, rounds, kilobytes):
    benchmark.group = f"enqueue {kilobytes} kB"
    size = kilobytes * 1000
    _enqueue(benchmark, client, payload(size), min(rounds, MAX_QUEUED // size))


def _enqueue(benchmark, client, make, rounds):
    """Each call sends a task of its own, made outside the measured time."""
    benchmark.pedantic(
        client.send, setup=lambda: ((make(),), {}), rounds=rounds, warmup_rounds=WARM_UP
    )


@pytest.mark.benchmark(group="serialise")
def test_serialise(benchmark, client):
    serialise = getattr(client, "serialise", None)
    if serialise is None:
        pytest.skip("the client has no serialise()")
    steps = add()
    for _ in range(WARM_UP):
        serialise(steps)
    benchmark(serialise, steps)


@pytest.mark.worker
@pytest.mark.benchmark(group="round trip")
def test_round_trip(benchmark, client):
    def round_trip():
        return client.result(client.send(add()), RESULT_WITHIN_S)

    for _ in range(WARM_UP):
        assert round_trip() == 3
    benchmark(round_trip)
