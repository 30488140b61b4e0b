"""Where the keys of one lease are: a database of its own, or a namespace among strangers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import redis

from backends.spec import Backend
from bench.server.redis_server import Server

#: A killed worker's last command may arrive after the first sweep.
_SWEEPS = 3


class Keyspace:
    """What one lease may fill and what is emptied after it.

    On the server that the suite has started it is a whole database, so that a library needs no
    prefix that its user would not have. At a URL, where strangers may be, it is a namespace in the
    database that the URL names.

    Args:
        server: the one Redis.
        name: the lease's, unique among all leases.

    Attributes:
        server: the same server, its URL that of the database which the lease uses.
        namespace: what must be part of every key; ``None`` where the database is the lease's own.
    """

    def __init__(self, server: Server, name: str) -> None:
        self._name = name
        self._number: int | None = None
        self.server = server
        self.namespace: str | None = name
        if server.embedded:
            self._number = server.databases.take()
            self.server = replace(server, url=_at(server.url, self._number))
            self.namespace = None

    @property
    def variables(self) -> Mapping[str, str]:
        """What :mod:`backends.kit.settings` is told of it."""
        own = {} if self.namespace else {"BENCH_OWN_DATABASE": "1"}
        return {"BENCH_REDIS_URL": self.server.url, "BENCH_NAMESPACE": self._name, **own}

    def clear(self, client: redis.Redis, backend: Backend) -> list[str]:
        """Remove the lease's keys; the names of those that are left all the same.

        Args:
            client: of :attr:`server`.
        """
        if self.namespace is None and self._number is None:  # released: it may be another's by now
            return []
        for _ in range(_SWEEPS):
            if self.namespace is None:
                client.flushdb()
                left = list(client.scan_iter(count=1000))
            else:
                backend.sweep(client, self.namespace)
                left = list(client.scan_iter(match=f"*{self.namespace}*", count=1000))
            if not left:
                break
        return [key.decode(errors="replace") for key in left]

    def prepare(self, client: redis.Redis) -> None:
        """Remove what a killed worker of an earlier lease has sent after that lease's end.

        Args:
            client: of :attr:`server`.
        """
        if self.namespace is None:
            client.flushdb()

    def release(self) -> None:
        """Let another lease have the database. May be called twice."""
        if self._number is not None:
            self.server.databases.give_back(self._number)
            self._number = None


def _at(url: str, database: int) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
