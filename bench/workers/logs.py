"""The logs of a lease's processes: opened, read, and without secrets in the end."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from bench.record import store
from bench.server.url import secrets_of
from bench.workers import bot_api

WORKER = "worker.log"
PRODUCER = "producer.log"
BOT_API = "bot-api.log"
ALL = (WORKER, PRODUCER, BOT_API)
TAIL_LINES = 12


class Logs:
    """Log files in a lease's folder.

    Args:
        folder: must exist before the first log is opened.
        url: the server's, whose secrets must not stay in a log; nor must the Bot API's token,
            which a client's log has in every request, as a user's would.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._open: list[IO[bytes]] = []

    def open(self, name: str) -> IO[bytes]:
        """The log, for a process to append to."""
        log = (self._folder / name).open("ab")
        self._open.append(log)
        return log

    def read(self, name: str) -> str:
        """What is in the log."""
        return (self._folder / name).read_text(encoding="utf-8", errors="replace")

    def tail(self) -> list[str]:
        """The last lines of the worker's and, if it has any, the producer's log, masked."""
        lines: list[str] = []
        for name in self._there(WORKER, PRODUCER):
            lines += self._masked(self.read(name)).splitlines()[-TAIL_LINES:]
        return lines

    def all(self) -> str:
        """What the producer and the worker wrote."""
        return "".join(self.read(name) for name in self._there(PRODUCER, WORKER))

    def close(self) -> None:
        """Close all; what processes still write gets there."""
        for log in self._open:
            log.close()

    def mask(self) -> None:
        """Take the secrets out of the files."""
        for name in self._there(*ALL):
            text = self.read(name)
            masked = self._masked(text)
            if masked != text:
                store.write_text(self._folder / name, masked)

    def _there(self, *names: str) -> list[str]:
        return [name for name in names if (self._folder / name).exists()]

    def _masked(self, text: str) -> str:
        for secret in (*secrets_of(self._url), bot_api.TOKEN):
            text = text.replace(secret, "***")
        return text
