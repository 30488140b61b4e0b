from __future__ import annotations

import pytest

from bench.measure.cost import cost_metrics
from bench.server.traffic import Traffic, without


def mark(at, *, ended=0, commands=None, cpu=(0.0, 0.0, 0.0), seconds=0.0, **other):
    """A mark in which only what is given differs from nothing."""
    roles = dict(zip(("worker", "producer", "redis"), cpu, strict=True))
    return {
        "at": at,
        "t_ns": int(seconds * 1e9),
        "ended": ended,
        "commands": commands or {},
        "net_in": 0,
        "net_out": 0,
        "memory_bytes": 0,
        "cpu_s": {role: value for role, value in roles.items() if value is not None},
        "switches": {"worker": [0, 0]},
        "rss_mb": 0.0,
        "peak_rss_mb": 0.0,
    } | other


def drain(ready=0, done=100, end=True, **last):
    """100 tasks: 2 commands each to send, 50 for the start, 7 each for the work, 1 to fetch."""
    work = 7 * (done - ready)
    sent, started, worked = {"lpush": 200}, {"lpush": 200, "hello": 50}, {"lpush": 200, "hello": 50}
    marks = [
        mark("start", memory_bytes=1000, peak_rss_mb=0.0),
        mark("filled", commands=sent, cpu=(0, 1, 0.1), net_in=5000, memory_bytes=51_000),
        mark("ready", ended=ready, commands=started, cpu=(9, 1, 0.2), net_in=6000, net_out=10),
        mark(
            "done",
            ended=done,
            commands=worked | {"brpop": work},
            cpu=(9 + 0.004 * (done - ready), 1, 0.3),
            net_in=7000,
            net_out=210,
            rss_mb=40.0,
            pss_mb=30.0,
            peak_rss_mb=60.0,
            **{"switches": {"worker": [done - ready, 2 * (done - ready)]}} | last,
        ),
    ]
    if end:
        got = worked | {"brpop": work, "get": 100}
        cpu = (99, 99, 0.4)
        marks.append(mark("end", ended=done, commands=got, cpu=cpu, net_in=7500, net_out=310))
    return marks


def test_a_drain_costs_its_sending_its_work_and_its_fetching_but_not_the_start():
    assert cost_metrics(drain(), 100) == pytest.approx(
        {
            "redis_commands_per_task": 10,
            "redis_commands_per_task:lpush": 2,
            "redis_commands_per_task:brpop": 7,
            "redis_commands_per_task:get": 1,
            "redis_bytes_per_task": 68,
            "redis_bytes_per_task:in": 50 + 10 + 5,
            "redis_bytes_per_task:out": 0 + 2 + 1,
            "cpu_ms_per_task:worker": 4,
            "cpu_ms_per_task:producer": 10,
            "cpu_ms_per_task:redis": 3,
            "context_switches_per_task:worker": 3,
            "worker_peak_rss_mb": 60,
            "worker_rss_mb": 40,
            "worker_pss_mb": 30,
            "redis_memory_bytes_per_task": 500,
        }
    )


@pytest.mark.parametrize("ready", [0, 1, 20, 50])
def test_tasks_that_ended_before_ready_do_not_count_for_the_work(ready):
    found = cost_metrics(drain(ready=ready), 100)
    assert found["redis_commands_per_task"] == pytest.approx(10)
    assert found["cpu_ms_per_task:worker"] == pytest.approx(4)


@pytest.mark.parametrize("marks", [drain(ready=51), drain(ready=100), drain(done=0)])
def test_with_too_few_tasks_after_ready_nothing_is_said_of_the_work(marks):
    found = cost_metrics(marks, 100)
    assert not any(name.startswith(("redis_c", "redis_by", "context")) for name in found)
    assert {name for name in found if "cpu" in name} == {"cpu_ms_per_task:producer"}
    assert found["worker_rss_mb"] == 40


def test_without_ready_nothing_is_said_of_the_work():
    marks = [one for one in drain() if one["at"] != "ready"]
    assert "redis_commands_per_task" not in cost_metrics(marks, 100)


def test_a_backlog_is_not_worked_off_and_nothing_is_fetched():
    found = cost_metrics(drain(done=30, end=False), 100)
    assert found["redis_commands_per_task"] == pytest.approx(9)
    assert found["cpu_ms_per_task:worker"] == pytest.approx(4)
    assert found["redis_memory_bytes_per_task"] == 500


def test_all_attempts_of_a_task_count():
    found = cost_metrics(drain(done=250), 100)
    assert found["redis_commands_per_task:brpop"] == pytest.approx(7 * 2.5)
    assert found["cpu_ms_per_task:worker"] == pytest.approx(4 * 2.5)


@pytest.mark.parametrize(("last", "calls"), [("done", 5), ("end", 6)])
def test_of_other_loads_everything_counts_to_the_last_mark(last, calls):
    marks = [
        mark("start", commands={"get": 7}, cpu=(1, 1, 1)),
        mark("done", ended=10, commands={"get": 57}, cpu=(2, 2, 2)),
        mark("end", ended=10, commands={"get": 67}, cpu=(2, 3, 2)),
    ][: 2 if last == "done" else 3]
    found = cost_metrics(marks, 10)
    assert found["redis_commands_per_task"] == calls
    assert found["cpu_ms_per_task:worker"] == 100
    assert found["cpu_ms_per_task:producer"] == (100 if last == "done" else 200)
    assert "redis_memory_bytes_per_task" not in found


def test_a_rare_command_has_no_row_but_counts():
    marks = [
        mark("start", commands={"get": 1}),
        mark("done", ended=1000, commands={"get": 1001, "time": 9, "ping": 10}),
    ]
    found = cost_metrics(marks, 1000)
    assert found["redis_commands_per_task"] == pytest.approx(1.019)
    assert {name for name in found if "task:" in name and "commands" in name} == {
        "redis_commands_per_task:get",
        "redis_commands_per_task:ping",
    }


def test_what_a_mark_does_not_tell_is_left_out():
    marks = [mark("start", net_out=None), mark("done", ended=1, cpu=(None, 1, None))]
    del marks[1]["switches"]
    found = cost_metrics(marks, 1)
    assert not any("bytes" in name or "switches" in name or "pss" in name for name in found)
    assert {name for name in found if "cpu" in name} == {"cpu_ms_per_task:producer"}


@pytest.mark.parametrize("marks", [[], drain()[:1], drain()[:3], drain()[1:]])
def test_a_trial_that_broke_off_costs_nothing(marks):
    assert cost_metrics(marks, 100) == {}


def test_idle_is_per_second():
    marks = [
        mark("start", commands={"brpop": 10}, cpu=(1, 1, 1), seconds=100),
        mark(
            "done",
            commands={"brpop": 20, "ping": 5},
            cpu=(1.02, 1, 1),
            seconds=110,
            rss_mb=40.0,
            pss_mb=30.0,
        ),
    ]
    assert cost_metrics(marks, 0) == pytest.approx(
        {
            "idle_commands_per_s": 1.5,
            "idle_cpu_ms_per_s:worker": 2,
            "worker_rss_mb": 40,
            "worker_pss_mb": 30,
        }
    )


# --- what the harness itself sends -----------------------------------------------------------


def test_commands_are_counted_as_the_server_names_them():
    traffic = Traffic()
    sent = [
        b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nset\r\n$1\r\na\r\n$4\r\n*1\r\n\r\n",
        b"*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nlib-name\r\n$1\r\nx\r\n*1\r\n$4\r\nPING\r\n",
        b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
    ]
    for packed in sent:
        traffic.note(packed)
    assert traffic.calls == {"get": 2, "set": 1, "client|setinfo": 1, "ping": 1}
    assert traffic.sent == sum(map(len, sent))


@pytest.mark.parametrize(
    ("ran", "own", "left"),
    [
        ({"get": 5}, {"get": 2}, {"get": 3}),
        ({"client|setinfo": 5, "get": 1}, {"client|setinfo": 2}, {"client|setinfo": 3, "get": 1}),
        ({"client": 5}, {"client|setinfo": 2, "client|id": 1}, {"client": 2}),
        ({"get": 5}, {"client|nonsense": 2}, {"get": 5}),
    ],
)
def test_own_commands_are_taken_out_under_the_name_the_server_knows(ran, own, left):
    assert without(ran, own) == left


def test_of_guests_that_cannot_be_told_apart_the_servers_costs_are_told_and_no_more():
    marks = drain()
    for each in marks:
        for name in ("switches", "rss_mb", "pss_mb", "peak_rss_mb"):
            each.pop(name, None)
        each["cpu_s"] = {"guests": 5.0, "redis": each["cpu_s"]["redis"]}
    found = cost_metrics(marks, 100)
    assert found.keys() == {
        name
        for name in cost_metrics(drain(), 100)
        if name.startswith("redis") or name.endswith(":redis")
    }
