"""A server that is none, or not for us: one line that says what to do, and nothing left behind."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from refused import nothing_left, one_line, run_in
from support import (
    PATIENCE_S,
    bench_environment,
)

from bench.server.redis_server import Server
from bench.system import processes

pytestmark = pytest.mark.integration


def _refuse(port: int) -> str:
    return f"redis://:hidden-word@127.0.0.1:{port}/0"


def test_nobody_at_the_url(tmp_path: Path, tiny: Path) -> None:
    with socket.socket() as unused:  # bound and not listening: whoever connects is refused
        unused.bind(("127.0.0.1", 0))
        done = run_in(tmp_path, tiny, "--redis-url", _refuse(unused.getsockname()[1]))
    one_line(done, "no Redis at redis://:***@127.0.0.1:", "start it, or leave --redis-url")
    assert "hidden-word" not in done.all
    nothing_left(tmp_path)


def test_wrong_password(tmp_path: Path, tiny: Path, server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])
    done = run_in(tmp_path, tiny, REDIS_URL=_refuse(port))
    one_line(done, "refused the password", "expected redis://:PASSWORD@host:port/db")
    assert "hidden-word" not in done.all
    done = run_in(tmp_path, tiny, "--redis-url", f"redis://127.0.0.1:{port}/0")
    one_line(done, "wants a password, and the URL has none", "expected redis://:PASSWORD@host")
    nothing_left(tmp_path)


def test_database_out_of_range(tmp_path: Path, tiny: Path, server: Server) -> None:
    done = run_in(tmp_path, tiny, "--redis-url", server.url.removesuffix("/0") + "/9999")
    one_line(done, "/9999 has no database of that number", "out of range")
    nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://:hidden-word@127.0.0.1:6379/0", "expected redis://"),
        ("hidden-word@127.0.0.1", "expected redis://"),
        ("redis://:hidden-word@127.0.0.1:port/0", "not a Redis URL"),
        ("redis://:hidden-word@127.0.0.1:6379/first", "not a Redis URL"),
        ("redis://:hidden-word@no-such-host.invalid:6379/0", "no Redis at"),
        ("redis://:hidden-word@127.0.0.1:99999/0", ""),
        ("redis://[::1:hidden-word@127.0.0.1/0", "not a Redis URL"),
        ("redis://:hidden@hidden/word@127.0.0.1/0", "special characters of a password are %-enc"),
        ("redis://:hidden-word@127.0.0.1:1/0?foo=bar", "unknown argument 'foo'"),
    ],
)
def test_bad_url(tmp_path: Path, tiny: Path, url: str, told: str) -> None:
    done = run_in(tmp_path, tiny, "--redis-url", url)
    one_line(done, told)
    assert "hidden" not in done.all
    nothing_left(tmp_path)


@contextlib.contextmanager
def _http_server() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield web.server_port
        finally:
            web.shutdown()
            thread.join()


@contextlib.contextmanager
def _silent_server() -> Iterator[int]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("other", "told"),
    [(_http_server, "is not Redis"), (_silent_server, "within 3 s: is it a Redis server?")],
    ids=["http", "silent"],
)
def test_something_that_is_not_redis(
    tmp_path: Path,
    tiny: Path,
    other: Callable[[], contextlib.AbstractContextManager[int]],
    told: str,
) -> None:
    with other() as port:
        done = run_in(tmp_path, tiny, "--redis-url", _refuse(port))
    one_line(done, told)
    assert "hidden-word" not in done.all
    nothing_left(tmp_path)


def test_port_in_use(tmp_path: Path, tiny: Path, server_program: Path) -> None:
    with _silent_server() as port:
        done = run_in(tmp_path, tiny, "--redis-port", str(port))
    one_line(done, f"--redis-port {port}: the port is in use", "choose another")
    nothing_left(tmp_path)


def test_server_program_that_is_none(tmp_path: Path, tiny: Path) -> None:
    done = run_in(tmp_path, tiny, "--redis-server", sys.executable)
    one_line(done, "the embedded Redis did not start")
    nothing_left(tmp_path)


@pytest.mark.skipif(not shutil.which("yes"), reason="needs yes")
def test_a_server_program_that_never_stops_talking(tmp_path: Path, tiny: Path) -> None:
    pytest.importorskip("resource")
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, "run", tiny, "--redis-server", shutil.which("yes")],
        cwd=tmp_path,
        env=bench_environment(TMPDIR=str(tmp_path / "tmp")),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    line, peak = done.stderr.splitlines()
    assert line.startswith("bench: the embedded Redis did not start: -: start one with 'docker")
    assert int(peak) < 300 * 2**20
    assert processes.working_in(tmp_path) == []
    nothing_left(tmp_path)


#: Runs the command line and tells the most memory that it held, in bytes. Linux's ru_maxrss counts
#: what the process was before it became this program, too: the tests' own.
_PEAK = """
import pathlib, re, resource, sys
from bench.cli.app import run_cli
assert run_cli(sys.argv[1:]) == 2
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
status = pathlib.Path("/proc/self/status")
if status.exists():
    peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
print(peak, file=sys.stderr)
"""
