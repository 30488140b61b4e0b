"""Small run folders written by hand: what ``bench run`` leaves behind, without running anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis import CELL, ROUND_COLUMNS, VERDICT_COLUMNS, summarise
from bench.measure.metrics import HIGHER_IS_BETTER, unit
from bench.store import RunFolder
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
    ) -> SmallRun:
        """A cell with one value of its headline metric per round that ended well.

        Args:
            bad: status and reason of each further round.
            failed: violations by check.
            metrics: values of further metrics.
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
        self.variants.setdefault(
            variant,
            {"concurrency": "1 x N", "caveat": "", "settings": [], "semantics": SEMANTICS},
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
    run = SmallRun(path)
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
