"""The harness's end of the producer process: commands go in, answers come out."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from bench.system.platforms import here


class LeaseFailed(Exception):
    """The workers or the producer cannot go on. A result of the measurement, not our error."""


class TrialTimeout(Exception):
    """The trial's time is over."""


def ended(who: str, code: int) -> LeaseFailed:
    """What to raise for a process that is gone."""
    return LeaseFailed(f"{who} ended by itself with {here.how_it_ended(code)}")


class Producer:
    """Talks to a process that runs :mod:`backends.kit.producer`.

    Args:
        process: started with pipes for stdin and stdout.
        check_alive: raises if anything the producer depends on has ended.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], check_alive: Callable[[], None] = lambda: None
    ) -> None:
        self.process = process
        self._check_others = check_alive
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read_answers, daemon=True).start()

    def check_alive(self) -> None:
        """Raise LeaseFailed if the producer has ended."""
        if self.process.poll() is not None:
            raise ended("the producer", self.process.returncode)

    def await_ready(self, deadline: float) -> None:
        """Wait until it has connected.

        Args:
            deadline: on the clock of ``time.monotonic``.
        """
        self._await_answer(deadline)

    def ask(self, deadline: float, **command: Any) -> dict[str, Any]:
        """Send one command; return its answer.

        Args:
            deadline: on the clock of ``time.monotonic``.

        Raises:
            LeaseFailed: it or what it depends on has ended, or it reports an error.
            TrialTimeout: no answer until the deadline.
        """
        assert self.process.stdin is not None
        line = json.dumps(command, separators=(",", ":")).encode() + b"\n"
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except OSError:
            raise self._gone() from None
        return self._await_answer(deadline)

    def _await_answer(self, deadline: float) -> dict[str, Any]:
        while True:
            try:
                line = self._answers.get(timeout=0.05)
                break
            except queue.Empty:
                self._check_others()
                if time.monotonic() > deadline:
                    raise TrialTimeout("the producer did not come back in time") from None
        if not line:
            raise self._gone()
        answer: dict[str, Any] = json.loads(line)
        if not answer.pop("ok"):
            raise LeaseFailed(f"the producer failed: {answer['error']}")
        return answer

    def _gone(self) -> LeaseFailed:
        """Why its pipes are closed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return ended("the producer", self.process.wait(2))
        return LeaseFailed("the producer closed its end: see producer.log")

    def _read_answers(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put(line.decode())
        self._answers.put("")
