from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from bench.workers import bot_api, logs
from bench.workers.logs import Logs

URL = "redis://:pa%2Fss@127.0.0.1:1/0"


LOGS = ["worker.log", "worker-12.log", "scheduler.log", logs.PRODUCER, logs.BOT_API]


@pytest.mark.parametrize("name", LOGS)
def test_no_secret_stays_in_a_log(tmp_path, name):
    """The token is in every line in which httpx tells of a request, as a user's own would be."""
    text = (
        f'HTTP Request: POST http://127.0.0.1:9/bot{bot_api.TOKEN}/sendMessage "HTTP/1.1 200 OK"\n'
        "connected to redis://:pa%2Fss@127.0.0.1:1/0 with pa/ss\n"
    )
    (tmp_path / name).write_text(text, encoding="utf-8")
    Logs(tmp_path, URL).mask()
    masked = (tmp_path / name).read_text(encoding="utf-8")
    assert masked == (
        'HTTP Request: POST http://127.0.0.1:9/bot***/sendMessage "HTTP/1.1 200 OK"\n'
        "connected to redis://:***@127.0.0.1:1/0 with ***\n"
    )


def test_the_lines_that_a_report_quotes_are_masked_before_the_log_is(tmp_path):
    (tmp_path / "worker.log").write_text(f"POST /bot{bot_api.TOKEN}/x\n", encoding="utf-8")
    assert Logs(tmp_path, URL).tail() == ["POST /bot***/x"]


def test_a_log_without_secrets_is_left_as_it_is(tmp_path):
    path = tmp_path / "worker.log"
    path.write_bytes(b"ready \xff\r\n")
    before = path.stat().st_mtime_ns
    Logs(tmp_path, URL).mask()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (b"ready \xff\r\n", before)


@pytest.mark.parametrize("name", ["notes.log", "worker-a.log", "worker-0.log", "workers.log"])
def test_a_log_of_somebody_else_is_neither_quoted_nor_changed(tmp_path, name):
    (tmp_path / name).write_text("pa/ss", encoding="utf-8")
    log_files = Logs(tmp_path, URL)
    log_files.mask()
    assert (tmp_path / name).read_text(encoding="utf-8") == "pa/ss"
    assert log_files.tail() == []


def test_a_piped_log_has_all_that_was_written_before_it_closed(tmp_path):
    log_files = Logs(tmp_path, URL, piped=True)
    pipe = log_files.open("worker.log")
    assert stat.S_ISFIFO(os.fstat(pipe.fileno()).st_mode)
    line = f"{'x' * 99}\n"
    script = f"import sys\nfor _ in range(10_000): sys.stdout.write({line!r})"
    subprocess.run([sys.executable, "-c", script], stdout=pipe, check=True, timeout=120)
    log_files.close()
    assert log_files.read("worker.log") == line * 10_000
