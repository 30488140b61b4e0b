from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scenarios import workload
from scenarios.workload import TemporaryError

# --- add, flaky ------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "y", "total"), [(100, 200, 300), (0, 0, 0), (-5, 3, -2)])
def test_adding_adds(x, y, total):
    assert workload.add(x, y) == total
    assert asyncio.run(workload.add_async(x, y)) == total


def test_adding_waits_as_long_as_it_is_told(monkeypatch):
    waited = []
    monkeypatch.setattr(workload.time, "sleep", waited.append)
    assert workload.add(1, 2, 0.25) == 3
    assert waited == [0.25]


def test_adding_on_an_event_loop_waits_without_blocking_it(monkeypatch):
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    def blocked(seconds):
        pytest.fail("the event loop was blocked")

    monkeypatch.setattr(workload.asyncio, "sleep", sleep)
    monkeypatch.setattr(workload.time, "sleep", blocked)
    assert asyncio.run(workload.add_async(1, 2, 0.25)) == 3
    assert waited == [0.25]


def test_adding_does_not_wait_unless_told(monkeypatch):
    monkeypatch.setattr(workload.time, "sleep", lambda seconds: pytest.fail("it waited"))
    assert workload.add(1, 2) == workload.add(1, 2, 0) == 3


@pytest.mark.parametrize(("fails", "attempt"), [(1, 1), (3, 1), (3, 3), (4, 4)])
def test_a_flaky_task_fails_its_first_attempts(fails, attempt):
    with pytest.raises(TemporaryError, match=rf"^attempt {attempt} of a task that fails {fails} "):
        workload.flaky(attempt, fails)


@pytest.mark.parametrize(("fails", "attempt"), [(0, 1), (1, 2), (3, 4)])
def test_a_flaky_task_returns_the_number_of_the_attempt_that_succeeded(fails, attempt):
    assert workload.flaky(attempt, fails) == attempt


# --- payload ---------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 1000, 65_536, 65_537, 1_000_000])
def test_a_text_has_the_length_that_is_asked_for(length):
    found = workload.text_of(length)
    assert (len(found), len(found.encode("ascii"))) == (length, length)


@pytest.mark.parametrize("length", [1000, 100_000, 1_000_000])
def test_a_text_does_not_vanish_when_it_is_compressed(length):
    assert len(zlib.compress(workload.text_of(length).encode())) > 0.7 * length


def test_a_text_is_built_once():
    assert workload.payload("x", 5000) is workload.payload("y", 5000)


# --- notification ----------------------------------------------------------------------------


class Api(ThreadingHTTPServer):
    """Answers every request with ``status`` and ``answer``; 0 resets, -1 is silent till the end."""

    daemon_threads = False
    status = 200
    answer: object = {"ok": True, "result": {"message_id": 41}}

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict]] = []
        self.over = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_POST(self):
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, content))
        if self.server.status == 0:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            return
        if self.server.status == -1:
            self.server.over.wait(60)
            self.close_connection = True
            return
        answer = self.server.answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def send_in_plain_calls(url, text, timeout_s):
    try:
        return workload.notification(url, text, timeout_s)
    finally:
        workload.http_client(timeout_s).close()
        workload.http_client.cache_clear()


def send_on_an_event_loop(url, text, timeout_s):
    async def run():
        try:
            return await workload.notification_async(url, text, timeout_s)
        finally:
            await workload.async_http_client(timeout_s).aclose()
            workload.async_http_client.cache_clear()

    return asyncio.run(run())


@pytest.fixture(params=[send_in_plain_calls, send_on_an_event_loop])
def send(request, api):
    """Send a message by either function; the API's address comes by itself."""

    def send(text="hello", timeout_s=60.0):
        url = f"http://127.0.0.1:{api.server_port}/bot42:x"
        return request.param(url, text, timeout_s)

    return send


def test_a_message_is_sent_as_the_bot_api_takes_it_and_its_id_returned(api, send):
    assert send("New product #7: Teapot, größer") == 41
    assert api.requests == [
        ("/bot42:x/sendMessage", {"chat_id": 1, "text": "New product #7: Teapot, größer"})
    ]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_or_broken_api_is_worth_another_attempt(api, send, status):
    api.status, api.answer = status, {"ok": False, "error_code": status, "description": "later"}
    with pytest.raises(TemporaryError, match=f"^the Bot API answered {status}$"):
        send()
    assert len(api.requests) == 1


def test_a_broken_connection_is_worth_another_attempt(api, send):
    api.status = 0
    with pytest.raises(TemporaryError, match=r"^(ReadError|RemoteProtocolError): "):
        send()
    assert len(api.requests) == 1


def test_no_answer_in_time_is_worth_another_attempt(api, send):
    api.status = -1
    with pytest.raises(TemporaryError, match=r"^ReadTimeout: "):
        send(timeout_s=0.5)  # enough to connect in
    assert len(api.requests) == 1


def test_nobody_there_is_worth_another_attempt():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/bot42:x"
        for send in (send_in_plain_calls, send_on_an_event_loop):
            with pytest.raises(TemporaryError, match=r"^ConnectError: "):
                send(url, "hello", 60.0)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refused_message_is_not_sent_again(api, send, status):
    api.status, api.answer = status, {"ok": False, "error_code": status, "description": "no chat"}
    with pytest.raises(ValueError, match=r"^the Bot API refused the message: no chat$"):
        send()


def test_an_answer_that_is_no_json_is_not_sent_again(api, send):
    api.answer = b"<html>"
    with pytest.raises(ValueError, match=r"^Expecting value"):
        send()
    assert len(api.requests) == 1


def test_connections_are_kept_between_messages():
    assert workload.http_client(5.0) is workload.http_client(5.0)
    assert workload.http_client(5.0) is not workload.http_client(6.0)
    for timeout_s in (5.0, 6.0):
        assert workload.http_client(timeout_s).timeout.read == timeout_s
        workload.http_client(timeout_s).close()
    workload.http_client.cache_clear()
