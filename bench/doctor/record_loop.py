"""``python -m bench.doctor.record_loop COUNT REPEATS``: what an event costs in this interpreter.

Prints one JSON list: nanoseconds per event, one figure per repeat.
"""

from __future__ import annotations

import json
import sys
from time import perf_counter_ns

from backends.kit import events
from backends.kit.recorder import record


def ns_per_event(count: int) -> float:
    """Record ``count`` events with the recorder of all workers; the loop's own time is in it."""
    started = perf_counter_ns()
    for number in range(count):
        record(events.END, number, 7)
    return (perf_counter_ns() - started) / count


def main(count: int, repeats: int) -> None:
    """Print the figures of all repeats."""
    ns_per_event(1000)  # opens the file
    sys.stdout.write(json.dumps([ns_per_event(count) for _ in range(repeats)]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
