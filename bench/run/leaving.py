"""A lease stops beside the start of the next, and is gone before anything of that is measured."""

from __future__ import annotations

import contextlib
import threading

from bench.system import processes
from bench.workers.lease import Lease


class Leaving:
    """The graceful stop of a lease, on its way in a thread of its own.

    Args:
        lease: entered, and of no more use.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._stop, name=f"stop of {lease.id}")
        self._thread.start()

    def wait(self) -> None:
        """Wait until it is wholly gone: processes, keys, open files.

        Raises:
            Exception: what its stop raised, once.
        """
        while self._thread.is_alive():
            self._thread.join(0.05)  # in pieces: Windows lets no interrupt into a long one
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def hurry(self) -> None:
        """Kill what has not stopped yet, and wait; what its stop raises is no matter any more."""
        if self._thread.is_alive():
            processes.kill_carrying(self._lease.namespace, "BENCH_NAMESPACE")
        with contextlib.suppress(Exception):
            self.wait()

    def _stop(self) -> None:
        try:
            self._lease.__exit__(None, None, None)
        except BaseException as error:
            self._failure = error
