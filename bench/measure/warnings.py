"""What a reader should know before believing a number."""

from __future__ import annotations

import pandas as pd

#: A queue that starts nothing for so long while tasks wait is stalled, not slow.
STALL_MS = 1000.0


def stalls(rounds: pd.DataFrame) -> list[str]:
    """A sentence per cell in which the workers paused although tasks were waiting.

    Args:
        rounds: rows of ``rounds.csv``.
    """
    found = rounds[(rounds["metric"] == "longest_stall_ms") & (rounds["value"] > STALL_MS)]
    told = []
    for (variant, concurrency), rows in found.groupby(["variant", "concurrency"], sort=True):
        told.append(
            f"{variant} at concurrency {concurrency} started no task for up to "
            f"{rows['value'].max() / 1e3:.1f} s while tasks waited "
            f"({len(rows)} of its drains paused for over {STALL_MS / 1e3:g} s)"
        )
    return told
