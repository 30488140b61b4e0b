"""A killed harness: ``bench run --resume`` measures what is missing, and nothing twice.

The harness is killed with SIGKILL when its folder has come into some state; then its guard cleans
up, and the run is resumed by another process.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from killing import CELLS, Place, Told, killed, told
from support import files_with, redis_with_password, run_bench, wait_until
from warm import refuse

from bench.report.wording import plural
from bench.system import processes

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
]

#: Those that are held to the uninterrupted run share it.
compared = pytest.mark.xdist_group("killed runs")

SHARE = 'scenario = "add"; load = "open"; for_s = 0.5; offered = [0.2]'


@pytest.fixture(scope="module")
def uninterrupted(server_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The same plan, run without a break."""
    place = Place(tmp_path_factory.mktemp("whole"))
    with place.begin() as bench:
        done = bench.end()
    assert done.code == 0, done.all
    place.assert_whole()
    return told(place.run)


def _lease_dirs(place: Place) -> list[Path]:
    return list(place.run.leases.iterdir()) if place.exists else []


def _before_the_first_trial(place: Place) -> bool:
    return bool(_lease_dirs(place)) and not place.finished()


def _in_the_second_trial(place: Place) -> bool:
    """Its tasks run: the worker has recorded more than the drain's 20 tasks have."""
    files = [path for lease in _lease_dirs(place) for path in lease.glob("events/worker-*")]
    recorded = sum(path.stat().st_size for path in files if path.exists())
    return len(place.finished()) == 1 and recorded > 24 * 60


def _between_two_trials(place: Place) -> bool:
    return len(place.finished()) == 3


def _while_a_lease_stops(place: Place) -> bool:
    """Both its trials are recorded, its own facts are not yet, nor are its events together."""
    if len(place.finished()) != 2 or list(place.run.leases.glob("*/lease.json")):
        return False
    return bool(list(place.run.leases.glob("*/events")))


def _in_the_last_trial(place: Place) -> bool:
    return len(place.finished()) == 7


MOMENTS = {
    "the run folder is there": lambda place: place.exists,
    "before the first trial": _before_the_first_trial,
    "in the second trial": _in_the_second_trial,
    "while a lease stops": _while_a_lease_stops,
    "between two trials": _between_two_trials,
    "in the last trial": _in_the_last_trial,
}
#: Between those before and after them, nothing but the count of finished trials is different.
LONGER = {"before the first trial", "between two trials"}


@compared
@pytest.mark.parametrize(
    "moment", [pytest.param(m, marks=[pytest.mark.slow] * (m in LONGER)) for m in MOMENTS]
)
def test_a_killed_run_is_completed(tmp_path: Path, uninterrupted: Told, moment: str) -> None:
    place = killed(tmp_path, MOMENTS[moment])
    before = place.finished()
    assert len(before) < 8
    done = place.resume()
    assert done.code == 0, done.all  # as of the whole run: wrong results are a finding
    assert "Traceback" not in done.all
    assert f"{plural(8 - len(before), 'trial')} in " in done.err
    place.assert_whole()
    place.assert_nothing_left()
    after = place.finished()
    assert {name: after[name] for name in before} == before
    assert told(place.run) == uninterrupted
    (again,) = place.run.read_run()["resumed"]
    assert again["finished_trials"] == len(before)
    assert again["argv"] == ["run", "--resume", str(place.run.path)]


@compared
@pytest.mark.slow
def test_a_run_killed_again_and_again_is_completed(tmp_path: Path, uninterrupted: Told) -> None:
    place = Place(tmp_path)
    seen: dict[str, tuple[int, str]] = {}
    for wanted in (1, 2, 3, 4, 5):
        with place.going_on() if place.exists else place.begin() as bench:
            reached = f"{wanted} trials are finished"
            assert place.kill_when(bench, lambda n=wanted: len(place.finished()) >= n, reached)
        now = place.finished()
        assert len(now) >= wanted
        assert {name: now[name] for name in seen} == seen
        seen = now
    assert place.resume().code == 0
    place.assert_whole()
    place.assert_nothing_left()
    after = place.finished()
    assert {name: after[name] for name in seen} == seen
    assert told(place.run) == uninterrupted
    counts = [again["finished_trials"] for again in place.run.read_run()["resumed"]]
    assert len(counts) == 5
    assert counts == sorted(counts)
    order = [trial["started_at"] for trial in place.run.read_trials()]
    starts = {t["trial_id"]: t["started_at"] for t in place.run.read_trials()}
    assert sorted(order) == [starts[trial.id] for trial in place.planned()]


@compared
def test_half_written_files_are_no_trials(tmp_path: Path, uninterrupted: Told) -> None:
    place = killed(tmp_path, lambda place: len(place.finished()) == 1)
    unfinished = next(t.id for t in place.planned() if t.id not in place.finished())
    (lease,) = place.run.leases.iterdir()
    halves = [
        place.run.path / ".run.json.tmp",
        place.run.trials / f".{unfinished}.json.tmp",
        lease / "events.tmp",
    ]
    for path in halves:
        path.write_text('{"trial_id": "r1-', encoding="utf-8")
    assert place.resume().code == 0
    assert not any(path.exists() for path in halves)
    place.assert_whole()
    assert told(place.run) == uninterrupted


@compared
def test_an_interrupt_tells_how_to_go_on(tmp_path: Path, uninterrupted: Told) -> None:
    place = Place(tmp_path)
    with place.begin() as bench:
        wait_until(place.finished, "a trial is finished")
        bench.signal(signal.SIGINT)
        done = bench.end()
    assert done.code == 130
    path = place.run.path
    assert done.err.splitlines()[-1].endswith(f"{path}; go on with: bench run --resume {path}")
    assert place.resume().code == 0
    place.assert_whole()
    assert told(place.run) == uninterrupted


def test_a_complete_run_is_not_measured_again(tmp_path: Path, server_program: Path) -> None:
    place = Place(tmp_path, CELLS[0], rounds=1)
    with place.begin() as bench:
        assert bench.end().code == 0
    before, facts = place.finished(), place.run.run_json.read_bytes()
    (place.run.path / "summary.csv").unlink()  # a kill may come before the tables
    done = place.resume()
    assert done.code == 0
    assert done.err == f"{place.run.path} is complete: nothing is left to measure\n"
    assert "2 of 2 trials ok" in done.out
    assert (place.finished(), place.run.run_json.read_bytes()) == (before, facts)
    assert (place.run.path / "summary.csv").is_file()
    assert place.resume("--strict").code == 1


def test_two_at_once_are_refused(tmp_path: Path, server_program: Path) -> None:
    place = Place(tmp_path)
    with place.begin() as bench:
        wait_until(place.finished, "a trial is finished")
        with bench.standing_still():
            done = refuse("run", "--resume", place.run.path, cwd=tmp_path)
        assert done.code == 2, done.all
        assert done.err == (
            f"bench: process {bench.process.pid} is at work on {place.run.path}: "
            "wait for its end, or interrupt it\n"
        )
        assert bench.end().code == 0
    place.assert_whole()


def test_an_external_server_is_asked_for_again(tmp_path: Path, server_program: Path) -> None:
    variants = "fake:leaky-log fake:honest"
    with redis_with_password("s3cretword", tmp_path / "server") as port:
        url = f"redis://:s3cretword@127.0.0.1:{port}/0"
        place = killed(
            *(tmp_path, lambda place: len(place.finished()) == 3, "--redis-url", url),
            variants=variants,
        )
        done = place.resume()
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert f"begun on the server at redis://:***@127.0.0.1:{port}/0: give its URL" in line
        done = place.resume("--redis-url", url)
        assert done.code == 0, done.all
    place.assert_whole()
    assert files_with(place.results, "s3cretword") == []


def test_what_is_left_when_the_guard_is_killed_too_is_ended_by_the_next_command(
    tmp_path: Path, server_program: Path
) -> None:
    place, living = Place(tmp_path), Place(tmp_path / "living")
    with place.begin() as bench, living.begin_beside(place) as other:
        token, theirs = bench.token(), other.token()
        wait_until(place.finished, "a trial is finished")
        with other.standing_still():
            (guard,) = [
                process
                for process in processes.tree(bench.process.pid)[1:]
                if "bench.run.guard" in process.cmdline()
            ]
            (scratch,) = [path for path in place.tmp.iterdir() if path.name.startswith(token)]
            guard.kill()
            bench.signal(signal.SIGKILL)
            bench.end()
            assert processes.working_in(scratch), "the server is gone by itself: nothing is tested"
            done = run_bench("list", "profiles", cwd=tmp_path, TMPDIR=str(place.tmp))
            assert done.code == 0, done.all
            assert done.err == f"ended what a killed run had left: its processes and {scratch}\n"
            assert processes.carrying(token) == []
            assert processes.working_in(scratch) == []
            assert [path.name.startswith(theirs) for path in place.tmp.iterdir()] == [True]
        assert other.end().code == 0
    assert place.resume().code == 0
    place.assert_whole()
    place.assert_nothing_left()


def test_a_run_with_rates_that_are_shares_of_its_own_drain_is_completed(
    tmp_path: Path, server_program: Path
) -> None:
    """What a share comes to is known in the trial, and must not look like another plan."""
    place = Place(tmp_path, *CELLS, SHARE, variants="fake:honest", rounds=1)
    with place.begin() as bench:
        assert bench.end().code in (0, 1)
    (shared,) = [trial for trial in place.run.read_trials() if trial["load"] == "open"]
    (drain,) = [trial for trial in place.run.read_trials() if trial["load"] == "drain"]
    assert shared["tasks"] == 0
    assert shared["offered_tasks"] > 0
    (place.run.trials / f"{drain['trial_id']}.json").unlink()
    done = place.resume()
    assert "1 trial in 1 lease" in done.err, done.all
    place.assert_whole()
