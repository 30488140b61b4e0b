"""``--precision``: rounds are added where they are needed, until they suffice or time is up."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support import (
    Done,
    bench_process,
    run_bench,
    run_folders,
    wait_until,
    write_profile,
)

from bench.analysis.tables import read_tables
from bench.plan.planner import make_plan
from bench.plan.profile import load_profile
from bench.record.store import RunFolder

pytestmark = pytest.mark.integration

#: The first takes as long as its tasks wait, and so does the second; the third does as it likes.
VARIANTS = "fake:honest fake:early fake:jittery"
DRAIN = 'scenario = "add"; load = "drain"; tasks = 12; service_s = 0.03'
LIMITED = 'scenario = "add"; load = "closed"; for_s = 0.2; service_s = 0.03; rounds = 1'
KEYS = {"baseline": '"fake:honest"', "rounds": 3, "concurrency": [2]}
TWIN = "fake:honest (A/A)"
#: With this one the jittery trials of the first 3 rounds take 0, 30 and 60 ms more.
SEED = 7


def _profile(folder: Path, *cells: str, variants: str = VARIANTS, **keys: Any) -> Path:
    return write_profile(folder / "p.toml", *cells, variants=variants, **KEYS | keys)


def _run(folder: Path, profile: Path, *arguments: str) -> tuple[Done, RunFolder]:
    out = folder / "results"
    done = run_bench("run", profile, "--out", out, *arguments, cwd=folder, within_s=120)
    (run,) = run_folders(out)
    return done, run


def _rounds(run: RunFolder) -> dict[str, Counter[str]]:
    """By load: trials per variant."""
    found: dict[str, Counter[str]] = {}
    for trial in run.read_trials():
        found.setdefault(trial["load"], Counter())[trial["variant"]] += 1
    return found


def test_only_what_is_imprecise_gets_more_rounds(tmp_path: Path, server_program: Path) -> None:
    profile = _profile(tmp_path, DRAIN, LIMITED, seed=SEED)
    plan = make_plan(load_profile(str(profile)))
    drains = [trial for trial in plan.trials if trial.cell.label == "fake:jittery c=2 add drain"]
    assert len({trial.number % 3 for trial in drains}) > 1  # it goes by its trials' numbers
    # A busy machine's noise is less than that, and the jitter is more.
    done, run = _run(tmp_path, profile, "--precision", "90%", "--budget", "12s")
    assert done.code == 0, done.all
    rounds = _rounds(run)
    assert rounds["drain"][TWIN] == 3  # of the profile's rounds alone
    assert rounds["closed"] == {"fake:honest": 1, "fake:early": 1, "fake:jittery": 1}
    assert rounds["drain"]["fake:early"] == 3
    assert rounds["drain"]["fake:jittery"] > 3
    by_round: dict[int, set[str]] = {}
    for trial in run.read_trials():
        by_round.setdefault(trial["round"], set()).add(trial["variant"])
    together = {"fake:honest", "fake:jittery"}
    *whole, last = [by_round[number] for number in sorted(by_round) if number > 3]
    assert [variants for variants in whole if variants != together] == []
    assert last <= together  # for want of time a lease of it may be left out
    facts = run.read_run()
    precision = facts["precision"]
    assert (precision["within"], precision["budget_s"]) == (0.9, 12.0)
    assert precision["rounds_added"] == len(precision["added"]) > 0
    assert facts["planned_trials"] == len(run.read_trials())
    told = {(c["variant"], c["load"]): c["rounds"] for c in facts["cells"]}
    assert told == {(v, load): n for load, by in rounds.items() for v, n in by.items()}
    drain = read_tables(run.path).summary.query("metric == 'throughput_tasks_per_s'")
    assert dict(zip(drain["variant"], drain["rounds"], strict=True)) == rounds["drain"]
    if precision["reached"]:
        assert precision["missed"] == []
    else:
        (missing,) = precision["missed"]
        assert missing["half_width"] > 0.9
        assert missing | {"half_width": 0} == {
            "variant": "fake:jittery",
            "scenario": "add",
            "load": "drain",
            "concurrency": 2,
            "params": {"service_s": 0.03},
            "half_width": 0,
        }


@pytest.mark.slow
def test_precise_from_the_start_adds_nothing(tmp_path: Path, server_program: Path) -> None:
    profile = _profile(tmp_path, DRAIN, variants="fake:honest fake:early")
    done, run = _run(tmp_path, profile, "--precision", "90%")
    assert done.code == 0, done.all
    assert _rounds(run) == {"drain": dict.fromkeys(("fake:honest", TWIN, "fake:early"), 3)}
    precision = run.read_run()["precision"]
    assert (precision["rounds_added"], precision["reached"]) == (0, True)
    assert (precision["missed"], precision["spent_s"]) == ([], 0.0)


@pytest.mark.slow
def test_the_budget_ends_it(tmp_path: Path, server_program: Path) -> None:
    profile = _profile(tmp_path, DRAIN, rounds=1)
    done, run = _run(tmp_path, profile, "--precision", "0.0001%", "--budget", "9s")
    assert done.code == 0, done.all
    facts = run.read_run()
    assert facts["status"] == "complete"
    assert facts["precision"]["reached"] is False
    missing = {missed["variant"] for missed in facts["precision"]["missed"]}
    assert missing == {"fake:early", "fake:jittery"}
    added = sorted(t["started_at"] for t in run.read_trials() if t["round"] > 1)
    assert added
    first, last = (datetime.fromisoformat(text) for text in (added[0], added[-1]))
    assert (last - first).total_seconds() < 9
    assert facts["planned_trials"] == len(run.read_trials())


@pytest.mark.slow
def test_no_time_for_a_single_lease_adds_none(tmp_path: Path, server_program: Path) -> None:
    profile = _profile(tmp_path, DRAIN, variants="fake:honest fake:early", rounds=1)
    done, run = _run(tmp_path, profile, "--precision", "5%", "--budget", "1s")
    assert done.code == 0, done.all
    assert _rounds(run) == {"drain": {"fake:honest": 1, "fake:early": 1}}
    precision = run.read_run()["precision"]
    assert precision["reached"] is False
    assert [missed["half_width"] for missed in precision["missed"]] == [None]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_round_that_was_cut_short_is_completed(tmp_path: Path, server_program: Path) -> None:
    profile = _profile(tmp_path, DRAIN, rounds=1)
    out = tmp_path / "results"
    arguments = ("--out", out, "--precision", "0.0001%", "--budget", "15s")
    (tmp_path / "tmp").mkdir()

    def added() -> list[Path]:
        (run,) = run_folders(out) or [RunFolder(out)]
        return list(run.trials.glob("r2-*.json"))

    with bench_process(
        "run", profile, *arguments, cwd=tmp_path, TMPDIR=str(tmp_path / "tmp")
    ) as bench:
        wait_until(added, "a trial of the first added round is finished")
        bench.signal(signal.SIGKILL)
        bench.end()
    (run,) = run_folders(out)
    before = {path: path.read_bytes() for path in run.trials.glob("*.json")}
    (begun,) = run.read_run()["precision"]["added"]
    done = run_bench("run", "--resume", run.path, cwd=tmp_path, within_s=120)
    assert done.code == 0, done.all
    assert {path: path.read_bytes() for path in before} == before
    facts = run.read_run()
    assert facts["precision"]["added"][0] == begun
    trials = run.read_trials()
    numbers = [trial["number"] for trial in trials]
    assert numbers == sorted(set(numbers))
    assert numbers[:6] == [1, 2, 3, 4, 5, 6]  # at the end a lease may have been left out, for time
    assert Counter(t["variant"] for t in trials if t["round"] == 2) == dict.fromkeys(
        VARIANTS.split(), 1
    )
    assert facts["planned_trials"] == len(trials)
