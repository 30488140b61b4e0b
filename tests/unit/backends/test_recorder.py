from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from time import perf_counter_ns

import pandas as pd
import pytest

from backends.kit import events as kinds
from backends.kit import recorder
from backends.kit.recorder import record
from bench.record.events import COLUMNS, RECORD, Tail, read_lease, read_raw, write_parquet

ROOT = Path(__file__).resolve().parents[3]


def packed(t_ns, task, kind=kinds.START, value=0):
    """A record written by hand, field by field."""
    return (
        struct.pack("<q", t_ns)
        + struct.pack("<q", task)
        + bytes([kind, 0, 0, 0])
        + (struct.pack("<i", value))
    )


# --- the format ------------------------------------------------------------------------------


def test_a_record_has_24_bytes_and_its_fields_where_they_are_documented():
    assert kinds.RECORD.size == 24
    content = kinds.RECORD.pack(7, 3 << 32 | 9, kinds.END, -5)
    assert content == packed(7, 3 * 2**32 + 9, kinds.END, -5)


def test_kinds_of_events_are_all_different():
    names = [name for name in vars(kinds) if name.isupper() and name not in ("RECORD", "ODD_VALUE")]
    assert len(names) == 14
    assert len({getattr(kinds, name) for name in names}) == 14


@pytest.mark.parametrize(
    ("trial", "sequence", "packed_id"),
    [(0, 5, 5), (1, 0, 4294967296), (2, 3, 8589934595), (9999, 2**32 - 1, 10000 * 2**32 - 1)],
)
def test_a_task_id_holds_trial_and_number(trial, sequence, packed_id):
    assert kinds.task_id(trial, sequence) == packed_id


@pytest.mark.parametrize(
    ("result", "value"),
    [
        (0, 0),
        (600, 600),
        (-3, -3),
        (True, 1),
        (2147483647, 2147483647),
        (-2147483647, -2147483647),
        (2147483648, kinds.ODD_VALUE),
        (-2147483648, kinds.ODD_VALUE),
        (10**30, kinds.ODD_VALUE),
        (None, kinds.ODD_VALUE),
        (3.0, kinds.ODD_VALUE),
        (b"3", kinds.ODD_VALUE),
        ("", 0),
        ("\u00e4" * 3, 3),
        ("x" * 10**6, 10**6),
    ],
)
def test_an_integer_is_its_value_a_text_its_length_and_all_else_odd(result, value):
    found = kinds.as_value(result)
    assert (found, type(found)) == (value, int)
    kinds.RECORD.pack(0, 0, 0, found)


# --- writing ---------------------------------------------------------------------------------


def test_an_event_is_in_the_processs_own_file_as_soon_as_it_is_recorded(events_folder):
    before = perf_counter_ns()
    record(kinds.END, 3 << 32 | 9, -5)
    after = perf_counter_ns()
    (path,) = events_folder.iterdir()
    assert path.name == f"test-{os.getpid()}.events"
    t_ns, task, kind, value = kinds.RECORD.unpack(path.read_bytes())
    assert before <= t_ns <= after
    assert (task, kind, value) == (3 << 32 | 9, kinds.END, -5)


def test_events_are_appended(events_folder):
    for n in range(5):
        record(kinds.START, n)
    assert read_raw(events_folder)["task_id"].tolist() == [0, 1, 2, 3, 4]


def test_a_process_without_a_role_is_a_worker(events_folder, monkeypatch):
    monkeypatch.delenv("BENCH_ROLE")
    record(kinds.START, 1)
    assert read_raw(events_folder)["role"].tolist() == ["worker"]


def test_records_of_many_threads_are_all_whole(events_folder):
    threads, each = 8, 250
    together = threading.Barrier(threads)

    def work(number):
        together.wait()
        for n in range(each):
            record(kinds.START, number << 32 | n, number * each + n)

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    table = read_raw(events_folder)
    assert len(list(events_folder.iterdir())) == 1
    assert sorted(table["value"]) == list(range(threads * each))
    assert (table["task_id"] // 2**32).tolist() == (table["value"] // each).tolist()


def test_threads_that_open_it_at_once_write_by_one_descriptor(events_folder, monkeypatch):
    """On Windows two append to the same place: one of two first events was lost."""
    opened, used, both, real = [], [], threading.Barrier(2), os.open

    def open_beside_another(path, *arguments):
        descriptor = real(path, *arguments)
        if str(path).startswith(str(events_folder)):
            opened.append(descriptor)
            both.wait(10)
        return descriptor

    monkeypatch.setattr(os, "open", open_beside_another)
    monkeypatch.setattr(recorder, "_write", lambda descriptor, _: used.append(descriptor))
    running = [threading.Thread(target=record, args=(kinds.START, n)) for n in range(2)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert len(opened) == len(set(opened)) == 2
    assert used == [recorder._descriptor] * 2


FORKING = """
import os
from backends.kit.recorder import record
record(4, 1)
child = os.fork()
if child == 0:
    record(1, 2)
    grandchild = os.fork()
    if grandchild == 0:
        record(1, 3)
        os._exit(0)
    os.waitpid(grandchild, 0)
    record(2, 4)
    os._exit(0)
os.waitpid(child, 0)
record(5, 5)
print(os.getpid(), child)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_after_a_fork_each_process_has_a_file_of_its_own(tmp_path):
    """In a process of its own: forking one that has threads, as NumPy's, is a warning."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING],
        cwd=ROOT,
        env={**os.environ, "BENCH_EVENTS": str(tmp_path), "BENCH_ROLE": "worker"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    parent, child = map(int, done.stdout.split())
    table = read_raw(tmp_path)
    tasks = {pid: rows["task_id"].tolist() for pid, rows in table.groupby("pid")}
    assert tasks.pop(parent) == [1, 5]
    assert tasks.pop(child) == [2, 4]
    assert list(tasks.values()) == [[3]]
    assert table["task_id"].tolist() == [1, 2, 3, 4, 5]


SHARING = """
import os
from backends.kit import recorder
recorder.share()
children = []
for number in range(8):
    child = os.fork()
    if child == 0:
        for event in range(500):
            recorder.record(1, number, event)
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
print(os.getpid())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_forked_processes_write_whole_records_to_a_shared_file(tmp_path):
    """A queue that forks for every task has one file then, not one for each."""
    done = subprocess.run(
        [sys.executable, "-c", SHARING],
        cwd=ROOT,
        env={**os.environ, "BENCH_EVENTS": str(tmp_path), "BENCH_ROLE": "worker"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert [path.name for path in tmp_path.iterdir()] == [f"worker-{done.stdout.strip()}.events"]
    table = read_raw(tmp_path)
    for number in range(8):
        rows = table[table["task_id"] == number]
        assert rows["value"].tolist() == list(range(500))


# --- reading ---------------------------------------------------------------------------------


def test_files_are_read_into_one_table_in_the_order_of_time(tmp_path):
    (tmp_path / "worker-12.events").write_bytes(packed(30, 3) + packed(10, 1, kinds.END, 7))
    (tmp_path / "producer-3.events").write_bytes(packed(20, 2, kinds.SEND))
    table = read_raw(tmp_path)
    assert tuple(table.columns) == COLUMNS
    assert table.astype({"role": str}).values.tolist() == [
        [10, 1, kinds.END, 7, "worker", 12],
        [20, 2, kinds.SEND, 0, "producer", 3],
        [30, 3, kinds.START, 0, "worker", 12],
    ]


def test_events_of_the_same_moment_stay_in_the_order_they_were_written(tmp_path):
    rows = b"".join(packed(5, n) for n in range(500)) + packed(4, 500)
    (tmp_path / "worker-1.events").write_bytes(rows)
    assert read_raw(tmp_path)["task_id"].tolist() == [500, *range(500)]


def test_a_role_may_have_a_hyphen(tmp_path):
    (tmp_path / "bot-api-77.events").write_bytes(packed(1, 1))
    table = read_raw(tmp_path)
    assert (table["role"].tolist(), table["pid"].tolist()) == (["bot-api"], [77])


@pytest.mark.parametrize("cut", [1, 12, 23])
def test_a_record_cut_short_is_left_out(tmp_path, cut):
    (tmp_path / "worker-1.events").write_bytes(packed(1, 1) + packed(2, 2) + packed(3, 3)[:cut])
    assert read_raw(tmp_path)["task_id"].tolist() == [1, 2]


def test_an_empty_file_beside_a_full_one_changes_nothing(tmp_path):
    (tmp_path / "worker-1.events").write_bytes(packed(5, 6))
    alone = read_raw(tmp_path)
    (tmp_path / "worker-2.events").write_bytes(b"")
    both = read_raw(tmp_path)
    assert both["task_id"].tolist() == [6]
    assert both.dtypes[["t_ns", "task_id", "kind", "value", "pid"]].equals(
        alone.dtypes[["t_ns", "task_id", "kind", "value", "pid"]]
    )


def test_a_folder_without_files_is_an_empty_table_of_the_same_columns(tmp_path):
    table = read_raw(tmp_path)
    assert table.empty
    assert tuple(table.columns) == COLUMNS


def test_other_files_are_no_events(tmp_path):
    (tmp_path / "worker-1.log").write_bytes(packed(1, 1))
    assert read_raw(tmp_path).empty


def test_the_reader_and_the_writer_agree_on_the_format():
    assert RECORD.itemsize == kinds.RECORD.size


# --- keeping ---------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 3])
def test_a_table_comes_back_from_parquet_as_it_was(tmp_path, count):
    raw = tmp_path / "events"
    raw.mkdir()
    if count:
        rows = b"".join(packed(2**60 + n, 5 << 32 | n, kinds.END, -n) for n in range(count))
        (raw / "worker-1.events").write_bytes(rows)
    table = read_raw(raw)
    write_parquet(table, tmp_path / "events.parquet")
    back = read_lease(tmp_path)
    assert len(back) == count
    text = {"role": object}  # of no rows at all the type of the text is lost
    pd.testing.assert_frame_equal(back.astype(text), table.astype(text))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events", "events.parquet"]


def test_without_a_parquet_file_the_raw_ones_are_read(tmp_path):
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "worker-1.events").write_bytes(packed(1, 42))
    assert read_lease(tmp_path)["task_id"].tolist() == [42]


# --- following -------------------------------------------------------------------------------


def test_a_tail_counts_what_is_new_each_time(tmp_path):
    path = tmp_path / "worker-1.events"
    tail = Tail(tmp_path)
    assert tail.poll() == 0
    path.write_bytes(packed(1, 1 << 32) + packed(2, 1 << 32 | 1))
    assert tail.poll() == 2
    assert tail.poll() == 0
    with path.open("ab") as file:
        file.write(packed(3, 1 << 32, kinds.END))
    assert tail.poll() == 1
    assert tail.total == 3
    assert tail.count(1, kinds.START) == 2
    assert tail.count(1, kinds.END) == 1
    assert tail.count(1, kinds.START, kinds.END, kinds.FAIL) == 3


def test_a_tail_waits_for_the_rest_of_a_record(tmp_path):
    path = tmp_path / "worker-1.events"
    tail = Tail(tmp_path)
    whole = packed(1, 7 << 32) + packed(2, 7 << 32)
    path.write_bytes(whole[:30])
    assert tail.poll() == 1
    path.write_bytes(whole[:47])
    assert tail.poll() == 0
    path.write_bytes(whole)
    assert tail.poll() == 1
    assert tail.count(7, kinds.START) == 2


def test_a_tail_keeps_trials_apart_and_adds_files_up(tmp_path):
    (tmp_path / "worker-1.events").write_bytes(packed(1, 1 << 32) + packed(1, 2 << 32 | 5))
    (tmp_path / "worker-2.events").write_bytes(packed(1, 2 << 32 | 6))
    tail = Tail(tmp_path)
    assert tail.poll() == 3
    assert (tail.count(1, kinds.START), tail.count(2, kinds.START)) == (1, 2)
    assert tail.count(3, kinds.START) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="a clock of Linux")
def test_beside_guests_of_another_platform_events_have_their_clock(tmp_path):
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    subprocess.run(
        [sys.executable, "-c", "from backends.kit.recorder import record; record(1, 7)"],
        env=os.environ | {"BENCH_EVENTS": str(tmp_path), "BENCH_CLOCK": "CLOCK_MONOTONIC_RAW"},
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    (t_ns,) = read_raw(tmp_path)["t_ns"]
    assert before <= t_ns <= time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
