"""A fake Telegram Bot API: slow as asked, failing as planned, and the ledger of what it accepted.

``python -m bench.workers.bot_api`` runs beside the workers of a lease, in a process of its own so
that it does not share an interpreter with the harness. It prints its port on stdout and serves
``POST /bot<token>/sendMessage``. What it received, accepted and refused goes to the lease's event
files; standard library only, so that it starts quickly.
"""

from __future__ import annotations

import json
import os
import re
import socket
import socketserver
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from backends.kit import events
from backends.kit.recorder import record
from scenarios.notification import FAULTS, faults

TOKEN = "4242:bench"
_TASK = re.compile(r"#(\d+)")


class BotApi(ThreadingHTTPServer):
    """The server and its plan of faults.

    Args:
        latency_s: seconds before each answer.
        timeout_s: the clients' timeout; a planned timeout answers nothing for longer than that.
        fault_share: share of attempts that meet a fault.
        seed: of the plan of faults.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, latency_s: float, timeout_s: float, fault_share: float, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.latency_s = latency_s
        self.timeout_s = timeout_s
        self._share = fault_share
        self._seed = seed
        self._met: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._accepted = 0

    def server_bind(self) -> None:
        """Bind without asking for the host's full name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def next_fault(self, task_id: int) -> str | None:
        """The fault this attempt meets; ``None`` if it goes through."""
        planned = faults(self._seed, task_id & 0xFFFFFFFF, self._share)
        with self._lock:
            number = self._met[task_id]
            self._met[task_id] += 1
        return planned[number] if number < len(planned) else None

    def next_message_id(self) -> int:
        """Message ids count up from 1."""
        with self._lock:
            self._accepted += 1
            return self._accepted

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of the plan; anything else belongs in the log."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: BotApi

    def do_POST(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != f"/bot{TOKEN}/sendMessage":
            known = self.path.startswith(f"/bot{TOKEN}/")
            self._refuse(404 if known else 401, "Not Found" if known else "Unauthorized")
            return
        try:
            message = json.loads(body)
            task_id = int(_TASK.search(message["text"])[1])  # type: ignore[index]  # caught below
        except (ValueError, KeyError, TypeError):
            self._refuse(400, "Bad Request: message text is empty")
            return
        record(events.REQUEST, task_id)
        fault = self.server.next_fault(task_id)
        if fault is None:
            self._accept(task_id, message)
        else:
            self._fail(task_id, FAULTS[fault])

    def _accept(self, task_id: int, message: dict[str, Any]) -> None:
        time.sleep(self.server.latency_s)
        record(events.DELIVERED, task_id, 200)
        result = {
            "message_id": self.server.next_message_id(),
            "date": int(time.time()),
            "chat": {"id": message.get("chat_id"), "type": "private"},
            "text": message["text"],
        }
        self._answer(200, {"ok": True, "result": result})

    def _fail(self, task_id: int, status: int) -> None:
        record(events.REJECTED, task_id, status)
        if status == -1:
            time.sleep(self.server.timeout_s * 1.5)
            self.close_connection = True
        elif status == 0:
            self._reset()
        else:
            time.sleep(self.server.latency_s)
            self._refuse(status, "Too Many Requests" if status == 429 else "Internal Server Error")

    def _reset(self) -> None:
        """Close with a TCP reset instead of an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _refuse(self, status: int, description: str) -> None:
        answer: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
        if status == 429:
            answer["parameters"] = {"retry_after": 1}
        self._answer(status, answer)

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing per request."""


def settings_of(lease_settings: Mapping[str, Any]) -> dict[str, float]:
    """What of a lease's settings the Bot API is made with."""
    names = ("latency_s", "timeout_s", "fault_share")
    return {name: lease_settings[f"notification.{name}"] for name in names}


def main() -> None:
    """Serve until stdin closes, which it does when the harness ends the lease."""
    server = BotApi(**json.loads(os.environ["BENCH_BOT_API"]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
