"""What spoils a measurement: each judgement both ways, and probes where a platform lacks them."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import psutil
import pytest

from bench.doctor import cgroup, interpreter, processor, storage, supplies, system, watch
from bench.doctor.examine import examine
from bench.errors import RedisError
from bench.server.redis_server import Server
from bench.system import windows

GB = 2**30


def well(advice):
    """Neither a warning nor something to do."""
    return advice.level == "ok" and advice.do == ""


def warns(advice, *, of, do):
    """A warning that names what was found, and ends with what to do."""
    return advice.level == "warn" and of in advice.found and do in advice.do


# --- processor -------------------------------------------------------------------------------


def test_all_cores_are_well_and_few_or_bound_ones_are_not():
    assert well(processor.cores(4, 4, "CPU"))
    assert warns(processor.cores(1, 1, "CPU"), of="1 cores", do="ratios only")
    assert warns(processor.cores(2, 8, "CPU"), of="2 of 8 cores", do="taskset")
    assert warns(processor.cores(1, 8, "CPU"), of="1 cores", do="ratios only")


@pytest.mark.parametrize(("allowed", "throttled"), [(4.0, 0), (8.0, 0)])
def test_a_quota_as_large_as_the_machine_is_well(allowed, throttled):
    assert well(processor.quota(allowed, 4, throttled))


@pytest.mark.parametrize(
    ("allowed", "throttled", "found"),
    [
        (1.5, 0, "1.5 cores' worth for 4 cores"),
        (4.0, 3, "stopped 3 times"),
        (None, 2, "a quota for 4 cores, stopped 2 times"),
    ],
)
def test_a_quota_below_the_cores_or_one_that_stops_us_is_told(allowed, throttled, found):
    assert warns(processor.quota(allowed, 4, throttled), of=found, do="CPU limit")


def test_without_a_quota_there_is_nothing_to_say():
    assert processor.quota(None, 4, 0) is None


def test_a_processor_at_its_full_speed_is_well():
    assert well(processor.frequency({"performance"}, 3000.0, 3600.0))
    assert well(processor.frequency(set(), 3000.0, 3600.0))
    assert well(processor.frequency({"performance"}, None, None))


def test_a_saving_governor_and_a_slowed_processor_are_told():
    saving = processor.frequency({"performance", "powersave"}, 800.0, 3600.0)
    assert warns(saving, of="governor powersave, 800 of 3,600 MHz", do="frequency-set")
    assert warns(processor.frequency({"ondemand"}, None, None), of="ondemand", do="frequency-set")
    assert warns(processor.frequency({"performance"}, 2000.0, 3600.0), of="2,000", do="cool")


def test_a_frequency_that_nobody_tells_is_not_judged():
    assert processor.frequency(set(), None, 3600.0) is None
    assert processor.frequency(set(), 2600.0, None) is None


def test_an_idle_machine_is_well():
    assert well(processor.load(0.05, 0.3, 2))
    assert well(processor.load(0.25, None, 2))


def test_a_busy_machine_and_one_that_was_just_busy_are_told():
    assert warns(processor.load(0.26, 0.0, 2), of="26% busy", do="close other programs")
    assert warns(processor.load(0.0, 1.1, 2), of="load average 1.1 on 2 cores", do="wait")
    assert warns(processor.load(0.5, None, 2), of="50% busy", do="close other programs")


def test_stolen_time_is_told_where_it_matters():
    assert processor.stolen(0.0) is None
    assert well(processor.stolen(0.02))
    assert warns(processor.stolen(0.03), of="3%", do="dedicated")


def test_governors_are_read_and_missing_ones_are_none(tmp_path):
    for number, name in enumerate(["performance", "powersave"]):
        folder = tmp_path / f"cpu{number}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{name}\n")
    assert processor.governors(tmp_path) == {"performance", "powersave"}
    assert processor.governors(tmp_path / "nothing") == set()


# --- control groups --------------------------------------------------------------------------


@pytest.fixture
def group(tmp_path):
    """Writes a file of a control group; gives the arguments that read them."""
    own = tmp_path / "self"

    def group(line, **files):
        own.write_text(line + "\n")
        for name, content in files.items():
            path = tmp_path / "fs" / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")
        return tmp_path / "fs", own

    return group


def test_the_quota_of_version_2_is_the_tightest_on_the_way_up(group):
    where = group("0::/a/b", a__b__cpu_DOT_max="max 100000", a__cpu_DOT_max="150000 100000")
    assert cgroup.quota(*where) == 1.5
    where = group("0::/a/b", a__b__cpu_DOT_max="50000 100000")
    assert cgroup.quota(*where) == 0.5


def test_in_a_container_the_top_group_counts_though_the_path_is_the_hosts(group):
    assert cgroup.quota(*group("0::/docker/1f", cpu_DOT_max="200000 100000")) == 2


def test_the_quota_of_version_1_is_in_two_files(group):
    where = group(
        "4:memory:/\n3:cpu,cpuacct:/x",
        **{"cpu,cpuacct__x__cpu_DOT_cfs_quota_us": "150000"},
        **{"cpu,cpuacct__x__cpu_DOT_cfs_period_us": "100000"},
        memory__cpu_DOT_max="1 100000",
    )
    assert cgroup.quota(*where) == 1.5
    group("3:cpu,cpuacct:/x", **{"cpu,cpuacct__x__cpu_DOT_cfs_quota_us": "-1"})
    assert cgroup.quota(*where) is None


def test_times_at_the_quota_are_added_up(group):
    where = group(
        "0::/a", cpu_DOT_stat="usage_usec 9\nnr_throttled 2", a__cpu_DOT_stat="nr_throttled 5"
    )
    assert cgroup.throttled(*where) == 7


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert cgroup.quota(tmp_path, tmp_path / "none") is None
    assert cgroup.throttled(tmp_path, tmp_path / "none") == 0


# --- memory, power, limits -------------------------------------------------------------------


def test_memory_below_a_gigabyte_is_told():
    assert well(system.memory(1.0))
    assert warns(system.memory(0.9), of="0.9 GB", do="close other programs")


def test_swap_is_told_when_it_moves_or_is_much_used():
    assert system.swap(0, 0, 0) is None
    assert well(system.swap(GB, 4 * GB, 0))
    assert warns(system.swap(0, 4 * GB, 2**20), of="1.0 MB moved", do="close other programs")
    assert warns(system.swap(GB + 1, 4 * GB, 0), of="1.0 of 4.0 GB", do="swapoff")


def test_a_battery_is_told_when_it_is_in_use():
    assert system.battery(None) is None
    assert well(system.battery(True))
    assert warns(system.battery(False), of="battery", do="plug it in")


def test_small_limits_are_told_with_what_to_type():
    assert system.limits(None, None) is None
    assert well(system.limits(1024, None))
    assert well(system.limits(None, 512))
    small = system.limits(256, 100)
    assert warns(small, of="256 open files, 100 processes", do="'ulimit -n 1024; ulimit -u 512'")
    assert warns(system.limits(256, 9999), of="256 open files", do="'ulimit -n 1024'")


# --- disk ------------------------------------------------------------------------------------


def test_little_space_is_told():
    assert well(storage.space(GB))
    assert warns(storage.space(100 * 2**20), of="0.1 GB", do="--out")


def test_a_slow_disk_one_in_the_network_and_none_are_told():
    assert well(storage.speed(99.0, "ext4"))
    assert storage.speed(1.0, "tmpfs").found == "1.0 ms to sync 1 MB to tmpfs"
    assert warns(storage.speed(101.0, ""), of="101.0 ms", do="less than 100 ms")
    assert warns(storage.speed(1.0, "nfs4"), of="nfs4", do="local disk")
    assert warns(storage.speed(None, "ext4"), of="cannot be written", do="--out")


def test_the_disk_below_a_folder_that_does_not_exist_is_looked_at_and_left_as_it_was(tmp_path):
    found = storage.examine(tmp_path / "not" / "yet")
    assert [advice.subject for advice in found] == ["disk", "disk speed"]
    assert "ms to sync" in found[1].found
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_refuses_files_is_told(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError

    monkeypatch.setattr(storage.tempfile, "TemporaryFile", refuse)
    assert warns(storage.examine(tmp_path)[1], of="cannot be written", do="--out")


# --- Python and its clock --------------------------------------------------------------------

PLAIN = {"debug": False, "dev_mode": False, "traced": False, "variables": {}}


def test_a_plain_interpreter_is_well():
    assert well(interpreter.python("CPython 3.12.1", **PLAIN))
    assert well(interpreter.python("CPython 3.12.1", **PLAIN | {"variables": {"HOME": "/"}}))


@pytest.mark.parametrize(
    ("what", "found", "do"),
    [
        ({"debug": True}, "a debug build", "release build"),
        ({"dev_mode": True}, "development mode", "-X dev"),
        ({"traced": True}, "traced", "coverage"),
        ({"variables": {"PYTHONTRACEMALLOC": "1"}}, "is set", "unset PYTHONTRACEMALLOC"),
    ],
)
def test_an_interpreter_that_is_slowed_down_is_told(what, found, do):
    assert warns(interpreter.python("CPython 3.12.1", **PLAIN | what), of=found, do=do)


def test_a_traced_interpreter_is_seen():
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        (python, _) = interpreter.examine()
    finally:
        sys.settrace(before)
    assert "traced" in python.found


def test_a_coarse_clock_is_told():
    assert well(interpreter.clock(1e-7))
    assert warns(interpreter.clock(15.6e-3), of="15,600,000 ns", do="another machine")


# --- Redis -----------------------------------------------------------------------------------


def test_somebodys_server_is_held_to_what_the_embedded_one_is():
    fit = {"append_only_file": False, "maxmemory_policy": "noeviction"}
    assert all(well(advice) for advice in supplies.fitness(fit, 50))
    unfit = {"append_only_file": True, "maxmemory_policy": "allkeys-lru"}
    busy, persistent, evicts = supplies.fitness(unfit, 51)
    assert warns(busy, of="51 commands/s", do="other clients")
    assert warns(persistent, of="append-only", do="--appendonly no")
    assert warns(evicts, of="allkeys-lru", do="noeviction")


# --- all together ----------------------------------------------------------------------------


def test_every_warning_here_says_what_to_do(tmp_path):
    advice = examine(tmp_path)
    assert {"Redis server", "disk", "disk speed", "processor", "load", "memory", "Python"} <= {
        item.subject for item in advice
    }
    assert [item for item in advice if item.level != "ok" and not item.do] == []


LACKING = ["sensors_battery", "cpu_freq", "getloadavg", "disk_partitions", "swap_memory"]


@pytest.mark.parametrize("problem", [OSError, NotImplementedError, RuntimeError])
def test_a_platform_may_lack_what_is_asked(problem, tmp_path, monkeypatch):
    def lacks(*_, **__):
        raise problem

    for name in LACKING:
        monkeypatch.setattr(psutil, name, lacks, raising=False)
    monkeypatch.setattr(watch, "WATCHED_S", 0.01)
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows: importing it fails
    subjects = {item.subject for item in examine(tmp_path)}
    assert {"processor", "load", "memory"} <= subjects
    assert not {"power", "frequency", "limits", "swap"} & subjects


def test_a_platform_may_lack_the_very_functions(tmp_path, monkeypatch):
    for name in ("sensors_battery", "cpu_freq"):
        monkeypatch.delattr(psutil, name, raising=False)
    monkeypatch.setattr(watch, "WATCHED_S", 0.01)
    assert not {"power"} & {item.subject for item in examine(tmp_path)}


@pytest.fixture
def no_program(monkeypatch):
    def none(chosen):
        raise RedisError(f"no Redis server comes for this: {windows.REDIS_HINT}")

    monkeypatch.setattr(supplies, "find_binary", none)


def test_without_a_server_it_says_the_ways_to_one(no_program, monkeypatch):
    def nobody(url):
        raise RedisError(f"no Redis at {url}")

    monkeypatch.setattr(supplies, "external", nobody)
    advice = supplies.redis(None)
    assert (advice.level, advice.found) == ("missing", "none")
    for way in ("docker compose up -d", "winget install Memurai.MemuraiDeveloper", "WSL"):
        assert way in advice.do


def test_one_that_runs_at_the_usual_port_is_the_shortest_way(no_program, monkeypatch):
    facts = {"name": "memurai", "version": "7.2"}
    monkeypatch.setattr(
        supplies, "external", lambda url: nullcontext(Server(url, embedded=False, facts=facts))
    )
    advice = supplies.redis(None)
    assert advice.level == "missing"
    assert advice.do == "memurai 7.2 runs here: --redis-url redis://127.0.0.1:6379/0"
