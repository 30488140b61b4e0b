"""Where results go: space, kind of file system, speed."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from bench.doctor.advice import NOT_TOLD, Advice, judged
from bench.record.store import NEEDED_BYTES, nearest
from bench.workers.environments import cache_folder

#: A trial's manifest is synced when it ends: slower than this, and rounds take visibly longer
#: while workers' event files wait in the same queue.
SLOW_SYNC_MS = 100.0
SYNCS = 3
SYNC_BYTES = 2**20

#: File systems on which an event's write may wait for a network.
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smbfs", "smb3", "afpfs", "9p", "fuse.sshfs", "ceph"})


def examine(out: Path) -> list[Advice]:
    """All there is to say of the disk below ``out``; writes some MB there and removes them."""
    folder = nearest(out)
    free = min(shutil.disk_usage(folder).free, shutil.disk_usage(nearest(cache_folder())).free)
    return [space(free), speed(_sync_ms(folder), _kind(folder))]


def space(free: int) -> Advice:
    """Whether there is room; ``free`` in bytes."""
    found = f"{free / 2**30:.1f} GB free for results and environments"
    do = "free some space, or choose another --out"
    return judged("disk", found, free < 10 * NEEDED_BYTES, do)


def speed(sync_ms: float | None, kind: str) -> Advice:
    """Whether events can be written without waiting.

    Args:
        sync_ms: to write and sync 1 MB; ``None`` where it cannot be written.
        kind: of file system; empty where not known.
    """
    if sync_ms is None:
        do = "choose another --out, on a local disk with space"
        return Advice("warn", "disk speed", "the results' folder cannot be written", do)
    found = f"{sync_ms:.1f} ms to sync 1 MB" + (f" to {kind}" if kind else "")
    if kind in NETWORK:
        do = "choose an --out on a local disk: here recording waits for the network"
        return Advice("warn", "disk speed", found, do)
    do = f"choose an --out on a disk that takes less than {SLOW_SYNC_MS:g} ms"
    return judged("disk speed", found, sync_ms > SLOW_SYNC_MS, do)


def _sync_ms(folder: Path) -> float | None:
    """Median of some writes of 1 MB, each with fsync; ``None`` where it cannot be written."""
    times = []
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            for _ in range(SYNCS):
                started = time.perf_counter()
                file.write(os.urandom(SYNC_BYTES))
                os.fsync(file.fileno())
                times.append(1000 * (time.perf_counter() - started))
    except OSError:
        return None
    return statistics.median(times)


def _kind(folder: Path) -> str:
    """The file system that holds ``folder``; empty where it cannot be told."""
    where = folder.resolve()
    try:
        partitions = psutil.disk_partitions(all=True)
    except NOT_TOLD:
        return ""
    holding = [part for part in partitions if where.is_relative_to(part.mountpoint)]
    return max(holding, key=lambda part: len(part.mountpoint)).fstype if holding else ""
