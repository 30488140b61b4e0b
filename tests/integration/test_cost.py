"""Marks of a real server, of real processes and of real workers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import only_lease, wait_until, write_profile

from backends import all_backends
from backends.kit import events
from bench.measure.cost import cost_metrics
from bench.server.redis_server import Server
from bench.system import usage
from bench.system.platforms import here
from bench.workers.lease import Lease
from bench.workers.meter import Meter

pytestmark = pytest.mark.integration

TASKS = 120


@pytest.fixture
def meter(server: Server) -> Iterator[Meter]:
    made = Meter(server, dict)
    yield made
    made.close()


# --- the server's counters -------------------------------------------------------------------


def test_commands_and_bytes_are_exact_whatever_the_harness_asks(server: Server, meter: Meter):
    backends = [backend for backend in all_backends().values() if not backend.hidden]
    with server.client() as client:
        client.delete("cost")
        start = meter.mark("start", ended=0)
        for _ in range(500):
            client.set("cost", b"x" * 10)
            client.get("cost")
            for backend in backends:
                backend.pending(meter.client, "nobody", Path())
        with meter.client.pipeline() as pipe:
            pipe.set("harness", "x" * 100_000).get("harness").delete("harness").execute()
        meter.client.connection_pool.disconnect()
        done = meter.mark("done", ended=1000)
    found = cost_metrics([start, done], 1000)
    # *3 $3 SET $4 cost $10 xxxxxxxxxx, and +OK; *2 $3 GET $4 cost, and $10 xxxxxxxxxx.
    into = len(
        b"*3\r\n$3\r\nSET\r\n$4\r\ncost\r\n$10\r\nxxxxxxxxxx\r\n*2\r\n$3\r\nGET\r\n$4\r\ncost\r\n"
    )
    out = len(b"+OK\r\n$10\r\nxxxxxxxxxx\r\n")
    counted = {name: value for name, value in found.items() if name.startswith("redis_")}
    assert counted == {
        "redis_commands_per_task": 1.0,
        "redis_commands_per_task:get": 0.5,
        "redis_commands_per_task:set": 0.5,
        "redis_bytes_per_task": (into + out) / 2,
        "redis_bytes_per_task:in": into / 2,
        "redis_bytes_per_task:out": out / 2,
    }


def test_a_new_clients_handshake_is_counted_to_its_last_byte(server: Server, meter: Meter):
    start = meter.mark("start", ended=0)
    other = Meter(server, dict)
    other.client.ping()
    done = meter.mark("done", ended=1)
    other.close()
    own = other._traffic
    assert done["net_in"] - start["net_in"] == own.sent
    assert done["net_out"] - start["net_out"] == own.received
    ran = {
        name: calls - start["commands"].get(name, 0)
        for name, calls in done["commands"].items()
        if calls != start["commands"].get(name, 0)
    }
    assert ran
    assert ran.items() <= own.calls.items()


def test_commands_of_scripts_and_transactions_are_counted_one_by_one(server: Server, meter: Meter):
    with server.client() as client:
        script = client.register_script("redis.call('set', 'cost', 1) redis.call('del', 'cost')")
        script()
        start = meter.mark("start", ended=0)
        for _ in range(10):
            script()
            client.pipeline().set("cost", 1).delete("cost").execute()
        done = meter.mark("done", ended=10)
    found = cost_metrics([start, done], 10)
    names = {name.partition(":")[2]: v for name, v in found.items() if "commands" in name}
    assert names == {"": 7, "evalsha": 1, "set": 2, "del": 2, "multi": 1, "exec": 1}


def test_what_has_ended_is_counted_after_the_server_has_answered(meter: Meter):
    assert meter.mark("ready", ended=meter._traffic.calls.total)["ended"] == sum(
        meter._traffic.calls.values()
    )


def test_the_first_use_of_a_command_takes_no_memory_to_remember(server: Server, meter: Meter):
    with server.client() as client:
        before = meter.mark("start", ended=0)["memory_bytes"]
        for command in ("HLEN", "HKEYS", "HVALS", "LLEN", "SCARD", "ZCARD", "STRLEN", "XLEN"):
            client.execute_command(command, "nothing-there")
        assert meter.mark("done", ended=0)["memory_bytes"] - before < 50_000


def test_memory_of_a_filled_queue_is_that_of_its_tasks(server: Server, meter: Meter):
    """Of so many that the buffers of connections, which come and go by 17 KB, are small."""
    with server.client() as client:
        start = meter.mark("start", ended=0)
        for _ in range(20):
            client.rpush("cost-queue", *[b"x" * 1000] * 100)
        filled = meter.mark("filled", ended=0)
        client.delete("cost-queue")
        done = meter.mark("done", ended=0)
    found = cost_metrics([start, filled, done], 2000)
    assert 950 < found["redis_memory_bytes_per_task"] < 1300


def test_connections_of_others_are_counted(server: Server, meter: Meter):
    before = meter.foreign_clients()
    with server.client() as client:
        client.ping()
        assert meter.foreign_clients() == before + 1
    wait_until(lambda: meter.foreign_clients() == before, "the connection is gone")


# --- processes -------------------------------------------------------------------------------

BURN = "import time\nwhile time.process_time() < 0.3: pass"
HOLD = "import sys\nbig = bytearray(50_000_000)\nprint('ready', flush=True)\nsys.stdin.read()"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, '-c', {HOLD!r}], stdin=subprocess.PIPE)
for line in sys.stdin:
    subprocess.run([sys.executable, '-c', {BURN!r}])
    print('burnt', flush=True)
child.communicate()
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child that holds 50 MB, and a child per line that burns 0.3 s of CPU."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline().strip() == b"ready"
    with process:
        yield process
        process.stdin.close()


def test_a_tree_is_its_descendants(parent):
    (first, child) = usage.members([parent.pid])
    assert first == parent.pid
    assert child in {process.pid for process in usage.processes.tree(parent.pid)}
    assert usage.members([]) == []


def test_cpu_of_ended_children_counts_and_their_switches_are_not_told(server: Server, parent):
    meter = Meter(server, lambda: {"worker": [parent.pid], "producer": []})
    start = meter.mark("start", ended=0)
    for _ in range(3):
        parent.stdin.write(b"burn\n")
        parent.stdin.flush()
        for _ in range(5):
            meter.sample()
            time.sleep(0.02)
        assert parent.stdout.readline().strip() == b"burnt"
    done = meter.mark("done", ended=3)
    meter.close()
    assert "switches" in start
    assert "switches" not in done
    if here.REAPED_IS_KNOWN:
        assert 0.85 < done["cpu_s"]["worker"] - start["cpu_s"]["worker"] < 3
    else:
        assert "worker" not in done["cpu_s"]
    assert done["cpu_s"]["producer"] == 0


def test_memory_is_of_the_whole_tree(server: Server, parent):
    meter = Meter(server, lambda: {"worker": [parent.pid]})
    mark = meter.mark("done", ended=0)
    meter.close()
    assert 50 < mark["rss_mb"] <= mark["peak_rss_mb"] < 200
    if usage.LINUX:
        assert 45 < mark["pss_mb"] < mark["rss_mb"]


def test_the_peak_is_remembered_when_the_memory_is_gone(server: Server, parent):
    roots = [parent.pid]
    meter = Meter(server, lambda: {"worker": roots})
    meter.sample()
    roots.clear()
    mark = meter.mark("done", ended=0)
    meter.close()
    assert mark["rss_mb"] == 0
    assert mark["peak_rss_mb"] > 50


# --- real workers ----------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["dramatiq", pytest.param("arq", marks=pytest.mark.slow)])
def test_a_drain_costs_what_its_marks_tell(
    variant: str, server: Server, open_lease: Callable[..., Lease], tmp_path: Path
):
    cell = f'scenario = "add"; load = "drain"; concurrency = [2]; tasks = {TASKS}'
    plan = only_lease(write_profile(tmp_path / "cost.toml", cell, variants=variant))
    (first, second) = (drained(plan, server, open_lease, tmp_path / name) for name in "ab")
    for found in (first, second):
        assert found["redis_bytes_per_task"] > 200
        assert "redis_memory_bytes_per_task" in found
        assert found["worker_peak_rss_mb"] >= found["worker_rss_mb"] > 10
        assert all(found[f"cpu_ms_per_task:{role}"] > 0 for role in ("worker", "producer", "redis"))
        assert found["context_switches_per_task:worker"] > 0
    calls = "redis_commands_per_task"
    assert first[calls] == pytest.approx(second[calls], rel=0.1)
    assert 3 < first[calls] < 60


def drained(plan, server, open_lease, folder) -> dict[str, float]:
    """Drain a queue by hand, with a mark at every step."""
    folder.mkdir()
    deadline = time.monotonic() + 60
    with open_lease(plan, folder) as lease:
        meter = Meter(server, lambda: lease_roles(lease))
        lease._redis = meter.client
        lease.pending()
        marks = [meter.mark("start", ended=0)]
        items = [
            [(w.task, {**w.kwargs, "task_id": w.task_id}) for w in item]
            for item in plan.trials[0].cell.items(1)
        ]
        lease.ask(deadline, op="send", items=items)
        marks.append(meter.mark("filled", ended=0))
        lease.start_workers(deadline)

        def ended() -> int:
            lease.tail.poll()
            return lease.tail.count(1, events.END)

        marks.append(meter.mark("ready", ended=ended))
        while ended() < len(items):
            meter.sample()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        marks.append(meter.mark("done", ended=ended))
        lease.ask(deadline, op="collect", timeout_s=10)
        marks.append(meter.mark("end", ended=ended))
    return cost_metrics(marks, len(items))


def lease_roles(lease: Lease) -> dict[str, list[int]]:
    producer = lease._producer
    assert producer is not None
    return {
        "worker": lease.workers.pids,
        "producer": [producer.process.pid],
    }
