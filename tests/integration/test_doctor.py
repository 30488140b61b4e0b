"""``bench doctor`` as its user starts it, and the two arms of the proof of innocence."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import sys

import pytest
from support import bench_process, run_bench, wait_until
from warm import refuse

from backends import choose
from bench.doctor import arms, costs, innocence
from bench.doctor.drain import Observer, TooFewPolls
from bench.record.store import RunFolder
from bench.system import processes
from bench.workers.producer import LeaseFailed, TrialTimeout

pytestmark = pytest.mark.integration


@pytest.fixture
def place(server, token, tmp_path):
    """Where the arms run."""
    folder = RunFolder(tmp_path / "run")
    return arms.Place(token, tmp_path / "scratch", server, folder)


@pytest.fixture
def lease(monkeypatch):
    """A drain of a variant that takes some tenths of a second."""

    def lease(name, seconds=0.5):
        monkeypatch.setattr(innocence, "DRAIN_S", seconds)
        (choice,) = choose(name)
        return innocence._lease(choice, 1)

    return lease


def left_behind(place):
    """Keys and processes of the arms, and what is in the scratch folder but logs."""
    with place.server.client() as client:
        keys = list(client.scan_iter(match=f"*{place.token}*"))
    others = [p for p in processes.carrying(place.token) if "BENCH_NAMESPACE" in p.environ()]
    files = [path for path in place.scratch.glob("*") if path.suffix != ".log"]
    return keys, others, files


# --- the arms --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["celery:solo", "dramatiq", "rq:simple"])
def test_both_arms_drain_the_same_tasks_and_no_command_is_added(name, lease, place, environment_of):
    """Recording through Redis would be a command per task at the least."""
    plan = lease(name)
    env = environment_of(plan.choice.backend)
    harness, plain = arms.with_harness(plan, env, place), arms.plain(plan, env, place)
    assert min(harness.per_s, plain.per_s, harness.cpu_ms, plain.cpu_ms) > 0
    assert sum(plain.commands.values()) > 2  # sending and fetching are commands
    added = sum(harness.commands.values()) - sum(plain.commands.values())
    assert added == pytest.approx(0, abs=0.5)
    assert left_behind(place) == ([], [], [])


def test_the_plain_program_records_nothing_and_the_harness_all(lease, place, environment_of):
    plan = lease("fake:honest", seconds=2)
    env = environment_of(plan.choice.backend)
    arms.plain(plan, env, place)
    assert list(place.folder.path.rglob("*.events")) == []
    assert not place.folder.path.exists()
    arms.with_harness(plan, env, place)
    assert len(list(place.folder.path.rglob("events.parquet"))) == 1


def test_a_worker_that_ends_fails_the_arm_and_nothing_is_left(lease, place, environment_of):
    plan = lease("fake:dies")
    with pytest.raises(LeaseFailed):
        arms.with_harness(plan, environment_of(plan.choice.backend), place)
    assert left_behind(place) == ([], [], [])


@pytest.mark.parametrize("ends", ["worker.py", "send.py"])
def test_a_plain_program_that_ends_fails_the_arm_and_nothing_is_left(
    ends, lease, place, environment_of, tmp_path
):
    plan = lease("fake:honest")
    folder = tmp_path / plan.choice.backend.folder.name
    shutil.copytree(plan.choice.backend.folder / "plain", folder / "plain")
    (folder / "plain" / ends).write_text("raise SystemExit(3)")
    env = environment_of(plan.choice.backend)
    backend = dataclasses.replace(plan.choice.backend, folder=folder)
    plan.choice = plan.choice._replace(backend=backend)
    with pytest.raises(LeaseFailed, match="exit code 3"):
        arms.plain(plan, dataclasses.replace(env, backend=backend), place)
    assert left_behind(place) == ([], [], [])


def test_a_drain_that_is_over_at_once_is_not_measured(lease, place, environment_of):
    plan = lease("fake:honest", seconds=0.0)
    with pytest.raises(TooFewPolls):
        arms.plain(plan, environment_of(plan.choice.backend), place)
    assert left_behind(place) == ([], [], [])


def test_the_observer_gives_up_at_its_deadline_and_subtracts_its_own_commands(server, tmp_path):
    class Stuck:
        def pending(self, client, namespace, directory):
            client.llen("nothing")
            return 7

    with Observer(server, Stuck(), "ns", tmp_path, 10) as observer:
        observer.start()
        with pytest.raises(TrialTimeout):
            observer.finish(0.0, lambda: None)
        looked = wait_until(lambda: observer._client.sent["llen"], "it has looked")
        assert looked
        commands = observer._others()
        commands.subtract(observer._commands)
        assert commands["info"] == 0
        assert abs(commands["llen"]) <= 1  # one may be on its way


# --- the open load's sending code ------------------------------------------------------------


@pytest.mark.parametrize("rate", [100, 2000])
def test_the_lateness_of_an_open_load_is_read_from_its_own_events(
    rate, token, tmp_path, monkeypatch
):
    monkeypatch.setattr(costs, "SENT_FOR_S", 0.5)
    late = costs.schedule_lateness_ms(tmp_path, token, rate)
    assert len(late) == rate / 2
    assert late.min() >= 0
    roles = {process.environ().get("BENCH_ROLE") for process in processes.carrying(token)}
    assert "producer" not in roles


# --- the command -----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_figures_are_one_object_on_stdout_and_nothing_is_left(
    tmp_path, server_program, made_environments
):
    """One variant can be measured; the other cannot, which is told and fails the command."""
    made_environments("fake:honest")
    done = run_bench(
        *("doctor", "--measure", "--json", "--out", tmp_path / "results"),
        *("-b", "fake:honest", "-b", "fake:dies", "--repeats", "1"),
        cwd=tmp_path,
        within_s=120,
    )
    assert done.code == 1, done.all
    told = json.loads(done.out)
    assert {item["level"] for item in told["advice"]} <= {"ok", "warn", "missing"}
    assert told["recorder_ns_per_event"] > 0
    assert told["redis_command_us"] > 0
    assert set(told["schedule_lateness_ms_p99"]) == {"100", "1000", "2000"}
    ratio = told["perturbation_ratio"]["fake:honest"]
    assert ratio["pairs"] == 1
    assert ratio["ratio"] == pytest.approx(ratio["harness_per_s"] / ratio["plain_per_s"], rel=0.01)
    assert told["redis_commands_added"] == {
        "fake:honest": pytest.approx(0, abs=0.01),
        "fake:dies": None,
    }
    assert told["perturbation_ratio"]["fake:dies"]["ratio"] is None
    assert "worker" in told["perturbation_ratio"]["fake:dies"]["failed"]
    assert [aim["met"] for aim in told["aims"] if "fake:dies" in aim["aim"]] == [False] * 3
    assert "fake:honest pair 1 of 1, plain" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_an_interrupted_measurement_leaves_nothing(tmp_path, server_program, made_environments):
    made_environments("fake:honest")
    arguments = ("doctor", "--measure", "-b", "fake:honest", "--out", tmp_path / "results")
    with bench_process(*arguments, cwd=tmp_path) as bench:
        token = bench.token()
        wait_until(lambda: bench.members("worker"), "a worker runs")
        bench.signal(signal.SIGINT)
        done = bench.end()
    assert done.code == 130, done.all
    assert processes.carrying(token) == []
    assert list(tmp_path.iterdir()) == []


def test_advice_alone_is_one_object_too_and_starts_nothing(tmp_path):
    done = run_bench("doctor", "--json", "--out", tmp_path / "results", cwd=tmp_path)
    told = json.loads(done.out)
    assert list(told) == ["advice"]
    assert all(item["do"] for item in told["advice"] if item["level"] != "ok")
    assert done.code == (0 if all(item["level"] == "ok" for item in told["advice"]) else 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-b", "fake:honest"), "add --measure"),
        (("--measure", "-b", "selery"), "unknown variant 'selery'"),
        (("--measure", "--repeats", "0"), "--repeats"),
    ],
)
def test_a_mistake_is_one_line(arguments, told, tmp_path):
    done = refuse("doctor", *arguments, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert len(done.err.strip().splitlines()) == 1
