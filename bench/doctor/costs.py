"""What an event costs, what a Redis command costs, how late an open load sends."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from backends.kit import events as kinds
from bench.record.events import read_raw
from bench.server.redis_server import Server
from bench.system import processes
from bench.system.places import ROOT
from bench.workers.producer import Producer

EVENTS = 200_000
COMMANDS = 3000
#: Each rate is sent for so long, by so many lanes.
RATES = (100, 1000, 2000)
SENT_FOR_S = 3.0
LANES = 4

#: An answer that takes longer than this beyond its work does not come.
PATIENCE_S = 60.0


def recorder_ns(folder: Path, token: str, repeats: int) -> list[float]:
    """Nanoseconds per event in a fresh interpreter, one figure per repeat.

    Args:
        folder: the recorder writes there, so it must be where runs write.
        token: the run's, carried by the process.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.doctor.record_loop", str(EVENTS), str(repeats)],
        env=_recording(folder, token),
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=PATIENCE_S * repeats,
    )
    return [float(figure) for figure in json.loads(done.stdout)]


def redis_us(server: Server) -> np.ndarray:
    """Microseconds of round trips with the server by redis-py, one figure per PING."""
    with server.client() as client:
        client.ping()
        times = [time.perf_counter_ns()]
        for _ in range(COMMANDS):
            client.ping()
            times.append(time.perf_counter_ns())
    return np.diff(times) / 1000


def schedule_lateness_ms(folder: Path, token: str, rate_per_s: int) -> pd.Series:
    """How late the sending code of an open load begins each send, with a client that takes no time.

    Args:
        folder: for its events; must exist and be empty.
        token: the run's, carried by the process.
        rate_per_s: constant.

    Raises:
        LeaseFailed: the sending process ended or reports an error.
    """
    count = round(rate_per_s * SENT_FOR_S)
    items = [[["add", {"x": 1, "y": 1, "task_id": number}]] for number in range(count)]
    offsets = [round(number * 1e9 / rate_per_s) for number in range(count)]
    with _sending(folder, token) as producer:
        deadline = time.monotonic() + SENT_FOR_S + PATIENCE_S
        producer.ask(deadline, op="open", items=items, offsets_ns=offsets, lanes=LANES)
    return lateness_ms(read_raw(folder))


def lateness_ms(table: pd.DataFrame) -> pd.Series:
    """Milliseconds from when a task was meant to be sent until its sending began, per task.

    Args:
        table: events as :func:`bench.record.events.read_raw` gives them.

    Raises:
        ValueError: a task was meant to be sent and was not.
    """
    meant = table[table["kind"] == kinds.SCHEDULED].set_index("task_id")["t_ns"]
    begun = table[table["kind"] == kinds.SEND].set_index("task_id")["t_ns"]
    late = (begun.reindex(meant.index) - meant) / 1e6
    if late.isna().any() or not len(late):
        raise ValueError(f"{int(late.isna().sum())} of {len(late)} scheduled tasks were not sent")
    return late


@contextlib.contextmanager
def _sending(folder: Path, token: str) -> Iterator[Producer]:
    """A producer process whose client does nothing."""
    with (folder / "null-producer.log").open("wb") as log:
        process = processes.start(
            [sys.executable, "-m", "backends.kit.producer", "backends.kit.null_producer"],
            env=_recording(folder, token),
            cwd=ROOT,
            log=log,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            producer = Producer(process)
            producer.await_ready(time.monotonic() + PATIENCE_S)
            yield producer
        finally:
            close(process)


def close(process: subprocess.Popen[bytes]) -> None:
    """End a process that ends when its stdin does, and close its pipes."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2)
    processes.stop_all([process], 0.2)
    if process.stdout is not None:
        process.stdout.close()


def _recording(folder: Path, token: str) -> dict[str, str]:
    return processes.clean_environment(
        {
            processes.TOKEN_VARIABLE: token,
            "BENCH_EVENTS": str(folder.resolve()),
            "BENCH_ROLE": "producer",
        }
    )
