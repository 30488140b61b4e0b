"""A server on which a run could not work is told before anything is written there."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from support import run_folders, wait_until, write_profile
from warm import refuse

from backends import all_backends
from bench.server import needs, redis_server

pytestmark = pytest.mark.integration

ADD = 'scenario = "add"; load = "drain"; tasks = 20'


class Started:
    """A server on loopback, with a client that may do everything."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.port = redis_server._free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [redis_server.find_binary(), "-"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        lines = ["bind 127.0.0.1", f"port {self.port}", 'save ""', "appendonly no", *settings]
        assert self.process.stdin is not None
        self.process.stdin.write("\n".join(lines).encode() + b"\n")
        self.process.stdin.close()
        self.client = redis.Redis("127.0.0.1", self.port)
        wait_until(self._answers, "the server answers")

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError):
            return bool(self.client.ping())
        return False

    def url(self, user: str = "") -> str:
        return f"redis://{user}127.0.0.1:{self.port}/0"

    def content(self) -> dict[bytes, bytes | None]:
        return {key: self.client.dump(key) for key in self.client.scan_iter(count=1000)}


@pytest.fixture
def start(tmp_path: Path, server_program: Path) -> Iterator[Callable[..., Started]]:
    """Starts servers and ends them."""
    started: list[Started] = []

    def start(*settings: str) -> Started:
        started.append(Started(tmp_path / f"server-{len(started)}", *settings))
        return started[-1]

    yield start
    for server in started:
        server.client.close()
        server.process.kill()
        server.process.wait()


@pytest.fixture
def refused(
    tmp_path: Path, made_environments: Callable[..., None]
) -> Callable[[Started, str, str], str]:
    """Runs ``rq:simple`` at a URL, which must be refused at once; gives the one line."""
    made_environments("rq")
    profile = write_profile(tmp_path / "tiny.toml", ADD, variants="rq:simple")

    def refused(server: Started, user: str = "", variant: str = "rq:simple") -> str:
        before = server.content()
        written = server.client.info("stats")["total_commands_processed"]
        assert written
        done = refuse(
            *("run", profile, "--redis-url", server.url(user), "-b", variant),
            cwd=tmp_path,
        )
        assert (done.code, done.out) == (2, ""), done.all
        (line,) = done.err.splitlines()
        assert server.content() == before
        assert run_folders(tmp_path / "results") == []
        return line

    return refused


def test_a_replica(start: Callable[..., Started], refused: Callable[..., str]) -> None:
    primary = start("repl-diskless-sync-delay 0")  # or it waits 5 s for more replicas
    primary.client.set("theirs", "1")
    replica = start(f"replicaof 127.0.0.1 {primary.port}")
    wait_until(lambda: replica.client.get("theirs") == b"1", "the replica follows")
    line = refused(replica)
    assert "is a replica, which takes no tasks: give the URL of its primary" in line
    assert line.endswith(f", 127.0.0.1:{primary.port}")


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("~* &* +@all -lpush", "refuses LPUSH, which a run needs"),
        ("~* &* +@all -@scripting", "refuses EVAL, which a run needs"),
        ("~* &* +@all -@pubsub", "refuses SUBSCRIBE, which a run needs"),
        ("~* &* +@all -multi", "refuses MULTI, which a run needs"),
        ("~* &* +@read +@connection +info", "refuses WATCH, which a run needs"),
        ("~theirs:* &* +@all", "refuses WATCH, which a run needs"),
        ("~* resetchannels &theirs:* +@all", "refuses SUBSCRIBE, which a run needs"),
        ("~* &* +@all -info", "does not serve INFO"),
        ("~* &* +@all -type", "refuses TYPE, which a run needs"),
    ],
)
def test_a_user_who_may_not_do_everything(
    start: Callable[..., Started], refused: Callable[..., str], rules: str, told: str
) -> None:
    server = start(f"user someone on >hidden-word {rules}")
    line = refused(server, user="someone:hidden-word@")
    assert told in line
    assert "hidden-word" not in line


def test_a_server_that_takes_no_writes(
    start: Callable[..., Started], refused: Callable[..., str]
) -> None:
    server = start("min-replicas-to-write 1")
    assert "which a run needs (NOREPLICAS Not enough good replicas to write)" in refused(server)


SHARED = [
    (name, key, kind)
    for name, backend in all_backends().items()
    for key, kind in backend.shared_keys
]


@pytest.mark.parametrize(("backend", "key", "kind"), SHARED)
def test_a_shared_key_of_another_type(
    start: Callable[..., Started],
    refused: Callable[..., str],
    backend: str,
    key: str,
    kind: str,
) -> None:
    server = start()
    other = "list" if kind == "string" else "string"
    server.client.set(key, "theirs") if other == "string" else server.client.lpush(key, "theirs")
    line = refused(server, variant=backend)
    assert (
        f"{key} in the Redis at {server.url()} is a {other}, where the queue needs a {kind}: "
        in line
    )


def test_a_shared_key_of_a_queue_that_is_not_measured_is_nobodys_business(
    start: Callable[..., Started],
) -> None:
    server = start()
    server.client.set("rq:queues", "theirs")
    with redis_server.external(server.url()) as found:
        needs.check(found, needs.shared_keys([all_backends()["floor"]]))


def test_asking_leaves_nothing_and_takes_no_time(start: Callable[..., Started]) -> None:
    server = start()
    before = server.client.info("stats")["total_commands_processed"]
    with redis_server.external(server.url()) as found:
        needs.check(found, {"rq:queues": "set"})
    assert server.client.dbsize() == 0
    assert server.client.info("stats")["total_commands_processed"] - before < 200
    refused = {
        name: calls
        for name, calls in server.client.info("commandstats").items()
        if calls["rejected_calls"] or calls["failed_calls"]
    }
    assert refused == {}


def test_every_command_that_is_asked_for_exists(start: Callable[..., Started]) -> None:
    """A misspelt one would be taken for one that the server is too old for."""
    client = start().client
    known = {str(name).upper() for name in client.command()}
    asked = {words[0] for words in needs.COMMANDS}
    asked |= {word.split()[0] for pair in needs.OUTSIDE for word in pair}
    assert asked - known == set()
