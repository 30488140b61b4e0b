"""A Redis client whose own commands and bytes are known exactly, to be taken out of a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import redis

from bench.server.redis_server import Server

#: Commands that the server counts by subcommand, as ``client|setinfo``.
_CONTAINERS = frozenset(
    {"acl", "client", "cluster", "command", "commandlog", "config", "function", "latency"}
    | {"memory", "module", "object", "pubsub", "script", "slowlog", "xgroup", "xinfo"}
)


class Traffic:
    """What the connections of one client have sent and received so far.

    Attributes:
        calls: commands sent, by the name that ``INFO commandstats`` gives them.
        sent: bytes sent.
        received: bytes received.
        connections: how many are open.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.sent = 0
        self.received = 0
        self.connections = 0

    def note(self, packed: bytes) -> None:
        """Count the commands of ``packed``, as they go over the wire."""
        self.sent += len(packed)
        self.calls.update(_names(packed))


def without(commands: Mapping[str, int], own: Mapping[str, int]) -> dict[str, int]:
    """A server's calls by command, less our own.

    A server before 7.0 counts subcommands under the command. What it does not know it has not
    counted either.
    """
    left = dict(commands)
    for name, calls in own.items():
        known = name if name in left else name.partition("|")[0]
        if known in left:
            left[known] -= calls
    return left


def counting_client(server: Server) -> tuple[redis.Redis, Traffic]:
    """A client of ``server`` and what it sends and receives, the handshakes included."""
    traffic = Traffic()
    secure = server.url.startswith("rediss:")
    connection = _counted(redis.SSLConnection if secure else redis.Connection, traffic)
    return server.client(connection_class=connection), traffic


def _counted(kind: Any, traffic: Traffic) -> type[redis.Connection]:
    class Counted(kind):  # type: ignore[misc]
        def _connect(self) -> _Socket:
            return _Socket(super()._connect(), traffic)

        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            parts = [command] if isinstance(command, str | bytes) else list(command)
            super().send_packed_command(parts, check_health)
            traffic.note(b"".join(p.encode() if isinstance(p, str) else p for p in parts))

    return Counted


class _Socket:
    """A socket that counts what it receives."""

    def __init__(self, sock: Any, traffic: Traffic) -> None:
        self._sock = sock
        self._traffic = traffic
        self._open = True
        traffic.connections += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv(self, *args: Any) -> bytes:
        data: bytes = self._sock.recv(*args)
        self._traffic.received += len(data)
        return data

    def recv_into(self, *args: Any) -> int:
        size: int = self._sock.recv_into(*args)
        self._traffic.received += size
        return size

    def close(self) -> None:
        self._traffic.connections -= self._open
        self._open = False
        self._sock.close()


def _names(packed: bytes) -> Iterator[str]:
    """The names of the commands in a request: arrays of bulk strings, one after the other."""
    at = 0
    while at < len(packed):
        end = packed.index(b"\r\n", at)
        count, at = int(packed[at + 1 : end]), end + 2
        words = []
        for number in range(count):
            end = packed.index(b"\r\n", at)
            start, size = end + 2, int(packed[at + 1 : end])
            if number < 2:
                words.append(packed[start : start + size])
            at = start + size + 2
        name = words[0].decode().lower()
        if name in _CONTAINERS and len(words) > 1:
            name += f"|{words[1].decode().lower()}"
        yield name
