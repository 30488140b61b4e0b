"""The worker: ``python -m backends.fake.worker --behaviour NAME``."""

from __future__ import annotations

import argparse
import logging
import os
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from backends.fake import lingering, store, tasks
from backends.fake.behaviour import BEHAVIOURS, Behaviour, every
from backends.kit import events, settings, stopping
from backends.kit.recorder import record

_POLL_S = 0.002
_log = logging.getLogger("fake")


class Worker:
    """What the threads share.

    Args:
        behaviour: what to do wrong.
        stop: once asked, no more jobs are taken.
    """

    def __init__(self, behaviour: Behaviour, stop: stopping.Stop) -> None:
        self._behaviour = behaviour
        self._stop = stop
        self._taking = threading.Lock()
        self._taken = 0

    def serve(self) -> None:
        """Take jobs and run them, one at a time, until told to stop: one thread's life."""
        with closing(store.connect()) as db:
            while not self._stop.asked:
                job = self._take(db)
                if job is None:
                    time.sleep(_POLL_S)
                elif every(self._behaviour.loses_every, job.id):
                    store.remove(db, job)
                elif every(self._behaviour.sticks_every, job.id):
                    record(events.START, job.kwargs["task_id"])
                    self._stop.wait()
                else:
                    self._work(db, job)

    def _take(self, db: sqlite3.Connection) -> store.Job | None:
        flags = self._behaviour
        with self._taking:
            job = store.claim(db, newest_first=flags.newest_first)
            if job is None:
                return None
            self._taken += 1
            if self._taken == flags.crashes_at:
                os._exit(3)
            if every(flags.pauses_every, job.id) and job.attempts == 0:
                time.sleep(flags.pause_s)  # With the lock held, so that no thread takes a job.
            return job

    def _work(self, db: sqlite3.Connection, job: store.Job) -> None:
        flags = self._behaviour
        try:
            result = self._run(job)
        except tasks.Retry as retry:
            if job.attempts < flags.max_retries:
                delay_s = retry.delay_s * flags.delay_factor + flags.delay_extra_s
                store.put_back(db, job, delay_s)
            else:
                self._failed(db, job)
        except Exception:
            _log.exception("job %d failed", job.id)
            self._failed(db, job)
        else:
            self._succeeded(db, job, result)

    def _run(self, job: store.Job) -> Any:
        flags = self._behaviour
        function = tasks.TASKS[job.task]
        kwargs = dict(job.kwargs)
        if job.task == "add" and every(flags.wrong_work_every, job.id):
            kwargs["y"] += 1
        if job.task == "add" and every(flags.slow_every, job.id):
            kwargs["extra_s"] = flags.slow_s
        if job.task == "add" and flags.jitter_s:
            kwargs["extra_s"] = flags.jitter_s * ((kwargs["task_id"] >> 32) % 3)
        result = function(**kwargs)
        if every(flags.runs_twice_every, job.id):
            function(**kwargs)
        return result

    def _succeeded(self, db: sqlite3.Connection, job: store.Job, result: Any) -> None:
        if job.rest:
            store.follow(db, job, result)
        elif not self._behaviour.stores_outcomes:
            store.remove(db, job)
        else:
            wrong = every(self._behaviour.wrong_result_every, job.id)
            store.finish(db, job, "done", _off_by_one(result) if wrong else result)

    def _failed(self, db: sqlite3.Connection, job: store.Job) -> None:
        if not self._behaviour.stores_outcomes:
            store.remove(db, job)
        elif self._behaviour.hides_failures:
            # A number that could be a result: only the outcome gives the lie away.
            store.finish(db, job, "done", job.attempts + 1)
        else:
            store.finish(db, job, "failed")


def _off_by_one(result: Any) -> Any:
    """A text, of a payload, is one character short; which job has what number is not told."""
    return result[:-1] if isinstance(result, str) else result + 1


def main() -> None:
    """Run until asked to stop; jobs in progress are finished first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--behaviour", choices=BEHAVIOURS, default="honest")
    behaviour = BEHAVIOURS[parser.parse_args().behaviour]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if behaviour.dies_at_start:
        sys.exit("fake worker: bad setting, cannot start")
    stop = stopping.on_signals()
    if behaviour.ignores_stop:
        lingering.ignore_stop()
        lingering.start_lingering_child()
    if behaviour.logs_redis_url and os.environ.get("BENCH_REDIS_URL"):
        _log.info("connecting to %s", settings.redis_url())
    if behaviour.becomes_ready:
        _serve(Worker(behaviour, stop), stop)
    else:
        stop.wait()


def _serve(worker: Worker, stop: stopping.Stop) -> None:
    with closing(store.connect()) as db:
        store.recover(db)
    threads = settings.concurrency()
    with ThreadPoolExecutor(threads) as pool:
        lives = [pool.submit(worker.serve) for _ in range(threads)]
        # A thread that breaks takes the worker down, which says why.
        for life in lives:
            life.add_done_callback(lambda _: stop.ask())
        _log.info("fake worker ready")
        stop.wait()
    for life in lives:
        life.result()
    _log.info("fake worker stopped")


if __name__ == "__main__":
    main()
