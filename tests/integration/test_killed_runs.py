"""A killed harness: ``bench run --resume`` measures what is missing, and nothing twice.

The harness is killed with SIGKILL when its folder has come into some state; then its guard cleans
up, and the run is resumed by another process.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from support import (
    Bench,
    Done,
    bench_process,
    files_with,
    redis_with_password,
    run_bench,
    run_folders,
    wait_until,
    write_profile,
)

from bench import processes
from bench.analysis import CELL, read_tables
from bench.plan import TrialPlan, make_plan
from bench.profile import load_profile
from bench.store import RunFolder

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
]

VARIANTS = "fake:honest fake:wrong-result"
CELLS = (
    'scenario = "add"; load = "drain"; tasks = 20',
    'scenario = "add"; load = "closed"; for_s = 0.7',
)
KEYS = {"baseline": '"fake:honest"', "rounds": 2, "concurrency": [2], "seed": 3}


class Place:
    """A folder with a profile, results and temporary files."""

    def __init__(self, folder: Path, *cells: str, variants: str = VARIANTS, **keys: object) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.tmp = folder / "tmp"
        self.tmp.mkdir()
        cells = cells or CELLS
        self.profile = write_profile(folder / "p.toml", *cells, variants=variants, **KEYS | keys)

    @property
    def run(self) -> RunFolder:
        (found,) = run_folders(self.results)
        return found

    @property
    def exists(self) -> bool:
        return any(folder.run_json.is_file() for folder in run_folders(self.results))

    def planned(self) -> list[TrialPlan]:
        """In the order they run."""
        return make_plan(load_profile(str(self.profile))).trials

    def finished(self) -> dict[str, tuple[int, str]]:
        """Time of writing and content of each trial that is recorded."""
        found = self.run.trials.glob("*.json") if self.exists else ()
        return {p.stem: (p.stat().st_mtime_ns, p.read_text(encoding="utf-8")) for p in found}

    def begin(self, *arguments: str) -> Bench:
        """A context manager that starts the run."""
        return self._process("run", str(self.profile), "--out", str(self.results), *arguments)

    def going_on(self, *arguments: str) -> Bench:
        """A context manager that starts the rest of the run."""
        return self._process("run", "--resume", str(self.run.path), *arguments)

    def _process(self, *arguments: str) -> Bench:
        return bench_process(*arguments, cwd=self.folder, TMPDIR=str(self.tmp))

    def resume(self, *arguments: str) -> Done:
        with self.going_on(*arguments) as bench:
            return bench.end(90)

    def kill_when(self, bench: Bench, state: Callable[[], object], what: str) -> None:
        """Kill the harness at that moment, and wait until its guard has cleaned up."""
        token = bench.token()
        wait_until(lambda: not bench.running or state(), what)
        assert bench.running, "the run ended before it could be killed"
        bench.signal(signal.SIGKILL)
        bench.end(20)
        wait_until(lambda: list(self.tmp.iterdir()) == [], "the guard has cleaned up")
        assert processes.carrying(token) == []

    def assert_nothing_left(self) -> None:
        assert list(self.tmp.iterdir()) == []
        assert processes.carrying(self.run.read_run()["token"]) == []
        assert [p.name for p in self.run.path.rglob("*") if p.name.endswith(".tmp")] == []
        assert list(self.run.path.glob(".lock*")) == []
        assert list(self.run.leases.glob("*/events")) == []

    def assert_whole(self) -> None:
        """Every planned trial is there once, with the events of a lease that is there."""
        assert sorted(self.finished()) == sorted(trial.id for trial in self.planned())
        facts = self.run.read_run()
        assert facts["status"] == "complete"
        leases = {trial["lease_id"] for trial in self.run.read_trials()}
        assert {lease.name for lease in self.run.leases.iterdir()} == leases
        for lease in self.run.leases.iterdir():
            assert (lease / "events.parquet").is_file()


@dataclass
class Told:
    """What two runs of one plan have in common: all but the values that depend on time."""

    summary: set[tuple[object, ...]]
    rounds: set[tuple[object, ...]]
    verdicts: set[tuple[object, ...]]


def told(run: RunFolder) -> Told:
    tables = read_tables(run.path)

    def rows(table: pd.DataFrame, *names: str) -> set[tuple[object, ...]]:
        found = list(table[[*CELL, *names]].itertuples(index=False, name=None))
        assert len(set(found)) == len(found)
        return set(found)

    return Told(
        rows(tables.summary, "metric", "unit", "rounds", "better"),
        rows(tables.rounds, "metric", "unit", "round", "better"),
        rows(tables.verdicts, "check", "verdict", "expected"),
    )


@pytest.fixture(scope="module")
def uninterrupted(server_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The same plan, run without a break."""
    place = Place(tmp_path_factory.mktemp("whole"))
    with place.begin() as bench:
        done = bench.end(90)
    assert done.code == 1, done.all
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
    """Both its trials are recorded, its own facts are not yet."""
    return len(place.finished()) == 2 and not list(place.run.leases.glob("*/lease.json"))


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


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_is_completed(tmp_path: Path, uninterrupted: Told, moment: str) -> None:
    place = Place(tmp_path)
    with place.begin() as bench:
        place.kill_when(bench, lambda: MOMENTS[moment](place), moment)
    before = place.finished()
    assert len(before) < 8
    if moment == "while a lease stops":
        assert list(place.run.leases.glob("*/events")), "it came too late: the lease has ended"
    done = place.resume()
    assert done.code == 1, done.all  # as of the whole run: wrong results are a failed verdict
    assert "Traceback" not in done.all
    assert f"{8 - len(before)} trials in " in done.err
    place.assert_whole()
    place.assert_nothing_left()
    after = place.finished()
    assert {name: after[name] for name in before} == before
    assert told(place.run) == uninterrupted
    (again,) = place.run.read_run()["resumed"]
    assert again["finished_trials"] == len(before)
    assert again["argv"] == ["run", "--resume", str(place.run.path)]


def test_a_run_killed_again_and_again_is_completed(tmp_path: Path, uninterrupted: Told) -> None:
    place = Place(tmp_path)
    seen: dict[str, tuple[int, str]] = {}
    for wanted in (1, 2, 4, 5, 7):
        with place.going_on() if place.exists else place.begin() as bench:
            reached = f"{wanted} trials are finished"
            place.kill_when(bench, lambda n=wanted: len(place.finished()) >= n, reached)
        now = place.finished()
        assert len(now) >= wanted
        assert {name: now[name] for name in seen} == seen
        seen = now
    assert place.resume().code == 1
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


def test_half_written_files_are_no_trials(tmp_path: Path, uninterrupted: Told) -> None:
    place = Place(tmp_path)
    with place.begin() as bench:
        place.kill_when(bench, lambda: len(place.finished()) == 1, "a trial is finished")
    unfinished = next(t.id for t in place.planned() if t.id not in place.finished())
    (lease,) = place.run.leases.iterdir()
    halves = [
        place.run.path / ".run.json.tmp",
        place.run.trials / f".{unfinished}.json.tmp",
        lease / "events.tmp",
    ]
    for path in halves:
        path.write_text('{"trial_id": "r1-', encoding="utf-8")
    assert place.resume().code == 1
    assert not any(path.exists() for path in halves)
    place.assert_whole()
    assert told(place.run) == uninterrupted


def test_an_interrupt_tells_how_to_go_on(tmp_path: Path, uninterrupted: Told) -> None:
    place = Place(tmp_path)
    with place.begin() as bench:
        wait_until(place.finished, "a trial is finished")
        bench.signal(signal.SIGINT)
        done = bench.end(20)
    assert done.code == 130
    path = place.run.path
    assert done.err.splitlines()[-1].endswith(f"{path}; go on with: bench run --resume {path}")
    assert place.resume().code == 1
    place.assert_whole()
    assert told(place.run) == uninterrupted


def test_a_complete_run_is_not_measured_again(tmp_path: Path, server_program: Path) -> None:
    place = Place(tmp_path, CELLS[0], rounds=1)
    with place.begin() as bench:
        assert bench.end().code == 1
    before, facts = place.finished(), place.run.run_json.read_bytes()
    (place.run.path / "summary.csv").unlink()  # a kill may come before the tables
    done = place.resume()
    assert done.code == 1
    assert done.err == f"{place.run.path} is complete: nothing is left to measure\n"
    assert "2 of 2 trials ok" in done.out
    assert (place.finished(), place.run.run_json.read_bytes()) == (before, facts)
    assert (place.run.path / "summary.csv").is_file()


def test_two_at_once_are_refused(tmp_path: Path, server_program: Path) -> None:
    place = Place(tmp_path)
    with place.begin() as bench:
        wait_until(place.finished, "a trial is finished")
        done = place.resume()
        assert done.code == 2, done.all
        assert done.err == (
            f"bench: process {bench.process.pid} is at work on {place.run.path}: "
            "wait for its end, or interrupt it\n"
        )
        assert bench.end(60).code == 1
    place.assert_whole()


def test_an_external_server_is_asked_for_again(tmp_path: Path, server_program: Path) -> None:
    place = Place(tmp_path, variants="fake:leaky-log fake:honest")
    with redis_with_password("s3cretword", tmp_path / "server") as port:
        url = f"redis://:s3cretword@127.0.0.1:{port}/0"
        with place.begin("--redis-url", url) as bench:
            place.kill_when(bench, lambda: len(place.finished()) == 3, "3 trials are finished")
        done = place.resume()
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert f"begun on the server at redis://:***@127.0.0.1:{port}/0: give its URL" in line
        done = place.resume("--redis-url", url)
        assert done.code == 0, done.all
    place.assert_whole()
    assert files_with(place.results, "s3cretword") == []


# --- refused: one line, and the folder is as it was -----------------------------------------


@pytest.fixture(scope="module")
def killed(server_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A run that was killed after its first trial."""
    place = Place(tmp_path_factory.mktemp("killed"))
    with place.begin() as bench:
        place.kill_when(bench, lambda: len(place.finished()) == 1, "a trial is finished")
    return place


def _refused(run: Path, *arguments: str) -> str:
    """What is told."""
    done = run_bench("run", "--resume", run, *arguments, cwd=run.parent)
    assert done.code == 2, done.all
    assert done.out == ""
    line = done.err.splitlines()[-1]
    assert line.startswith("bench: ")
    assert "Traceback" not in done.err
    return line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("quick",), "leave out PROFILE"),
        (("-b", "rq", "--rounds", "2"), "leave out -b, --rounds"),
        (("-s", "add", "--precision", "5%", "--out", "x"), "leave out -s, --precision, --out"),
        (("--redis-url", "redis://127.0.0.1:1/0"), "leave --redis-url and REDIS_URL out"),
    ],
)
def test_options_of_another_run(killed: Place, arguments: tuple[str, ...], told: str) -> None:
    assert told in _refused(killed.run.path, *arguments)


def _change(facts: dict, *path: str, value: object) -> None:
    for name in path[:-1]:
        facts = facts[name]
    facts[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("host", "cores"), 4096, "host cores was 4096, is "),
        (("host", "cpu"), "Z80", "host cpu was Z80, is "),
        (("redis", "version"), "1.0", "redis version was 1.0, is "),
        (("backends", "fake", "versions"), {"lib": "1.0"}, "fake's lib was 1.0, is missing"),
        (("plan_digest",), "0", "this code makes another plan of it than that of commit "),
        (("request", "profile", "rounds"), 3, "this code makes another plan"),
        (("request", "profile", "variants"), ["fake:gone"], "unknown variant 'fake:gone'"),
        (("request", "profile", "rounds"), "two", "rounds = 'two'"),
        (("request",), {}, "damaged or no run of this suite's"),
        (("schema_version",), 99, "has schema_version 99"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_a_run_that_cannot_go_on_here(
    killed: Place, tmp_path: Path, path: tuple[str, ...], value: object, told: str
) -> None:
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    facts = json.loads(run.run_json.read_text(encoding="utf-8"))
    _change(facts, *path, value=value)
    run.run_json.write_text(json.dumps(facts), encoding="utf-8")
    assert told in _refused(run.path)
    assert json.loads(run.run_json.read_text(encoding="utf-8")) == facts
    assert len(run.finished()) == 1


def test_a_run_of_an_older_version(killed: Place, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    facts = json.loads(run.run_json.read_text(encoding="utf-8"))
    del facts["request"]
    run.run_json.write_text(json.dumps(facts), encoding="utf-8")
    assert "written by a version that kept no plan; run again" in _refused(run.path)


def test_a_finished_trial_without_its_events(killed: Place, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    (lease,) = run.leases.iterdir()
    shutil.rmtree(lease)
    line = _refused(run.path)
    assert f"the events of {lease} are missing: remove the 1 files in {run.trials}" in line


def test_other_code_is_remarked_on(killed: Place, tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(killed.run.path, tmp_path / "run"))
    facts = json.loads(run.run_json.read_text(encoding="utf-8"))
    facts["code"] = {"commit": "abc", "dirty": False}
    run.run_json.write_text(json.dumps(facts), encoding="utf-8")
    done = run_bench("run", "--resume", run.path, cwd=tmp_path)
    assert done.code == 1, done.all
    now = run.read_run()
    assert now["warnings"][0].startswith("the run was begun with code of commit abc and resumed")
    assert now["run_id"] == killed.run.read_run()["run_id"]
    assert now["code"] == facts["code"]


def test_no_run(tmp_path: Path) -> None:
    assert "is not a run: it has no run.json" in _refused(tmp_path)
    assert "is not a folder" in _refused(tmp_path / "nothing")
