"""Runs that are killed and resumed: what the tests of ``--resume`` share."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from support import Bench, Done, bench_process, run_folders, wait_until, write_profile

from bench.analysis.tables import CELL, read_tables
from bench.plan.cells import TrialPlan
from bench.plan.planner import make_plan
from bench.plan.profile import load_profile
from bench.record.store import RunFolder
from bench.system import processes

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
        self.tmp.mkdir(parents=True)
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

    def begin_beside(self, other: Place) -> Bench:
        """The same with the temporary folder of another."""
        self.tmp = other.tmp
        return self.begin()

    def going_on(self, *arguments: str) -> Bench:
        """A context manager that starts the rest of the run."""
        return self._process("run", "--resume", str(self.run.path), *arguments)

    def _process(self, *arguments: str) -> Bench:
        return bench_process(*arguments, cwd=self.folder, TMPDIR=str(self.tmp))

    def resume(self, *arguments: str) -> Done:
        with self.going_on(*arguments) as bench:
            return bench.end()

    def kill_when(self, bench: Bench, state: Callable[[], object], what: str) -> bool:
        """Kill the harness in that state, and wait until its guard has cleaned up.

        Returns:
            False if it is not in that state: it went past it before it was seen or killed.
        """
        token = bench.token()
        wait_until(lambda: not bench.running or state(), what)
        bench.signal(signal.SIGKILL)
        ended = bench.end()
        wait_until(lambda: list(self.tmp.iterdir()) == [], "the guard has cleaned up")
        assert processes.carrying(token) == []
        return ended.code == -signal.SIGKILL and bool(state())

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


def killed(
    folder: Path, state: Callable[[Place], object], *arguments: str, variants: str = VARIANTS
) -> Place:
    """A run that was killed in that state, which a busy machine may let it go past: then another
    is begun."""
    for attempt in range(5):
        place = Place(folder / f"run-{attempt}", variants=variants)
        with place.begin(*arguments) as bench:
            if place.kill_when(bench, lambda place=place: state(place), "it is in that state"):
                return place
    raise AssertionError("no run was killed in that state")


@dataclass
class Told:
    """What two runs of one plan have in common: all but the values that depend on time."""

    summary: set[tuple[object, ...]]
    rounds: set[tuple[object, ...]]
    verdicts: set[tuple[object, ...]]


def told(run: RunFolder) -> Told:
    tables = read_tables(run.path)

    def rows(table: pd.DataFrame, *names: str) -> set[tuple[object, ...]]:
        if "metric" in table:
            # Too little to tell is left out, of costs (what ended before the workers were called
            # ready) and of percentiles (a closed load goes by the clock): that may differ.
            table = table[~table["metric"].str.contains(r":|_p9\d|^redis_|^worker_|_stall_")]
        found = list(table[[*CELL, *names]].itertuples(index=False, name=None))
        assert len(set(found)) == len(found)
        return set(found)

    return Told(
        rows(tables.summary, "metric", "unit", "rounds", "better"),
        rows(tables.rounds, "metric", "unit", "round", "better"),
        rows(tables.verdicts, "check", "verdict", "expected"),
    )
