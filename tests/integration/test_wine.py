"""Real Windows CPython on Linux: workers and producers under Wine, the rest of a run here."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from support import Bench, Done, bench_process, run_bench, run_folders, wait_until, write_profile
from warm import refuse

from backends.kit import events
from bench.errors import UsageError
from bench.record.events import read_lease
from bench.record.store import RunFolder
from bench.system import processes, wine

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="Wine: Linux on x86_64"
    ),
]

CELLS = (
    'scenario = "add"; load = "drain"; tasks = 60',
    'scenario = "add"; load = "open"; rate_per_s = [20]; for_s = 2.0',
    'scenario = "notification"; load = "burst"; tasks = 8; latency_s = 0.1; timeout_s = 0.5; '
    "retry_delay_s = 0.5; fault_share = 0.2",
    'scenario = "chain"; load = "closed"; for_s = 1.5',
    'scenario = "flaky"; load = "burst"; tasks = 8; retry_delay_s = 1.0',
)
#: Of the seeds tried, one whose first messages meet several kinds of fault.
KEYS = {"concurrency": [2], "seed": 8, "baseline_windows": '"celery:solo"'}
#: Making all that is needed takes a minute or two, once.
MAKING_S = 400.0


@pytest.fixture(scope="module")
def installed() -> None:
    """Wine; where ``.ci/run`` has installed it, its absence is a failure."""
    try:
        wine.program()
    except UsageError as error:
        if os.environ.get("BENCH_WINE_INSTALLED"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@dataclass
class Place:
    """A folder for one run under Wine."""

    folder: Path

    def __post_init__(self) -> None:
        self.tmp = self.folder / "tmp"
        self.tmp.mkdir()
        self.servers_before = set(wine.SERVERS.glob("wine-*"))

    def profile(self, *cells: str, variants: str, **keys: Any) -> Path:
        return write_profile(self.folder / "p.toml", *cells, variants=variants, **KEYS | keys)

    def words(self, profile: Path) -> tuple[str | Path, ...]:
        return ("run", profile, "--platform", "wine", "--out", self.folder / "results")

    @property
    def run(self) -> RunFolder:
        (found,) = run_folders(self.folder / "results")
        return found

    def assert_nothing_left(self, token: str) -> None:
        """No process, no temporary file, and no folder of a server of Wine's."""
        assert [p.cmdline() for p in processes.carrying(token)] == []
        assert [path.name for path in self.tmp.iterdir()] == []
        assert set(wine.SERVERS.glob("wine-*")) <= self.servers_before | _in_use()


def _in_use() -> set[Path]:
    """The folders of other Wine servers that run."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            found.add(Path(process.cwd()).parent)
    return found


@pytest.fixture(scope="module")
def ran(installed: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Place]:
    """One run of two pools."""
    place = Place(tmp_path_factory.mktemp("wine"))
    profile = place.profile(*CELLS, variants="celery:solo celery:threads")
    done = run_bench(
        *place.words(profile), cwd=place.folder, within_s=MAKING_S, TMPDIR=str(place.tmp)
    )
    # On a busy machine a schedule may not be kept, which is told as invalid.
    late = {t["load"] for t in place.run.read_trials() if t["status"] == "invalid"}
    assert late <= {"open"}, done.all
    assert done.code == (1 if late else 0), done.all
    return done, place


@pytest.mark.slow
def test_two_pools_do_all_that_is_asked_of_them(ran: tuple[Done, Place]) -> None:
    _, place = ran
    trials = place.run.read_trials()
    assert {trial["status"] for trial in trials if trial["load"] != "open"} == {"ok"}
    assert len(trials) == 2 * len(CELLS)
    verdicts = pd.read_csv(place.run.path / "verdicts.csv")
    assert verdicts[verdicts["verdict"] == "fail"].to_dict("records") == []
    assert set(verdicts["variant"]) == {"celery:solo", "celery:threads"}


@pytest.mark.slow
def test_it_was_windows_that_ran(ran: tuple[Done, Place]) -> None:
    """By the workers' own account, and by the harness's."""
    _, place = ran
    for log in place.run.leases.glob("*/worker*.log"):
        assert "Windows-10" in log.read_text(encoding="utf-8"), log
    facts = place.run.read_run()
    assert (facts["platform"], facts["request"]["platform"]) == ("wine", "wine")
    assert facts["guest"] == f"Windows CPython 3.12.9 under Wine {wine.version()}"
    assert facts["baseline"] == "celery:solo"
    assert facts["guest"] in (place.run.path / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_all_events_of_a_trial_have_one_clock(ran: tuple[Done, Place]) -> None:
    """A request reaches the Bot API, which runs here, while the task that makes it runs there."""
    _, place = ran
    seen = 0
    for trial in place.run.read_trials():
        table = read_lease(place.run.leases / trial["lease_id"])
        own = table[table["task_id"] // 2**32 == trial["number"]]
        times = {mark["at"]: mark["t_ns"] for mark in trial["marks"]}
        last = times.get("end", times["done"])
        assert own["t_ns"].between(times["start"], last).all(), trial["trial_id"]
        for _, of_task in own.groupby("task_id"):
            requests = of_task[of_task["kind"] == events.REQUEST]["t_ns"]
            starts = of_task[of_task["kind"] == events.START]["t_ns"]
            ends = of_task[of_task["kind"].isin([events.END, events.FAIL])]["t_ns"]
            for asked, began, ended in zip(requests, starts, ends, strict=False):
                assert began < asked < ended
                seen += 1
    assert seen >= 2 * 8


@pytest.mark.slow
def test_what_wine_cannot_tell_is_left_out_and_said(ran: tuple[Done, Place]) -> None:
    done, place = ran
    metrics = set(pd.read_csv(place.run.path / "summary.csv")["metric"])
    assert {"redis_commands_per_task", "cpu_ms_per_task:redis", "throughput_tasks_per_s"} <= metrics
    untold = ("cpu_ms_per_task:worker", "cpu_ms_per_task:producer", "context", "rss", "pss")
    assert [name for name in metrics if any(word in name for word in untold)] == []
    for text in (done.out, (place.run.path / "report.md").read_text(encoding="utf-8")):
        assert "memory and context switches are left out" in " ".join(text.split())
    ends = [json.loads(p.read_text()) for p in place.run.leases.glob("*/lease.json")]
    assert {end["stopped"] for end in ends} == {"unasked"}
    assert {end["stragglers"] for end in ends} == {0}


@pytest.mark.slow
def test_nothing_is_left_of_a_run(ran: tuple[Done, Place]) -> None:
    _, place = ran
    place.assert_nothing_left(place.run.read_run()["token"])


def finished(place: Place) -> list[Path]:
    return [t for run in run_folders(place.folder / "results") for t in run.trials.glob("*.json")]


def begun(bench: Bench, place: Place) -> None:
    """Wait for the middle of a run: something is measured, and workers run."""
    wait_until(lambda: finished(place) or not bench.running, "a trial is recorded", MAKING_S)
    wait_until(lambda: bench.members("worker"), "workers run")


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_and_goes_on_under_wine(
    installed: None, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    profile = place.profile(CELLS[0], variants="celery:solo", rounds=2)
    with bench_process(*place.words(profile), cwd=tmp_path, TMPDIR=str(place.tmp)) as bench:
        begun(bench, place)
        token = bench.token()
        bench.signal(signal.SIGKILL)
        bench.end()
    wait_until(lambda: not processes.carrying(token), "the guard has ended all")
    wait_until(lambda: not list(place.tmp.iterdir()), "the guard has removed all")
    place.assert_nothing_left(token)
    resumed = run_bench(
        "run", "--resume", place.run.path, cwd=tmp_path, within_s=120, TMPDIR=str(place.tmp)
    )
    assert resumed.code == 0, resumed.all
    assert len(finished(place)) == 2
    assert "wine" in place.run.read_run()["platform"]
    place.assert_nothing_left(place.run.read_run()["token"])


@pytest.mark.slow
def test_an_interrupted_run_leaves_nothing(installed: None, tmp_path: Path) -> None:
    place = Place(tmp_path)
    profile = place.profile(CELLS[0], variants="celery:threads", rounds=3)
    with bench_process(*place.words(profile), cwd=tmp_path, TMPDIR=str(place.tmp)) as bench:
        begun(bench, place)
        token = bench.token()
        bench.signal(signal.SIGINT)
        done = bench.end()
    assert done.code == 130, done.all
    place.assert_nothing_left(token)


@pytest.mark.slow
def test_what_is_prepared_may_be_prepared_by_two_at_once(installed: None, tmp_path: Path) -> None:
    """And a kill in the middle leaves nothing that is taken for complete."""
    cache = {"TASK_QUEUE_BENCH_CACHE": str(tmp_path / "cache")}
    words = ("env", "sync", "--platform", "wine", "floor")
    with bench_process(*words, cwd=tmp_path, **cache) as killed:
        wait_until(
            lambda: list((tmp_path / "cache" / "wine").glob(".building-*/prefix")), "it builds"
        )
        killed.signal(signal.SIGKILL)
    with (
        bench_process(*words, cwd=tmp_path, **cache) as one,
        bench_process(*words, cwd=tmp_path, **cache) as other,
    ):
        for done in (one.end(MAKING_S), other.end(MAKING_S)):
            assert done.code == 0, done.all
            assert done.err.startswith("making environments (once): Windows CPython 3.12.9 under")


def test_missing_wine_is_one_line(tmp_path: Path) -> None:
    """With the command that installs it, before anything is measured or written."""
    for words in (("run", "quick"), ("env", "sync"), ("run", "quick", "--dry-run")):
        done = refuse(*words, "--platform", "wine", cwd=tmp_path, PATH=str(tmp_path))
        assert (done.code, done.out) == (2, "")
        assert done.err.strip().splitlines() == [
            "bench: --platform wine needs Wine, which is not installed: on Debian and Ubuntu type "
            "apt-get install --no-install-recommends wine wine64"
        ]


def test_an_unknown_platform_is_one_line(tmp_path: Path) -> None:
    done = refuse("run", "quick", "--platform", "win", cwd=tmp_path)
    assert done.code == 2
    (line,) = done.err.strip().splitlines()
    assert "unknown platform 'win': did you mean 'wine'? known are linux, wine" in line


def test_the_plan_under_wine_is_that_of_windows(installed: None, tmp_path: Path) -> None:
    done = run_bench("run", "quick", "--platform", "wine", "--dry-run", cwd=tmp_path)
    assert done.code == 0, done.all
    assert done.out.strip().endswith(f", Windows CPython 3.12.9 under Wine {wine.version()}")
