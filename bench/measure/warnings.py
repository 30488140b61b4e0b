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
    stalls = rounds[rounds["metric"] == "longest_stall_ms"]
    told = []
    for (variant, concurrency), rows in stalls.groupby(["variant", "concurrency"], sort=True):
        paused = rows[rows["value"] > STALL_MS]
        if not len(paused):
            continue
        worst = paused.loc[paused["value"].idxmax()]
        often = len(paused) > 1 and 2 * len(paused) > len(rows)
        whose = "the queue's own pause" if often else "the queue's pause, or the machine's"
        told.append(
            f"{variant} at concurrency {concurrency} started no task for up to "
            f"{worst['value'] / 1e3:.1f} s while tasks waited, in {worst['scenario']} "
            f"{worst['load']}, round {worst['round']} ({len(paused)} of {len(rows)} trials paused "
            f"for over {STALL_MS / 1e3:g} s): {whose}"
        )
    return told
