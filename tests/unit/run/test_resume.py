from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.spec import Command, Readiness
from bench.errors import RunFolderError, UsageError
from bench.plan.cells import TrialPlan, describe
from bench.plan.precision import Precision
from bench.plan.profile import Profile, builtin_profiles, load_profile
from bench.plan.request import Request, digest, request_of
from bench.record.events import RECORD, read_lease
from bench.record.store import RunFolder, create_run
from bench.run.resume import (
    check_circumstances,
    check_server,
    clear_remains,
    is_complete,
    open_unfinished,
    unfinished,
)
from bench.run.runner import drained_before
from bench.run.shortfall import more_rounds
from bench.run.trial import Outcome, record
from bench.workers.environments import environment
from bench.workers.logs import BOT_API, PRODUCER, names_of

ADD = {"scenario": "add", "load": "drain", "tasks": 30}
CLOSED = {"scenario": "add", "load": "closed", "for_s": 1, "rounds": 1, "service_s": 0.5}
CHAIN = {"scenario": "chain", "load": "closed", "for_s": 1.0, "length": 2}
SOURCE = Path("run.json")


def request(*cells, **more) -> Request:
    content = {"name": "small", "variants": ["rq", "arq"], "cells": list(cells or [ADD, CLOSED])}
    return Request(Profile.model_validate(content | more))


def stored(wanted: Request) -> Request:
    """As it comes back from a file."""
    return request_of(json.loads(json.dumps(wanted.as_data())), SOURCE)


# --- what was asked for ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        request(),
        request(ADD, CLOSED, CHAIN, rounds=5, seed=9, concurrency=[1, 4], trial_timeout_s=7),
        replace(request(), variants=("rq:fork",), scenarios=("add",), rounds=7),
        replace(request(), precision=Precision(0.05, 90.0)),
    ],
)
def test_a_request_comes_back_as_it_was(wanted):
    assert stored(wanted) == wanted
    assert stored(wanted).profile.name == "small"
    assert digest(stored(wanted).plan()) == digest(wanted.plan())


@pytest.mark.parametrize("name", ["quick", "standard"])
def test_the_profiles_that_come_along_come_back(name):
    wanted = Request(load_profile(name))
    assert digest(stored(wanted).plan()) == digest(wanted.plan())


def test_parameters_keep_their_types():
    back = stored(request(CHAIN | {"length": 3}, CLOSED))
    assert [type(v) for c in back.profile.cells for (v,) in c.own_parameters().values()] == [
        int,
        float,
    ]


@pytest.mark.parametrize(
    "other",
    [
        request(ADD | {"tasks": 31}, CLOSED),
        request(ADD, CLOSED | {"for_s": 2}),
        request(ADD, CLOSED | {"service_s": 0.4}),
        request(seed=2),
        request(rounds=4),
        request(concurrency=[2]),
        replace(request(), variants=("rq",)),
    ],
)
def test_another_plan_has_another_digest(other):
    assert digest(other.plan()) != digest(request().plan())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rounds": "3"}, r"run\.json:1: rounds = '3'"),
        ({"variants": ["rq:gone"]}, "unknown variant 'rq:gone'"),
        ({"cells": [ADD | {"scenario": "gone"}]}, "unknown scenario 'gone'"),
        ({"cells": [ADD | {"gone": 1}]}, "unknown key 'gone'"),
        ({"gone": 1}, "unknown key 'gone'"),
    ],
)
def test_a_stored_profile_is_checked_again(change, told):
    data = request().as_data()
    data["profile"] |= change
    with pytest.raises(UsageError, match=told):
        request_of(data, SOURCE)


# --- what is left ----------------------------------------------------------------------------


def test_finished_trials_are_left_out_and_the_order_is_kept():
    plan = request().plan()
    finished = {trial.id for trial in plan.trials[::2]}
    left = unfinished(plan.leases, finished)
    assert [t for lease in left for t in lease.trials] == plan.trials[1::2]
    assert all(lease.trials for lease in left)


def test_nothing_is_left_of_a_whole_run():
    plan = request().plan()
    assert unfinished(plan.leases, {trial.id for trial in plan.trials}) == []


def test_a_lease_that_goes_on_has_another_id_than_the_one_that_was_cut_short():
    plan = request(ADD, CHAIN).plan()
    cut = next(lease for lease in plan.leases if len(lease.trials) > 1)
    (rest,) = unfinished([cut], {cut.trials[0].id})
    assert rest.id != cut.id
    assert rest.settings == cut.settings
    assert len(cut.trials) == len(rest.trials) + 1


# --- where it may go on ----------------------------------------------------------------------


def facts(**changes):
    told = {
        "host": {"cpu": "A", "cores": 2, "os": "Linux", "python": "3.11", "memory_gb": 8.0},
        "redis": {"name": "valkey", "version": "9", "embedded": True, "url": "embedded"},
        "backends": {"rq": {"versions": {"rq": "2.0", "redis": "8.1"}}},
        "code": {"commit": "abc", "dirty": False},
    }
    return {part: told[part] | changes.get(part, {}) for part in told}


def test_the_same_circumstances_need_no_word():
    assert check_circumstances(facts(), facts(host={"memory_gb": 7.9})) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"host": {"cpu": "B"}}, "host cpu was A, is B"),
        ({"host": {"cores": 4}}, "host cores was 2, is 4"),
        ({"host": {"python": "3.12"}}, "host python was 3.11, is 3.12"),
        ({"redis": {"name": "redis"}}, "redis name was valkey, is redis"),
        ({"backends": {"rq": {"versions": {"rq": "2.1"}}}}, "rq's redis was 8.1, is missing; rq's"),
    ],
)
def test_what_makes_values_incomparable_is_refused(changed, told):
    with pytest.raises(UsageError, match=told):
        check_circumstances(facts(), facts(**changed))


def test_guests_of_another_platform_are_refused():
    told = "what guests run on was Windows under Wine 8.0, is Windows under Wine 9.0"
    before, now = ({"guest": f"Windows under Wine {version}"} for version in ("8.0", "9.0"))
    with pytest.raises(UsageError, match=told):
        check_circumstances(facts() | before, facts() | now)
    assert check_circumstances(facts() | before, facts() | before) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"code": {"commit": "def"}}, "begun with code of commit abc and resumed with def"),
        ({"code": {"dirty": True}}, "resumed with code that had changes that are in no commit"),
        ({"redis": {"url": "elsewhere"}}, "a server whose url is elsewhere, not embedded"),
    ],
)
def test_other_changes_are_remarked_on(changed, told):
    (remark,) = check_circumstances(facts(), facts(**changed))
    assert told in remark


def test_the_server_must_be_the_one_it_was_begun_on():
    own, theirs = facts(), facts(redis={"embedded": False, "url": "redis://:***@h:1/0"})
    check_server(SOURCE, own, None)
    check_server(SOURCE, theirs, "redis://h:1/0")
    with pytest.raises(UsageError, match="was begun on the embedded server: leave"):
        check_server(SOURCE, own, "redis://h:1/0")
    with pytest.raises(UsageError, match=r"at redis://:\*\*\*@h:1/0: give its URL again"):
        check_server(SOURCE, theirs, None)


# --- what a kill leaves ----------------------------------------------------------------------


USED, UNUSED = "r1-0001-rq-fork-c1", "r1-0002-celery-v5.3.4-solo-aa-c4-2"


@pytest.fixture
def run(tmp_path):
    """Two leases: one with a finished trial, number 1, and one without."""
    run = create_run(tmp_path, "small", {"profile": "small"})
    for name in (USED, UNUSED):
        events = run.leases / name / "events"
        events.mkdir(parents=True)
        records = np.zeros(3, RECORD)
        records["task_id"] = (1 << 32) + np.arange(3)
        (events / "worker-7.events").write_bytes(records.tobytes() + b"cut")
        (run.leases / name / "worker.log").write_text("at redis://:pa55@h/0\n", encoding="utf-8")
    trial = {"number": 1, "lease_id": USED, "status": "ok"}
    run.write_trial("r1-0001", trial)
    return run


def test_events_of_finished_trials_are_kept_and_the_rest_is_cleared_away(run):
    before = read_lease(run.leases / USED)
    clear_remains(run, "redis://:pa55@h/0")
    assert [lease.name for lease in run.leases.iterdir()] == [USED]
    names = sorted(path.name for path in (run.leases / USED).iterdir())
    assert names == ["events.parquet", "worker.log"]
    assert read_lease(run.leases / USED).equals(before)
    log = (run.leases / USED / "worker.log").read_text(encoding="utf-8")
    assert log == "at redis://:***@h/0\n"


def test_clearing_twice_changes_nothing(run):
    clear_remains(run, None)
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    clear_remains(run, None)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


#: Like the names of what a lease makes, and none of them.
FOREIGN = (
    *("notes.txt", "notes.log", "workers.log", "worker-a.log", "worker-1.log.old", "my-worker.log"),
    *(".notes.log.tmp", ".worker.log", "worker.log.tmp", "lease.json.bak"),
)


def test_what_the_suite_has_not_made_is_kept(run):
    kept = [
        run.path / ".draft.tmp",
        run.path / "notes.txt",
        run.trials / ".draft.tmp",
        run.leases / "mynotes" / "notes.txt",
        run.leases / "mynotes" / "events.tmp",
        run.leases / USED / "notes.txt",
        *(run.leases / UNUSED / name for name in FOREIGN),
    ]
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    clear_remains(run, None)
    assert [path for path in kept if not path.exists()] == []
    assert {path.name for path in (run.leases / UNUSED).iterdir()} == set(FOREIGN)


@pytest.mark.parametrize("roles", [["worker"], ["worker", "worker", "scheduler"]])
def test_all_that_a_lease_makes_is_removed_with_it(run, roles):
    logs = names_of([Command((), Readiness("ready"), role) for role in roles])
    for name in (*logs, PRODUCER, BOT_API, "lease.json", "events.parquet"):
        for made in (name, "events.tmp" if name == "events.parquet" else f".{name}.tmp"):
            (run.leases / UNUSED / made).write_text("cut", encoding="utf-8")
    clear_remains(run, None)
    assert not (run.leases / UNUSED).exists()


def test_a_log_that_is_none_of_ours_is_not_rewritten(run):
    notes = run.leases / USED / "notes.log"
    notes.write_text("redis://:pa55@h/0", encoding="utf-8")
    clear_remains(run, "redis://:pa55@h/0")
    assert notes.read_text(encoding="utf-8") == "redis://:pa55@h/0"


def test_what_was_half_written_is_removed(run):
    half = [
        run.path / ".run.json.tmp",
        run.path / ".overview.svg.tmp",
        run.trials / ".r1-0002.json.tmp",
        *(
            run.leases / USED / name
            for name in ("events.tmp", ".lease.json.tmp", ".worker.log.tmp")
        ),
    ]
    for path in half:
        path.write_text("{", encoding="utf-8")
    clear_remains(run, None)
    assert [path for path in half if path.exists()] == []


def test_a_table_that_was_written_before_the_kill_is_kept(run):
    clear_remains(run, None)
    table = run.leases / USED / "events.parquet"
    content = table.read_bytes()
    (run.leases / USED / "events").mkdir()  # the kill came while these were being removed
    clear_remains(run, None)
    assert table.read_bytes() == content
    assert not (run.leases / USED / "events").exists()


@pytest.mark.parametrize("status", ["ok", "timeout"])
def test_missing_events_of_a_finished_trial_are_told(run, status):
    run.write_trial("r1-0002", {"number": 2, "lease_id": "gone", "status": status})
    with pytest.raises(RunFolderError, match=r"the events of .*gone are missing: remove the 1 fi"):
        clear_remains(run, None)


def test_a_failed_trial_needs_no_events(run):
    run.write_trial("r1-0002", {"number": 2, "lease_id": "gone", "status": "failed"})
    run.write_trial("r1-0003", {"number": 3, "lease_id": "", "status": "unsupported"})
    clear_remains(run, None)


# --- what was drained before -----------------------------------------------------------------


def test_shares_are_of_the_drain_that_was_finished_before_added_rounds_included(tmp_path):
    open_ = {"scenario": "add", "load": "open", "for_s": 1.0, "offered": [0.5]}
    plan = request(ADD, open_, baseline="rq:fork").plan()
    folder = create_run(tmp_path, "small")
    leases = [*plan.leases, *more_rounds(plan, plan.cells, 4, len(plan.trials) + 1)]
    last = {}
    for lease in leases:
        for trial in lease.trials:
            facts = {"measured_per_s": 10.0 * trial.number} if trial.cell.load == "drain" else {}
            folder.write_trial(trial.id, record(trial, Outcome(facts=facts), {}))
            if trial.round == 4 and trial.cell.load == "drain" and not trial.cell.twin:
                last[trial.cell.drained] = 10.0 * trial.number
    before = drained_before(folder)
    assert before == before | last
    assert len(last) == 3
    assert {cell.drained for cell in plan.cells if cell.relative} == set(before)


@pytest.mark.parametrize("folder", ["leases", "trials"])
def test_a_folder_that_was_removed_is_made_again(run, folder):
    for path in run.trials.iterdir():
        path.unlink()
    shutil.rmtree(run.path / folder)
    clear_remains(run, None)
    assert list(run.leases.iterdir()) == list(run.trials.iterdir()) == []


# --- what is still there ---------------------------------------------------------------------


def whole(tmp_path):
    """A run with every trial of its plan, of which only the names count."""
    plan = request().plan()
    run = create_run(tmp_path, "small", {"status": "complete", "planned_trials": len(plan.trials)})
    for trial in plan.trials:
        run.write_trial(trial.id, {})
    return run, plan


def test_a_run_is_complete_as_long_as_every_trial_is_there(tmp_path):
    run, plan = whole(tmp_path)
    assert is_complete(run, plan)
    (run.trials / f"{plan.trials[3].id}.json").unlink()
    assert not is_complete(run, plan)


def test_a_trial_of_an_added_round_does_not_stand_for_one_of_the_plan(tmp_path):
    run, plan = whole(tmp_path)
    (run.trials / f"{plan.trials[3].id}.json").rename(run.trials / "r9-0999-more.json")
    assert not is_complete(run, plan)


def test_a_trial_of_an_added_round_is_missed_too(tmp_path):
    run, plan = whole(tmp_path)
    run.write_run(run.read_run() | {"planned_trials": len(plan.trials) + 1})
    assert not is_complete(run, plan)


def test_a_run_of_microbenchmarks_has_nothing_to_go_on_with(tmp_path):
    run = create_run(tmp_path, "micro", {"profile": "micro", "cells": []})
    with pytest.raises(RunFolderError, match="holds microbenchmarks only; measure more of them"):
        open_unfinished(run.path)


# --- every cell that is shipped --------------------------------------------------------------


def measured(trial: TrialPlan) -> Outcome:
    """How a trial of such a load ends: with all the facts that offering it adds."""
    cell = trial.cell
    facts = {"marks": [{"at": "start"}, {"at": "done"}]}
    if cell.load == "drain":
        facts |= {"measured_per_s": 218.5}
    if cell.load == "open":
        facts |= {"offered_tasks": 218, "offered_per_s": 54.5}
    if cell.load == "saturation":
        steps = [{"rate_per_s": 9.0, "first": 0, "count": 218, "sustained": True, "late": False}]
        facts |= {"offered_tasks": 218, "steps": steps}
    return Outcome(sent=218, facts=facts)


def begun(folder: Path, wanted: Request, **more: Any) -> RunFolder:
    """A run with what going on with it looks at."""
    plan = wanted.plan()
    empty = {"settings": [], "semantics": {}, "versions": {}, "version": "1", "concurrency": "N"}
    backends = {environment(c.choice.backend, c.choice.version).name for c in plan.cells}
    facts = {
        "profile": plan.profile.name,
        "seed": plan.seed,
        "baseline": plan.baseline,
        "started_at": "2026-01-01T00:00:00+00:00",
        "status": "running",
        "host": {},
        "redis": {"name": "valkey", "version": "9", "embedded": True, "url": "embedded"},
        "backends": dict.fromkeys(backends, empty),
        "variants": dict.fromkeys([cell.choice.name for cell in plan.cells], empty),
        "cells": [{**describe(cell), "rounds": cell.rounds} for cell in plan.cells],
        "planned_trials": len(plan.trials),
        "request": wanted.as_data(),
        "plan_digest": digest(plan),
        "token": "tqb-0123456789",
    }
    return create_run(folder, "small", facts | more)


@pytest.mark.parametrize("profile", sorted(builtin_profiles()))
def test_a_run_of_every_shipped_profile_can_go_on_with_each_of_its_cells_finished(
    tmp_path, profile
):
    wanted = Request(load_profile(profile))
    run = begun(tmp_path, wanted)
    first = {}
    for trial in wanted.plan().trials:
        first.setdefault(json.dumps(describe(trial.cell)), trial)
    facts = {"lease_id": "r1-0001-x-c1", "version": "1"}
    for trial in first.values():
        run.write_trial(trial.id, record(trial, measured(trial), facts))
    assert len(first) == len(wanted.plan().cells)
    folder, request, plan = open_unfinished(run.path)
    left = [trial for lease in unfinished(plan.leases, folder.finished()) for trial in lease.trials]
    assert request == wanted
    assert len(left) == len(plan.trials) - len(first)


def test_what_was_measured_may_not_take_the_place_of_what_was_planned():
    (lease, *_) = request().plan().leases
    with pytest.raises(ValueError, match="two facts of a trial are called tasks"):
        record(lease.trials[0], Outcome(facts={"tasks": 218}), {})


def test_a_run_of_an_earlier_version_that_wrote_the_measured_over_the_planned_goes_on(tmp_path):
    open_ = {"scenario": "add", "load": "open", "for_s": 1.0, "offered": [0.5]}
    wanted = request(ADD, open_, baseline="rq:fork")
    run = begun(tmp_path, wanted)
    for trial in wanted.plan().trials[1:]:
        content = record(trial, measured(trial), {"lease_id": "r1-0001-x-c1", "version": "1"})
        if "offered_tasks" in content:
            content["tasks"] = content.pop("offered_tasks")
        run.write_trial(trial.id, content)
    folder, _, plan = open_unfinished(run.path)
    assert len(unfinished(plan.leases, folder.finished())) == 1


def test_the_size_that_a_profile_asks_for_is_held_against_the_trials(tmp_path):
    run = begun(tmp_path, request())
    trial = next(t for t in request().plan().trials if t.cell.load == "drain")
    content = record(trial, measured(trial), {"lease_id": "r1-0001-x-c1", "version": "1"})
    run.write_trial(trial.id, content | {"tasks": 31})
    with pytest.raises(RunFolderError, match="tasks is 31, expected 30: remove "):
        open_unfinished(run.path)
