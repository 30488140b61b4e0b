"""How many tasks a Celery worker does per second when its queue is never empty, and how long it
goes without starting one.

    pip install "celery[redis]" gevent eventlet
    python consumer-stall.py redis://localhost:6379/9

It needs Celery and a Redis database of which nobody else uses the keys ``celery``, ``unacked*`` and
``_kombu.*``, and nothing else of this repository. See ``consumer-stall.md`` beside it.

``windows loop`` is what Celery runs on Windows: there it is the only one, elsewhere it is had by
``app.IS_WINDOWS = True``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from itertools import pairwise
from pathlib import Path

if sys.argv[1:2] == ["worker"]:
    # As "celery worker" does it: gevent and eventlet patch what is imported after this.
    from celery import maybe_patch_concurrency

    maybe_patch_concurrency(sys.argv)

import celery
import kombu

ON_WINDOWS = sys.platform == "win32"
#: Settings of the cells, in the order of their rows.
CELLS = (
    ("solo", 1, 1),
    ("solo", 1, 4),
    ("threads", 4, 1),
    ("threads", 4, 4),
    ("threads", 1, 1),
    ("threads", 1, 4),
    ("gevent", 4, 1),
    ("gevent", 4, 4),
)
#: The queue is filled up to so many tasks, whenever it holds half of them.
BACKLOG = 4000
#: No start for so long is a stall, s.
STALL = 0.5

app = celery.Celery("stall", broker=os.environ.get("STALL_URL"))
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)
app.conf.update(json.loads(os.environ.get("STALL_SETTINGS", "{}")))
if os.environ.get("STALL_LOOP") == "windows":
    app.IS_WINDOWS = True


@app.task(name="wait")
def wait(seconds):
    line = f"{seconds} {time.perf_counter():.6f}\n"
    with open(os.environ["STALL_LOG"], "a", encoding="ascii") as log:
        log.write(line)
    if seconds:
        time.sleep(seconds)


def starts(log, body):
    """When tasks of this body started, s."""
    rows = (row.split() for row in log.read_text(encoding="ascii").splitlines())
    return sorted(float(row[1]) for row in rows if len(row) == 2 and float(row[0]) == body)


class Worker:
    """One worker, by the command's own entry point."""

    def __init__(self, folder, loop, pool, concurrency, settings):
        self.log = folder / "starts.txt"
        self.log.write_text("")
        env = {
            **os.environ,
            "STALL_LOOP": loop,
            "STALL_LOG": str(self.log),
            "STALL_SETTINGS": json.dumps(settings),
        }
        words = ("worker", "-P", pool, "-c", str(concurrency), "-l", "WARNING")
        self.output = open(folder / "worker.txt", "w+b")
        self.process = subprocess.Popen(
            (sys.executable, os.path.abspath(__file__), *words),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    def until(self, body, count, within):
        """Wait until so many tasks of this body have started."""
        deadline = time.perf_counter() + within
        while len(starts(self.log, body)) < count:
            if self.process.poll() is not None or time.perf_counter() > deadline:
                self.output.seek(0)
                told = self.output.read().decode(errors="replace")
                raise SystemExit(f"the worker starts no tasks:\n{told}")
            time.sleep(0.05)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.output.close()


def fill(client, sample):
    """Send copies of a message, each as a task of its own: faster than any worker takes them."""
    with client.pipeline(transaction=False) as pipe:
        for _ in range(BACKLOG // 2):
            sample["headers"]["id"] = sample["properties"]["correlation_id"] = str(uuid.uuid4())
            sample["properties"]["delivery_tag"] = str(uuid.uuid4())
            sample["properties"]["delivery_info"]["routing_key"] = "celery"
            pipe.lpush("celery", json.dumps(sample))
        pipe.execute()


def watched(workers, body, seconds):
    """Keep the queue filled for so long; then the times of the starts, and of the two ends."""
    with app.connection_for_write() as connection:
        client = connection.default_channel.client
        client.delete("celery", "unacked", "unacked_index", "stall-sample")
        wait.apply_async((body,), queue="stall-sample")
        sample = json.loads(client.lpop("stall-sample"))
        fill(client, sample)
        workers[0].until(body, 1, within=60)
        began = time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            if client.llen("celery") < BACKLOG / 2:
                fill(client, sample)
            time.sleep(0.05)
        client.delete("celery")
    found = [at for worker in workers for at in starts(worker.log, body)]
    return sorted(at for at in found if began <= at <= now), began, now


def told(times, began, ended):
    """``tasks/s, stalls (their share of the time, the longest)``."""
    points = [began, *times, ended]
    gaps = [later - earlier for earlier, later in pairwise(points)]
    stalls = [gap for gap in gaps if gap >= STALL]
    rate = len(times) / (ended - began)
    if not stalls:
        return f"{rate:8.1f}  {'-':>19}"
    share = sum(stalls) / (ended - began)
    return f"{rate:8.1f}  {len(stalls):3d} {share:5.0%} {max(stalls):6.2f} s"


def measured(loop, pool, concurrency, settings, count, bodies, seconds):
    """One row: each body in turn, with the same ``count`` workers."""
    workers = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for number in range(count):
                own = Path(folder) / str(number)
                own.mkdir()
                workers.append(Worker(own, loop, pool, concurrency, settings))
            for body in bodies:
                yield told(*watched(workers, body, seconds))
        finally:
            for worker in workers:
                worker.end()


def rows(loops, settings):
    """What the table shows: a name, a loop, and what :func:`measured` needs."""
    for pool, concurrency, prefetch in CELLS:
        for loop in loops if pool not in ("gevent", "eventlet") else ("own",):
            name = f"{pool} -c {concurrency}, prefetch {prefetch}"
            yield name, loop, pool, concurrency, {"worker_prefetch_multiplier": prefetch}, 1
    for text in settings:
        # "threads 4 {...}", "solo 1x4 {...}": pool, concurrency (times workers), settings.
        pool, size, given = text.split(" ", 2)
        concurrency, _, count = size.partition("x")
        loop = "own" if pool in ("gevent", "eventlet") else loops[-1]
        yield text, loop, pool, int(concurrency), json.loads(given), int(count or 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="of a Redis database whose keys nobody else uses")
    parser.add_argument("--seconds", type=float, default=8, help="watched per cell (8)")
    parser.add_argument("--bodies", default="0,0.01,0.1", help="what tasks sleep, s")
    parser.add_argument("--only", action="append", default=[], help="rows that begin with this")
    parser.add_argument(
        "--row",
        action="append",
        default=[],
        help="one more, and no others: 'threads 4 {\"worker_prefetch_multiplier\": 16}'; "
        "'solo 1x4 {}' is four workers",
    )
    asked = parser.parse_args()
    os.environ["STALL_URL"] = app.conf.broker_url = asked.url
    bodies = [float(part) for part in asked.bodies.split(",")]
    loops = ("windows",) if ON_WINDOWS else ("linux", "windows")
    shown = list(rows(loops, asked.row))
    if asked.row:
        shown = shown[-len(asked.row) :]
    if asked.only:
        shown = [row for row in shown if row[0].startswith(tuple(asked.only))]
    python = ".".join(map(str, sys.version_info[:3]))
    print(
        f"celery {celery.__version__}, kombu {kombu.__version__}, Python {python}, "
        f"{sys.platform}; {asked.seconds:g} s per cell"
    )
    print("per body: tasks/s; stalls (no start for 0.5 s), their share of the time, the longest\n")
    wide = max(len(row[0]) for row in shown) + 10
    heads = "".join(f"  {f'{body * 1000:g} ms':>29}" for body in bodies)
    print(f"{'':{wide}}{heads}")
    for name, loop, *how in shown:
        print(f"{name:{wide - 9}} {loop:8}", end="", flush=True)
        for text in measured(loop, *how, bodies, asked.seconds):
            print(f"  {text}", end="", flush=True)
        print(flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        app.worker_main(sys.argv[1:])
    else:
        main()
