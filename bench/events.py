"""Recorded events: raw files while a lease runs, one tidy Parquet table afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from backends.kit import events as kinds

#: The record of :mod:`backends.kit.events` as NumPy sees it.
RECORD = np.dtype(
    {
        "names": ["t_ns", "task_id", "kind", "value"],
        "formats": ["<i8", "<i8", "i1", "<i4"],
        "offsets": [0, 8, 16, 20],
        "itemsize": kinds.RECORD.size,
    }
)

COLUMNS = ("t_ns", "task_id", "kind", "value", "role", "pid")


def read_raw(folder: Path) -> pd.DataFrame:
    """All event files of ``folder``, in the order of time.

    Returns:
        One row per event: ``t_ns``, ``task_id``, ``kind``, ``value``, ``role``, ``pid``. A record
        cut short by a full disk or a kill is left out.
    """
    parts = []
    for path in sorted(folder.glob("*.events")):
        role, _, pid = path.stem.rpartition("-")
        records = _whole_records(path.read_bytes())
        part = pd.DataFrame({name: records[name] for name in RECORD.names or ()})
        part["role"] = role
        part["pid"] = int(pid)
        parts.append(part)
    if not parts:
        return _empty()
    table = pd.concat(parts, ignore_index=True)
    table["role"] = table["role"].astype("category")
    return table.sort_values("t_ns", kind="stable", ignore_index=True)


def _whole_records(content: bytes) -> np.ndarray:
    whole = len(content) // RECORD.itemsize
    return np.frombuffer(content, RECORD, count=whole)


def _empty() -> pd.DataFrame:
    table = pd.DataFrame(np.empty(0, RECORD))
    table["role"] = pd.Categorical([])
    table["pid"] = np.empty(0, "int64")
    return table


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write the table beside ``path`` and move it there."""
    temporary = path.with_suffix(".tmp")
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), temporary, compression="zstd")
    temporary.replace(path)


def read_lease(folder: Path) -> pd.DataFrame:
    """A lease's events: its Parquet file, or after a crash the raw files as they are."""
    parquet = folder / "events.parquet"
    if parquet.exists():
        return pq.read_table(parquet).to_pandas()
    return read_raw(folder / "events")


class Tail:
    """Follows the growing event files of a running lease and counts events by trial and kind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[Path, int] = {}
        self._counts: dict[tuple[int, int], int] = {}
        self.total = 0

    @property
    def files(self) -> int:
        """How many event files there are: one per process that has recorded."""
        return len(self._offsets)

    def poll(self) -> int:
        """Read what is new; return how many events that was."""
        fresh = 0
        for path in self._folder.glob("*.events"):
            offset = self._offsets.get(path, 0)
            if path.stat().st_size - offset < RECORD.itemsize:
                continue
            with path.open("rb") as file:
                file.seek(offset)
                records = _whole_records(file.read())
            self._offsets[path] = offset + records.nbytes
            fresh += len(records)
            self._count(records)
        self.total += fresh
        return fresh

    def _count(self, records: np.ndarray) -> None:
        keys = (records["task_id"] >> 32 << 8) | records["kind"].astype("int64")
        for key, count in zip(*np.unique(keys, return_counts=True), strict=True):
            where = (int(key) >> 8, int(key) & 0xFF)
            self._counts[where] = self._counts.get(where, 0) + int(count)

    def count(self, trial: int, *of: int) -> int:
        """Events of those kinds that the trial has had so far."""
        return sum(self._counts.get((trial, kind), 0) for kind in of)
