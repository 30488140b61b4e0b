"""A process that analyses a run folder when told to, and says how much memory it had.

``python analyse_run.py FOLDER raw|parquet``: prints a line when it is ready, waits for one,
does the work, prints its peak memory in MB.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

from bench.analysis.tables import analyse
from bench.record.events import PARQUET, read_raw, write_parquet
from bench.record.store import open_run


def main() -> None:
    run = open_run(Path(sys.argv[1]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if sys.argv[2] == "raw":
        for lease in sorted(run.leases.iterdir()):
            write_parquet(read_raw(lease / "events"), lease / PARQUET)
    analyse(run)
    sys.stdout.write(f"{peak_mb()}\n")


def peak_mb() -> float:
    """The most memory this process has had."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    main()
