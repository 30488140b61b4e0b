"""Run folders of any size with raw event files, as a run leaves them: made up in no time.

Each lease is a drain of additions: the producer enqueues one task after the other, then four
workers take turns, then the producer fetches the results.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backends import known_variants
from backends.kit import events as kinds
from bench.measure.truth import of_scenario
from bench.record.events import RECORD
from bench.record.store import RunFolder
from scenarios import all_scenarios

WORKERS = 4
SEED = 1
PER_LEASE = 100_000

#: Times, ns: between two enqueue calls, in such a call, between two starts of any worker, from a
#: start to its end, and from there until the caller has the result of the first task.
BETWEEN_SENDS, ENQUEUE, BETWEEN_STARTS, SERVICE, FETCH = 40_000, 25_000, 250_000, 400_000, 10**9


def write_run(path: Path, attempts: int, per_lease: int = PER_LEASE) -> RunFolder:
    """A run with so many attempts, in leases of so many, that took turns over all variants."""
    run = RunFolder(path)
    run.leases.mkdir(parents=True)
    run.trials.mkdir()
    run.write_run({"profile": "made-up"})
    variants = known_variants()
    for number, begin in enumerate(range(0, attempts, per_lease), 1):
        tasks = min(per_lease, attempts - begin)
        lease = f"r-{number:04d}"
        write_lease(run.leases / lease / "events", number, tasks)
        trial = {
            "trial_id": lease,
            "number": number,
            "round": (number - 1) // len(variants) + 1,
            "variant": variants[(number - 1) % len(variants)],
            "version": "1.0",
            "scenario": "add",
            "load": "drain",
            "concurrency": WORKERS,
            "params": {"service_s": 0.0},
            "tasks": tasks,
            "seed": SEED,
            "lease_id": lease,
            "status": "ok",
            "sent": tasks,
        }
        run.write_trial(lease, trial)
    return run


def write_lease(folder: Path, trial: int, tasks: int) -> None:
    """The event files of one drain: one of the producer and one of each worker."""
    folder.mkdir(parents=True)
    number = np.arange(tasks)
    params = {"service_s": 0.0}
    value = of_scenario(all_scenarios()["add"], tasks, params, SEED).value
    # As good as random: no two calls take the same time, ends of different workers overtake.
    noise = number * 2_654_435_761 % 2**32
    sent = trial * 10**12 + number * BETWEEN_SENDS
    returned = sent + ENQUEUE + noise % 10_000
    started = sent[-1] + 10**9 + number * BETWEEN_STARTS + noise % 100_000
    ended = started + SERVICE + noise % 300_000
    fetched = ended.max() + FETCH + number * 10_000 + noise % 10_000
    calls = _interleaved(
        _records(sent, trial, number, kinds.SEND), _records(returned, trial, number, kinds.SENT)
    )
    results = _records(fetched, trial, number, kinds.RESULT, value)
    with (folder / "producer-100.events").open("wb") as file:
        calls.tofile(file)
        results.tofile(file)
    starts = _records(started, trial, number, kinds.START)
    ends = _records(ended, trial, number, kinds.END, value)
    for worker in range(WORKERS):
        own = _interleaved(starts[worker::WORKERS], ends[worker::WORKERS])
        own.tofile(folder / f"worker-{200 + worker}.events")


def _records(
    t_ns: np.ndarray, trial: int, number: np.ndarray, kind: int, value: np.ndarray | int = 0
) -> np.ndarray:
    records = np.zeros(len(t_ns), RECORD)
    records["t_ns"] = t_ns
    records["task_id"] = trial << 32 | number
    records["kind"] = kind
    records["value"] = value
    return records


def _interleaved(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """One, other, one, other, ..."""
    both = np.empty(2 * len(one), RECORD)
    both[::2], both[1::2] = one, other
    return both
