"""The logs of a lease's processes: opened, read, and without secrets in the end."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, get_args

from backends.spec import Command, Role
from bench.record import store
from bench.server.url import secrets_of
from bench.workers import bot_api

PRODUCER = "producer.log"
BOT_API = "bot-api.log"
TAIL_LINES = 12
#: A process that nobody could end may hold its log for ever.
COPIED_WITHIN_S = 2.0

#: The logs of a backend's own commands, as :func:`names_of` gives them.
_OF_COMMANDS = re.compile(rf"({'|'.join(get_args(Role))})(-[1-9][0-9]*)?\.log")


def names_of(commands: Sequence[Command]) -> list[str]:
    """The log of each command: ``worker.log``, or ``worker-1.log`` ... where there are several."""
    roles = [command.role for command in commands]
    return [
        f"{role}.log" if roles.count(role) == 1 else f"{role}-{roles[: number + 1].count(role)}.log"
        for number, role in enumerate(roles)
    ]


def is_log(name: str) -> bool:
    """Whether a lease may have a log of this name; others are of somebody else."""
    return name in (PRODUCER, BOT_API) or _OF_COMMANDS.fullmatch(name) is not None


class Logs:
    """Log files in a lease's folder.

    Args:
        folder: must exist before the first log is opened.
        url: the server's, whose secrets must not stay in a log; nor must the Bot API's token,
            which a client's log has in every request, as a user's would.
        piped: give processes a pipe instead of the file, and copy what comes out of it.
    """

    def __init__(self, folder: Path, url: str, *, piped: bool = False) -> None:
        self._folder = folder
        self._url = url
        self._piped = piped
        self._open: list[IO[bytes]] = []
        self._copying: list[threading.Thread] = []

    def open(self, name: str) -> IO[bytes]:
        """The log, for a process to append to."""
        log: IO[bytes] = (self._folder / name).open("ab", buffering=0)
        if self._piped:
            log = self._pipe_to(log)
        self._open.append(log)
        return log

    def _pipe_to(self, log: IO[bytes]) -> IO[bytes]:
        end, beginning = os.pipe()

        def copy() -> None:
            with log:
                while content := os.read(end, 1 << 16):
                    log.write(content)
            os.close(end)

        self._copying.append(threading.Thread(target=copy, daemon=True))
        self._copying[-1].start()
        return open(beginning, "wb", buffering=0)

    def read(self, name: str) -> str:
        """What is in the log."""
        return (self._folder / name).read_text(encoding="utf-8", errors="replace")

    def tail(self) -> list[str]:
        """The last lines of the workers' logs and, if it has any, of the producer's, masked."""
        names = self._written(by_workers=True)
        lines: list[str] = []
        for name in names:
            own = self._masked(self.read(name)).splitlines()[-max(TAIL_LINES // len(names), 3) :]
            lines += [f"{name}:", *own] if len(names) > 1 and own else own
        for name in self._written(by_workers=False):
            if name != BOT_API:
                lines += self._masked(self.read(name)).splitlines()[-TAIL_LINES:]
        return lines

    def all(self) -> str:
        """What the producer and the workers wrote."""
        names = [*self._written(by_workers=False), *self._written(by_workers=True)]
        return "".join(self.read(name) for name in names if name != BOT_API)

    def close(self) -> None:
        """Close all; what processes still write gets there.

        Pipes are copied to their end first: nobody may hold them any more.
        """
        for log in self._open:
            log.close()
        for thread in self._copying:
            thread.join(COPIED_WITHIN_S)

    def mask(self) -> None:
        """Take the secrets out of the files."""
        for name in self._written(by_workers=True) + self._written(by_workers=False):
            text = self.read(name)
            masked = self._masked(text)
            if masked != text:
                store.write_text(self._folder / name, masked)

    def _written(self, *, by_workers: bool) -> list[str]:
        """The logs that are there, by name: of the backend's own commands, or of the others."""
        found = (path.name for path in self._folder.glob("*.log") if is_log(path.name))
        return sorted(
            (name for name in found if (name not in (PRODUCER, BOT_API)) is by_workers),
            key=_by_number,
        )

    def _masked(self, text: str) -> str:
        for secret in (*secrets_of(self._url), bot_api.TOKEN):
            text = text.replace(secret, "***")
        return text


def _by_number(name: str) -> tuple[int, str]:
    """``worker-10.log`` comes after ``worker-9.log``."""
    return len(name), name
