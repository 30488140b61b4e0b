"""The numbered databases of a server that is ours: each for one lease at a time."""

from __future__ import annotations

import threading

#: How many there are: a lease uses one, and few leases overlap.
COUNT = 16


class Databases:
    """Hands out their numbers. For several threads."""

    def __init__(self) -> None:
        self._free = set(range(COUNT))
        self._lock = threading.Lock()

    def take(self) -> int:
        """The lowest that is free: of database 0 a library need not be told.

        Raises:
            ValueError: all are taken.
        """
        with self._lock:
            number = min(self._free)
            self._free.remove(number)
            return number

    def give_back(self, number: int) -> None:
        """Let another have it. Doing so twice does no harm as long as nobody else has taken it."""
        with self._lock:
            self._free.add(number)
