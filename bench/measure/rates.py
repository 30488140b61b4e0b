"""Times of completion -> how many come per second."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

#: Share of completions cut at either end of a throughput's window: warm-up and tail.
CUT = 0.1
#: Completions come in bursts where the pauses between them are so many times as long as the gaps
#: within them. Of random arrivals (exponential gaps) the long half is 5 times as long.
CONTRAST = 20.0


def steady_rate(times_ns: np.ndarray, at_once: int = 1) -> float | None:
    """Events per second between the first and the last tenth of them.

    A queue that works in bursts (so many per poll) gives a staircase: there whole bursts are
    counted, from the beginning of one to that of another, so that it does not matter where in a
    burst the window begins. Of all others it is the least-squares slope of the count over time.

    Args:
        times_ns: sorted times of completion.
        at_once: tasks in progress at once; slots in lockstep complete in groups of so many, and a
            cut through such a group would make the rate look lower, so whole groups are cut.

    Returns:
        ``None`` where fewer than 3 events lie in the window, or no time passes in it.
    """
    cut = math.ceil(int(len(times_ns) * CUT) / at_once) * at_once
    window = times_ns[cut : len(times_ns) - cut]
    if len(window) < 3 or window[-1] == window[0]:
        return None
    seconds = (window - window[0]) / 1e9
    begins = _bursts(seconds)
    if len(begins) >= 2:
        first, last = begins[0], begins[-1]
        return float((last - first) / (seconds[last] - seconds[first]))
    deviation = seconds - seconds.mean()
    return float((deviation * np.arange(len(window))).sum() / (deviation**2).sum())


def rate_within(times_ns: np.ndarray, since_ns: int, until_ns: int | None = None) -> float | None:
    """Events per second from one moment to another, by default to the last of them.

    Args:
        times_ns: sorted times of completion.

    Returns:
        ``None`` where nothing was done, or no time passes.
    """
    done = times_ns if until_ns is None else times_ns[times_ns <= until_ns]
    if not len(done):
        return None
    until = int(done[-1]) if until_ns is None else until_ns
    return len(done) / ((until - since_ns) / 1e9) if until > since_ns else None


def mean_rate(rates: Sequence[float | None]) -> float | None:
    """The geometric mean of those that are known; ``None`` where none is."""
    known = [rate for rate in rates if rate]
    return math.exp(sum(map(math.log, known)) / len(known)) if known else None


def _bursts(seconds: np.ndarray) -> np.ndarray:
    """Where bursts begin: the events that follow a pause; empty where there are no bursts.

    A pause is a gap of at least half of that in which a random moment falls (half of all time
    passes in gaps as long or longer).
    """
    gaps = np.diff(seconds)
    by_length = np.sort(gaps)[::-1]
    typical = by_length[np.searchsorted(np.cumsum(by_length), seconds[-1] / 2)]
    paused = gaps >= typical / 2
    if paused.all() or gaps[paused].mean() < CONTRAST * gaps[~paused].mean():
        return np.empty(0, np.int64)
    return np.flatnonzero(paused) + 1
