"""The files of ``bench micro``: what pytest-benchmark wrote, made fit to keep, merged and read.

``<run>/micro/<variant>.json`` and, of all of them, ``<run>/micro/micro.json`` have
pytest-benchmark's own form, so that ``pytest-benchmark compare`` reads them. A benchmark's
``group`` is what is measured, its ``name`` the variant. Further keys: each benchmark's
``extra_info`` names variant and version; ``problems`` says by variant what did not work.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.record.store import damage, write_json

FOLDER = "micro"
MERGED = "micro.json"

COLUMNS = ["variant", "group", "min_us", "median_us", "iqr_us", "ops_per_s", "rounds"]

#: What is kept of the commit: not the checkout's folder and branch.
_COMMIT = ("id", "time", "author_time", "dirty")


def tidy(
    reports: Iterable[Mapping[str, Any]], variant: str, version: str, problem: str
) -> dict[str, Any]:
    """One report of a variant out of those that pytest-benchmark wrote.

    Without the machine's name and the single measurements, whose quantiles are there.

    Args:
        problem: why some or all benchmarks are missing; empty where none is.
    """
    whole: dict[str, Any] = {"machine_info": {}, "commit_info": {}, "benchmarks": []}
    for report in reports:
        whole |= {key: value for key, value in report.items() if key != "benchmarks"}
        whole["benchmarks"] += [_named(one, variant, version) for one in report["benchmarks"]]
    whole["machine_info"] = {k: v for k, v in whole["machine_info"].items() if k != "node"}
    whole["commit_info"] = {k: v for k, v in whole["commit_info"].items() if k in _COMMIT}
    whole["problems"] = {variant: problem} if problem else {}
    return whole


def _named(benchmark: Mapping[str, Any], variant: str, version: str) -> dict[str, Any]:
    stats = {name: value for name, value in benchmark["stats"].items() if name != "data"}
    return {
        **benchmark,
        "name": variant,
        "fullname": f"{benchmark['group']}: {variant}",
        "stats": stats,
        "extra_info": {"variant": variant, "version": version},
    }


def merge(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The reports of several variants as one, group by group.

    Machine and versions of pytest-benchmark are those of the last part.
    """
    merged: dict[str, Any] = {"machine_info": {}, "commit_info": {}, "benchmarks": []}
    problems: dict[str, str] = {}
    for part in parts:
        facts = {key: value for key, value in part.items() if key != "benchmarks"}
        merged |= facts if part["benchmarks"] else {}
        merged["benchmarks"] += part["benchmarks"]
        problems |= part["problems"]
    groups = list(dict.fromkeys(one["group"] for one in merged["benchmarks"]))
    merged["benchmarks"].sort(key=lambda one: groups.index(one["group"]))
    return merged | {"problems": problems}


def write_merged(folder: Path) -> Path:
    """Merge all variants' files in a run's ``micro`` folder; return where it is."""
    target = folder / MERGED
    paths = sorted(path for path in folder.glob("*.json") if path != target)
    with damage(folder):
        write_json(target, merge(json.loads(path.read_text(encoding="utf-8")) for path in paths))
    return target


def read_micro(run: Path) -> pd.DataFrame:
    """The microbenchmarks of a run folder, group by group; no rows where there are none.

    Columns: ``variant``, ``group``, ``min_us``, ``median_us``, ``iqr_us``, ``ops_per_s`` (1 / mean)
    and ``rounds`` (how many times were taken).

    Raises:
        RunFolderError: the file is damaged.
    """
    with damage(run):
        rows = [
            {
                "variant": one["name"],
                "group": one["group"],
                **{f"{name}_us": one["stats"][name] * 1e6 for name in ("min", "median", "iqr")},
                "ops_per_s": one["stats"]["ops"],
                "rounds": one["stats"]["rounds"],
            }
            for one in _read(run)["benchmarks"]
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def read_problems(run: Path) -> dict[str, str]:
    """By variant, why some of its microbenchmarks are missing.

    Raises:
        RunFolderError: the file is damaged.
    """
    with damage(run):
        return dict(_read(run)["problems"])


def _read(run: Path) -> dict[str, Any]:
    path = run / FOLDER / MERGED
    if not path.is_file():
        return {"benchmarks": [], "problems": {}}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
