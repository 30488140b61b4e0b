"""Small run folders written by hand: what ``bench run`` leaves behind, without running anything."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis.tables import CELL, ROUND_COLUMNS, VERDICT_COLUMNS, summarise
from bench.measure.metrics import HIGHER_IS_BETTER, unit
from bench.plan.cells import TWIN
from bench.record.store import RunFolder
from bench.report.model import load_report
from bench.report.parts import Report
from scenarios import all_scenarios

SEMANTICS = {
    "ack": "late",
    "delivery": "at least once",
    "results": "Redis, 1 h",
    "retries": "raise Retry",
    "chain": "pipeline: the worker sends the next",
    "fifo": False,
}


class SmallRun:
    """Collects cells, then writes the folder.

    Args:
        facts: replace or extend those of ``run.json``.
    """

    def __init__(self, path: Path, **facts: Any) -> None:
        self.folder = RunFolder(path)
        self._facts = facts
        self._cells: list[dict[str, Any]] = []
        self._trials: list[dict[str, Any]] = []
        self._rounds: list[dict[str, Any]] = []
        self._verdicts: list[dict[str, Any]] = []
        self.variants: dict[str, dict[str, Any]] = {}

    def cell(
        self,
        variant: str,
        values: Sequence[float] = (),
        *,
        scenario: str = "add",
        load: str = "drain",
        concurrency: int = 4,
        params: Mapping[str, Any] | None = None,
        rounds: int | None = None,
        bad: Sequence[tuple[str, str]] = (),
        failed: Mapping[str, Sequence[str]] | None = None,
        metrics: Mapping[str, Sequence[float]] | None = None,
        samples: int = 500,
        is_floor: bool = False,
    ) -> SmallRun:
        """A cell with one value of its headline metric per round that ended well.

        Args:
            bad: status and reason of each further round.
            failed: violations by check.
            metrics: values of further metrics.
            is_floor: whether the variant is a limit, not a queue to choose.
        """
        cell = {
            "variant": variant,
            "scenario": scenario,
            "load": load,
            "concurrency": concurrency,
            "params": dict(params if params is not None else {"service_s": 0.0}),
        }
        planned = len(values) + len(bad) if rounds is None else rounds
        self._cells.append({**cell, "tasks": 10, "seed": 7, "rounds": planned})
        known = {"concurrency": "1 x N", "caveat": "", "settings": [], "semantics": SEMANTICS}
        self.variants.setdefault(
            variant.removesuffix(TWIN), known | ({"is_floor": True} if is_floor else {})
        )
        for status, reason in [*[("ok", "")] * len(values), *bad]:
            self._trial(cell, status, reason)
        key = {**cell, "version": "1.2.3", "params": json.dumps(cell["params"], sort_keys=True)}
        headline = all_scenarios()[scenario].headline[load]
        for metric, series in {headline: values, **(metrics or {})}.items():
            for number, value in enumerate(series, 1):
                self._rounds.append(_round(key, metric, number, value, samples))
        if values or failed:
            self._checks(key, failed or {})
        return self

    def write(self) -> RunFolder:
        """Write everything; there are neither leases nor events."""
        self.folder.trials.mkdir(parents=True)
        self.folder.write_run(self._run())
        for trial in self._trials:
            self.folder.write_trial(trial["trial_id"], trial)
        rounds = pd.DataFrame(self._rounds, columns=ROUND_COLUMNS)
        verdicts = pd.DataFrame(self._verdicts, columns=VERDICT_COLUMNS)
        tables = {"rounds": rounds, "summary": summarise(rounds), "verdicts": verdicts}
        for name, table in tables.items():
            table.to_csv(self.folder.path / f"{name}.csv", index=False)
        return self.folder

    def _trial(self, cell: Mapping[str, Any], status: str, reason: str) -> None:
        number = len(self._trials) + 1
        self._trials.append(
            {"trial_id": f"r1-{number:04d}", "number": number, "round": 1, **cell}
            | {"lease_id": "l", "version": "1.2.3", "status": status, "reason": reason}
            | {"choice": cell["variant"].removesuffix(TWIN), "twin": TWIN in cell["variant"]}
            | {"sent": 10, "left": 0, "log_tail": ["amqp://u:hunter2@h/"], "seed": 7, "tasks": 10}
        )

    def _checks(self, key: Mapping[str, Any], failed: Mapping[str, Sequence[str]]) -> None:
        for check in dict.fromkeys(("lost", "repeated", *failed)):
            violations = failed.get(check, ())
            row = {"run_id": "run", **{name: key[name] for name in CELL}, "check": check}
            row |= {"verdict": "fail" if violations else "pass", "expected": "as it should be"}
            row |= {"observed": "", "violations": len(violations), "detail": "; ".join(violations)}
            self._verdicts.append(row)

    def _run(self) -> dict[str, Any]:
        backends = {
            name.partition(":")[0]: {
                "library": "lib",
                "version": "1.2.3",
                "versions": {"lib": "1.2.3", "other": "4.5"},
                "settings": [
                    {"name": "--size|s", "value": "1", "default": "8", "why": "one | two"}
                ],
            }
            for name in self.variants
        }
        return {
            "profile": "small",
            "tuning": "aligned",
            "seed": 7,
            "baseline": "slow:base",
            "argv": ["run", "small", "--redis-url", "redis://me:hunter2@host:6379/0"],
            "started_at": "2026-01-02T03:04:05+00:00",
            "status": "complete",
            "host": {
                "cpu": "A processor",
                "cores": 8,
                "memory_gb": 16.0,
                "os": "Linux",
                "python": "CPython 3.11.0",
            },
            "code": {"commit": "abc123", "dirty": False},
            "redis": {"name": "valkey", "version": "9.1", "url": "redis://:hunter2@host:6379/0"},
            "backends": backends,
            "variants": self.variants,
            "cells": self._cells,
            "planned_trials": sum(cell["rounds"] for cell in self._cells),
            **self._facts,
        }


def _round(
    key: Mapping[str, Any], metric: str, number: int, value: float, samples: int
) -> dict[str, Any]:
    return {
        "run_id": "run",
        **{name: key[name] for name in CELL},
        "metric": metric,
        "unit": unit(metric),
        "round": number,
        "value": value,
        "samples": samples,
        "better": "higher" if metric in HIGHER_IS_BETTER else "lower",
    }


def mixed(path: Path) -> RunFolder:
    """One table with everything that can become of a cell."""
    run = SmallRun(path, warnings=["the machine slept"])
    run.cell("slow:base", [100, 110, 105])
    run.cell("quick", [200, 225, 205], metrics={"enqueue_us_p50": [50, 51, 52]})
    run.cell("alike", [101, 108, 106])
    lost = [f"task {n}: never ran" for n in range(8)]
    run.cell("loses", [300, 310, 305], failed={"lost": lost, "repeated": ["task 9: 2 attempts"]})
    run.cell("broken", bad=[("failed", "exit code 1 | see log")] * 3)
    run.cell("hangs", [90, 91], bad=[("timeout", "not done within 6 s")])
    run.cell("elsewhere", bad=[("unsupported", "needs linux")] * 3)
    run.cell("later", rounds=3)
    return run.write()


#: Of the run below, per variant: tasks/s drained by one worker, ms of a round trip's four parts,
#: Redis commands per task.
QUEUES: dict[str, tuple[float, tuple[float, ...], dict[str, float]]] = {
    "slow:base": (800, (0.55, 0.78, 0.02, 0.62), {"lpush": 1, "brpop": 1.02, "set": 1, "ping": 0}),
    "slow:base (A/A)": (816, (0.55, 0.78, 0.02, 0.62), {"lpush": 1, "brpop": 1.02, "set": 1}),
    "slow:pool": (640, (0.55, 0.5, 0.02, 0.7), {"lpush": 1, "brpop": 1.02, "set": 1}),
    "quick": (1400, (0.19, 0.9, 0.02, 0.3), {"evalsha": 3.25, "hset": 1}),
    "polls": (2, (0.4, 250.1, 0.02, 250.3), {"zrangebyscore": 0.4, "get": 2, "exec": 3.1}),
    "bare:one": (8000, (), {"lpush": 1, "blpop": 1}),
    "bare:many": (7000, (), {"lpush": 1, "blpop": 1}),
}


def everything(path: Path, concurrencies: Sequence[int] = (1, 2, 4), **facts: Any) -> SmallRun:
    """A run with every load, sweeps, the baseline's twin and limits; not yet written."""
    run = SmallRun(path, **facts)
    for concurrency in concurrencies:
        for name in QUEUES:
            _loads(run, name, concurrency)
    return run


@cache
def told(*concurrencies: int) -> Report:
    """The report of :func:`everything`, made once: many values take their seconds."""
    folder = everything(Path(tempfile.mkdtemp()) / "run", concurrencies or (1, 2, 4)).write()
    report = load_report(folder)
    shutil.rmtree(folder.path.parent)
    return report


def thrice(value: float) -> list[float]:
    """Three rounds around a value, which is their mean (of logarithms)."""
    return [value, value * 1.02, value / 1.02]


def _loads(run: SmallRun, name: str, concurrency: int) -> None:
    speed, parts, commands = QUEUES[name]
    rate = speed * (1 + 0.5 * (concurrency - 1))
    common: dict[str, Any] = {"concurrency": concurrency, "is_floor": name.startswith("bare")}
    costs = {
        "redis_commands_per_task": sum(commands.values()),
        "redis_bytes_per_task": 900 + len(name),
        "redis_bytes_per_task:in": 700,
        "redis_bytes_per_task:out": 200 + len(name),
        "cpu_ms_per_task:worker": 900 / rate,
        "cpu_ms_per_task:producer": 0.4,
        "cpu_ms_per_task:redis": 0.03,
        "context_switches_per_task:worker": 2.5,
        "worker_peak_rss_mb": 55.0 * concurrency,
        "worker_rss_mb": 50.0 * concurrency,
        "worker_pss_mb": 31.0 * concurrency,
        "redis_memory_bytes_per_task": 412.0,
        **{f"redis_commands_per_task:{command}": count for command, count in commands.items()},
    }
    metrics = {metric: thrice(value) for metric, value in costs.items()}
    run.cell(name, thrice(rate), metrics=metrics, **common)
    if parts:
        split = ("enqueue", "queue_wait", "service", "delivery")
        shares = {f"part_{p}_ms": thrice(v) for p, v in zip(split, parts, strict=True)}
        run.cell(name, thrice(sum(parts)), load="closed", metrics=shares, **common)
    for share in (0.5, 0.8, 0.95):
        _open(run, name, {"offered": share}, rate, share * rate, common)
    _open(run, name, {"rate_per_s": 50.0}, rate, 50.0, common)
    bound = {"service_s": 0.0, "arrival": "poisson", "p99_bound_ms": 100.0}
    run.cell(name, thrice(rate * 0.96), load="saturation", params=bound, **common)
    for length in (1000, 10_000):
        backlog = {"service_s": 0.0, "backlog": length}
        memory = {"redis_memory_bytes_per_task": thrice(400.0 + 1e5 / length)}
        run.cell(name, thrice(rate), load="backlog", params=backlog, metrics=memory, **common)
    idle = {
        "idle_cpu_ms_per_s:worker": thrice(3.5),
        "worker_rss_mb": thrice(50.0 * concurrency),
        "worker_pss_mb": thrice(31.0 * concurrency),
    }
    run.cell(name, thrice(0.9 * concurrency), load="idle", metrics=idle, **common)


def _open(
    run: SmallRun,
    name: str,
    asked: Mapping[str, float],
    rate: float,
    offered: float,
    common: Mapping[str, Any],
) -> None:
    """Latencies of a queue with one server; a load beyond what it drains is invalid."""
    params = {"service_s": 0.0, "arrival": "poisson", **asked}
    if offered >= rate:
        late = ("invalid", "the generator ran late: p99 12 ms, allowed 5 ms")
        run.cell(name, load="open", params=params, bad=[late] * 3, **common)
        return
    wait = 1000 / (rate - offered)
    metrics = {
        "latency_ms_p50": thrice(wait * 0.7),
        "latency_ms_p99": thrice(wait * 4.6),
        "offered_tasks_per_s": thrice(offered),
        "generator_lateness_ms_p99": thrice(0.4),
    }
    if offered < 5:
        del metrics["latency_ms_p99"]
    run.cell(name, thrice(wait * 3), load="open", params=params, metrics=metrics, **common)
