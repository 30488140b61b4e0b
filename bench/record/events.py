"""Recorded events: raw files while a lease runs, one tidy Parquet table afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from backends.kit import events as kinds
from bench.measure.trace import Events
from bench.system.files import move

#: The record of :mod:`backends.kit.events` as NumPy sees it.
RECORD = np.dtype(
    {
        "names": ["t_ns", "task_id", "kind", "value"],
        "formats": ["<i8", "<i8", "i1", "<i4"],
        "offsets": [0, 8, 16, 20],
        "itemsize": kinds.RECORD.size,
    }
)

#: A lease's table, in its folder.
PARQUET = "events.parquet"

COLUMNS = ("t_ns", "task_id", "kind", "value", "role", "pid")


def read_raw(folder: Path) -> pd.DataFrame:
    """All event files of ``folder``, in the order of time.

    Returns:
        One row per event: ``t_ns``, ``task_id``, ``kind``, ``value``, ``role``, ``pid``. A record
        cut short by a full disk or a kill is left out.
    """
    paths = sorted(folder.glob("*.events"))
    contents = [_whole(path.read_bytes()) for path in paths]
    records = np.frombuffer(b"".join(contents), RECORD)
    names = [path.stem.rpartition("-") for path in paths]
    roles = sorted({role for role, _, _ in names})
    sizes = [len(content) // RECORD.itemsize for content in contents]
    # Numbers stand for the roles: a text per event would be most of the table.
    role = np.repeat(np.array([roles.index(role) for role, _, _ in names], np.int8), sizes)
    pid = np.repeat(np.array([int(pid) for _, _, pid in names], np.int64), sizes)
    order = np.argsort(records["t_ns"], kind="stable")
    columns = {name: records[name][order] for name in RECORD.names or ()}
    columns["role"] = pd.Categorical.from_codes(role[order], roles)
    columns["pid"] = pid[order]
    return pd.DataFrame(columns, copy=False)


def _whole(content: bytes) -> bytes:
    return content[: len(content) // RECORD.itemsize * RECORD.itemsize]


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write the table beside ``path`` and move it there."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:  # PyArrow takes no path that is not UTF-8
        pq.write_table(
            pa.Table.from_pandas(table, preserve_index=False),
            file,
            compression="zstd",
            write_statistics=False,  # whoever reads a lease reads all of it
            # Times and ids hardly ever repeat but follow each other closely.
            use_dictionary=["kind", "role", "pid"],
            column_encoding=dict.fromkeys(("t_ns", "task_id"), "DELTA_BINARY_PACKED"),
        )
    move(temporary, path)


def read_lease(folder: Path) -> pd.DataFrame:
    """A lease's events: its Parquet file, or after a crash the raw files as they are."""
    parquet = folder / PARQUET
    if parquet.exists():
        with parquet.open("rb") as file:  # PyArrow takes no path that is not UTF-8
            return pq.read_table(file).to_pandas()
    return read_raw(folder / "events")


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    """Whatever PyArrow says of a damaged file, as one kind of error."""
    try:
        yield
    except pa.ArrowException as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from error
    except OSError as error:
        if error.errno is not None:  # the system's, not PyArrow's
            raise
        raise ValueError(f"{path} is no Parquet file: {error}") from error


def read_columns(folder: Path) -> Events:
    """The columns of :func:`read_lease` that tell what happened, without who recorded it.

    Raises:
        ValueError: the file is damaged.
    """
    parquet = folder / PARQUET
    if parquet.exists():
        with _parquet_errors(parquet), parquet.open("rb") as file:
            table = pq.read_table(file, columns=list(Events._fields))
            columns = {name: table.column(name).to_numpy() for name in Events._fields}
        if any(column.dtype.kind != "i" for column in columns.values()):
            raise ValueError(f"{parquet} has other columns than events")
        return Events(**columns)
    table = read_raw(folder / "events")
    return Events(*(table[name].to_numpy() for name in Events._fields))


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
                records = np.frombuffer(_whole(file.read()), RECORD)
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
