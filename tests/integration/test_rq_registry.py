"""What rq does to jobs of chains that end while others begin, shown by its own API alone.

Seen with rq 3.0.0. Should the slow test fail one day, rq has mended it: then remove it and the
known defects of chains in ``backends/rq/__init__.py``. Releases before 3.0 left finished jobs in
the registry of started ones instead, which is why ``pending`` there looks at their status.
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

#: Its first job gets a dependent between the look for dependents and the commit that needs them.
LATE = """
import sys
from redis import Redis
from rq import Queue, SimpleWorker

redis = Redis.from_url(sys.argv[1])
queue = Queue("late", connection=redis)
later = []

class Interrupted(SimpleWorker):
    def cleanup_execution(self, job, *args, **how):
        if not later:
            later.append(queue.enqueue("operator.add", 1, 2, depends_on=job))
        super().cleanup_execution(job, *args, **how)

first = queue.enqueue("operator.add", 1, 2)
Interrupted([queue], connection=redis).work(burst=True, logging_level="ERROR")
print(first.get_status().value, later[0].get_status().value, redis.zcard("rq:wip:late"))
"""

CHAINS = """
import sys, threading, time
from redis import Redis
from rq import Queue
from rq.job import Job

url, deadline = sys.argv[1], time.monotonic() + 120
left = []

def lane():
    queue = Queue("chains", connection=Redis.from_url(url))
    while time.monotonic() < deadline and not left:
        job = queue.enqueue("operator.add", 1, 2)
        for _ in range(4):
            job = queue.enqueue("operator.add", 1, 2, depends_on=job)
        if job.latest_result(timeout=3) is None:
            left.append(job)

lanes = [threading.Thread(target=lane) for _ in range(4)]
[thread.start() for thread in lanes], [thread.join() for thread in lanes]
registry = Queue("chains", connection=Redis.from_url(url)).ready_job_registry
ready = registry.get_job_ids(cleanup=False)
jobs = Job.fetch_many(ready, connection=registry.connection)
print(*{job.get_status().value for job in jobs})
while left and time.monotonic() < deadline:  # as a worker does now and then
    registry.cleanup()
    left = [job for job in left if job.latest_result(timeout=1) is None]
print(len(left))
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


def test_a_step_between_its_registry_and_the_queue_is_pending(
    server: Server, tmp_path: Path
) -> None:
    with server.client() as client:
        client.zadd("rq:ready:somewhere", {"somewhere-2": 1})
        backend = all_backends()["rq"]
        assert backend.pending(client, "somewhere", tmp_path) == 1
        backend.sweep(client, "somewhere")
        assert client.exists("rq:ready:somewhere") == 0


def test_what_a_killed_worker_ran_is_removed_and_what_others_run_is_not(server: Server) -> None:
    """A worker's keys do not name the lease."""
    with server.client() as client:
        for queue, worker in (("somewhere", "rq:worker:killed"), ("default", "rq:worker:other")):
            client.sadd(f"rq:workers:{queue}", worker)
            client.hset(worker, "queues", queue)
            client.sadd(f"{worker}:executions", f"{queue}-3:execution")
        all_backends()["rq"].sweep(client, "somewhere")
        assert client.exists("rq:worker:killed", "rq:worker:killed:executions") == 0
        assert client.exists("rq:worker:other", "rq:worker:other:executions") == 2
        client.delete("rq:workers:default", "rq:worker:other", "rq:worker:other:executions")


def test_a_job_whose_end_is_written_twice_leaves_the_registry(
    library_alone: Callable[[str], tuple[str, str]],
) -> None:
    python, url = library_alone("rq")
    done = subprocess.run([python, "-c", LATE, url], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.split() == ["finished", "finished", "0"]


@pytest.mark.slow
def test_a_step_of_a_chain_is_left_behind_until_its_registry_is_cleaned(
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
    assert done.stdout.split() == ["ready_to_enqueue", "0"]
