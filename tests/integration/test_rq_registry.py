"""rq leaves finished jobs of chains in its registry of started jobs: shown by its own API alone.

Seen with rq 2.12.0. Should the slow test fail one day, rq has mended it: then remove this file and
the exception in ``backends/rq/__init__.py``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backends import all_backends
from bench.server.redis_server import Server

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="rq's worker pool is not offered there"),
]

CHAINS = """
import sys, threading, time
from redis import Redis
from rq import Queue

url, deadline = sys.argv[1], time.monotonic() + 120

def lane():
    queue = Queue("chains", connection=Redis.from_url(url))
    for _ in range(11):
        job = queue.enqueue("operator.add", 1, 2)
        for _ in range(4):
            job = queue.enqueue("operator.add", 1, 2, depends_on=job)
        assert job.latest_result(timeout=10) is not None

redis = Redis.from_url(url)
while time.monotonic() < deadline:
    lanes = [threading.Thread(target=lane) for _ in range(4)]
    [thread.start() for thread in lanes], [thread.join() for thread in lanes]
    settled = time.monotonic() + 1
    while (left := redis.zrange("rq:wip:chains", 0, -1)) and time.monotonic() < settled:
        pass
    if left:
        print(redis.hget(b"rq:job:" + left[0].split(b":")[0], "status").decode())
        break
"""


@pytest.mark.parametrize(("status", "pending"), [("finished", 0), ("failed", 0), ("started", 1)])
def test_a_job_in_that_registry_is_pending_only_until_it_has_ended(
    server: Server, tmp_path: Path, status: str, pending: int
) -> None:
    with server.client() as client:
        client.zadd("rq:wip:somewhere", {"somewhere-1:execution": 1})
        client.hset("rq:job:somewhere-1", "status", status)
        backend = all_backends()["rq"]
        assert backend.pending(client, "somewhere", tmp_path) == pending
        backend.sweep(client, "somewhere")
        assert client.exists("rq:wip:somewhere", "rq:job:somewhere-1") == 0


@pytest.mark.slow
def test_finished_jobs_of_chains_stay_in_the_started_registry(
    library_alone: Callable[[str], tuple[str, str]],
) -> None:
    python, url = library_alone("rq")
    pool = subprocess.Popen(
        [
            *(python, "-m", "rq.cli", "worker-pool", "chains", "-n", "4", "-u", url),
            *("--worker-class", "rq.worker.SimpleWorker", "--quiet"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        done = subprocess.run(
            [python, "-c", CHAINS, url], capture_output=True, text=True, timeout=180
        )
    finally:
        pool.terminate()
        pool.wait(20)
    assert done.stderr == ""
    assert done.stdout.strip() == "finished"
