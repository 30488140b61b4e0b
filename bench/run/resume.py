"""Going on with a run that was cut short: what is left of it, and whether it may go on here."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.analysis.tables import check_events, check_events_exist, compute
from bench.errors import RunFolderError, UsageError
from bench.plan.cells import LEASE_ID, LeasePlan, describe
from bench.plan.planner import Plan
from bench.plan.request import Request, digest, request_of
from bench.record.events import PARQUET, read_raw, write_parquet
from bench.record.inspection import check_resumable, check_trials
from bench.record.micro_files import FOLDER as MICRO
from bench.record.store import RunFolder, advice_for, damage, open_run
from bench.system.files import discard_tree, remove, remove_tree
from bench.workers.environments import environment
from bench.workers.logs import Logs, is_log

#: What must be alike, or values of one cell could not be put together.
_SAME = {"host": ("cpu", "cores", "os", "python"), "redis": ("name", "version")}

#: Files beside their place, about to be moved there.
_HALF_WRITTEN = (
    *(f".*.{ending}.tmp" for ending in ("json", "csv", "md", "svg")),
    "trials/.*.json.tmp",
)
#: What a lease makes in its folder beside the raw events and its logs.
_MADE_BY_A_LEASE = (PARQUET, "lease.json")
#: What the table of its events is called until it is moved to its place.
_HALF_WRITTEN_EVENTS = "events.tmp"


def open_unfinished(path: Path) -> tuple[RunFolder, Request, Plan]:
    """The run in a folder, and its plan made again.

    Raises:
        RunFolderError: no run, a damaged one, or one that keeps no plan.
        UsageError: this code makes another plan of the same request.
    """
    folder = open_run(path)
    facts = folder.read_run()
    if "request" not in facts:
        if facts.get("profile") == MICRO:
            raise RunFolderError(
                f"cannot resume {path}: it holds microbenchmarks only; measure more of them with: "
                f"bench micro --run {path}"
            )
        raise RunFolderError(
            f"cannot resume {path}: it was written by a version that kept no plan; run again"
        )
    check_resumable(folder, facts)
    with damage(path):
        request = request_of(facts["request"], folder.run_json)
        plan = request.plan()
        if digest(plan) != facts["plan_digest"]:
            commit = facts.get("code", {}).get("commit") or "another"
            raise UsageError(
                f"cannot resume {path}: this code makes another plan of it than that of commit "
                f"{commit[:12]} did; check that one out, or run again"
            )
    _check_cells(folder, facts, plan)
    check_trials(folder)
    _check_trials_of(folder, plan)
    return folder, request, plan


def _check_cells(folder: RunFolder, facts: Mapping[str, Any], plan: Plan) -> None:
    """Make sure that what ``run.json`` says of its cells is what its request asks for."""
    planned = [describe(cell) for cell in plan.cells]
    kept = [{name: cell.get(name) for name in planned[0]} for cell in facts["cells"]]
    choices = [cell.choice for cell in plan.cells]
    backends = {environment(choice.backend, choice.version).name for choice in choices}
    for part, agrees in (
        ("cells", kept == planned),
        ("variants", facts["variants"].keys() >= {choice.name for choice in choices}),
        ("backends", facts["backends"].keys() >= backends),
    ):
        if not agrees:
            raise RunFolderError(
                f"{folder.run_json} is damaged: its {part} are not those of its request: restore "
                "it from a copy, or run again"
            )


def _check_trials_of(folder: RunFolder, plan: Plan) -> None:
    """Make sure that the finished trials are the planned ones of the same name."""
    planned = {trial.id: trial for trial in plan.trials}
    for found in folder.read_trials():
        trial = planned.get(found["trial_id"])
        if trial is None:  # of an added round
            continue
        wanted = {"number": trial.number, "round": trial.round, **describe(trial.cell)}
        if not trial.cell.tasks:  # earlier versions wrote here how many the trial made of it
            del wanted["tasks"]
        if wrong := [name for name, value in wanted.items() if found.get(name) != value]:
            path = folder.trials / f"{trial.id}.json"
            raise RunFolderError(
                f"{path} is damaged: {wrong[0]} is {found.get(wrong[0])!r}, expected "
                f"{wanted[wrong[0]]!r}: {advice_for(folder.path, path)}"
            )


def is_complete(folder: RunFolder, plan: Plan) -> bool:
    """Whether the run was measured to its end and every trial of it is still there."""
    facts, finished = folder.read_run(), folder.finished()
    whole = len(finished) >= facts["planned_trials"] and not unfinished(plan.leases, finished)
    return bool(facts.get("status") == "complete" and whole)


def check_finished(folder: RunFolder) -> None:
    """Make sure that the tables can be made of what has been finished.

    Raises:
        RunFolderError: events are missing or damaged, or do not fit a trial.
    """
    check_events_exist(folder)
    with damage(folder.path):
        check_events(folder)
        compute(folder)


def unfinished(leases: Iterable[LeasePlan], finished: Container[str]) -> list[LeasePlan]:
    """The leases without their finished trials, those that have none left gone.

    A lease gets its id from the first trial left. No finished trial has that, so neither has a
    folder that is kept.
    """
    left = (
        replace(lease, trials=[trial for trial in lease.trials if trial.id not in finished])
        for lease in leases
    )
    return [lease for lease in left if lease.trials]


def check_server(path: Path, facts: Mapping[str, Any], redis_url: str | None) -> None:
    """Make sure that the user means the server that the run was begun on.

    Raises:
        UsageError: an URL is missing, or one too many.
    """
    if facts["redis"]["embedded"] and redis_url:
        raise UsageError(
            f"{path} was begun on the embedded server: leave --redis-url and REDIS_URL out"
        )
    if not facts["redis"]["embedded"] and not redis_url:
        raise UsageError(
            f"{path} was begun on the server at {facts['redis']['url']}: give its URL again with "
            "--redis-url or REDIS_URL, for passwords are not kept"
        )


def check_circumstances(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare the facts of a run with those of today.

    Returns:
        What differs and a reader should know, one sentence each.

    Raises:
        UsageError: another machine, server or version: values could not be put together.
    """
    changed = [
        f"{part} {name} was {before[part].get(name)}, is {now[part].get(name)}"
        for part, names in _SAME.items()
        for name in names
        if before[part].get(name) != now[part].get(name)
    ]
    for backend, facts in now["backends"].items():
        old, new = before["backends"][backend]["versions"], facts["versions"]
        changed += [
            f"{backend}'s {name} was {old.get(name, 'missing')}, is {new.get(name, 'missing')}"
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        ]
    if before.get("guest") != now.get("guest"):
        was, is_ = (facts.get("guest", "the harness's own Python") for facts in (before, now))
        changed.append(f"what guests run on was {was}, is {is_}")
    if changed:
        raise UsageError(f"cannot resume: {'; '.join(changed)}: run again from the start")
    return _remarks(before, now)


def _remarks(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    told = []
    old, new = (facts["code"].get("commit", "") for facts in (before, now))
    if old != new:
        told.append(f"the run was begun with code of commit {old} and resumed with {new}")
    if now["code"].get("dirty"):
        told.append("the run was resumed with code that had changes that are in no commit")
    told += [
        f"the run was resumed on a server whose {name} is {value}, not {before['redis'].get(name)}"
        for name, value in now["redis"].items()
        if name not in _SAME["redis"] and before["redis"].get(name) != value
    ]
    return told


def clear_remains(folder: RunFolder, redis_url: str | None) -> None:
    """Bring a folder that its harness left in the middle of its work into order.

    Half-written files go, and leases none of whose trials was finished. The events of the others
    become tables, and a password in their logs is hidden, as the end of a lease would have done.
    What the suite does not make stays where it is.

    Raises:
        RunFolderError: the events of a finished trial are missing.
    """
    check_events_exist(folder)
    for needed in (folder.leases, folder.trials):
        needed.mkdir(exist_ok=True)
    for pattern in _HALF_WRITTEN:
        for path in folder.path.glob(pattern):
            remove(path)
    used = {trial["lease_id"] for trial in folder.read_trials()}
    for lease in folder.leases.iterdir():
        if lease.name in used:
            _close(lease, redis_url or "")
        elif LEASE_ID.fullmatch(lease.name):
            _remove(lease)


def _remove(lease: Path) -> None:
    """Remove what a lease makes; its folder, too, if nothing else is in there."""
    discard_tree(lease / "events")
    for path in _files(lease):
        if _is_made(path.name) or _is_half_written(path.name):
            remove(path)
    with contextlib.suppress(OSError):
        lease.rmdir()


def _close(lease: Path, url: str) -> None:
    raw, table = lease / "events", lease / "events.parquet"
    if raw.is_dir():
        if not table.exists():
            write_parquet(read_raw(raw), table)
        remove_tree(raw)
    Logs(lease, url).mask()
    for path in _files(lease):
        if _is_half_written(path.name):
            remove(path)


def _files(lease: Path) -> list[Path]:
    return [path for path in lease.iterdir() if path.is_file()]


def _is_made(name: str) -> bool:
    """Whether it is what a lease calls one of its files."""
    return name in _MADE_BY_A_LEASE or is_log(name)


def _is_half_written(name: str) -> bool:
    """Whether it is what such a file is called until it is moved to its place."""
    beside = name.startswith(".") and name.endswith(".tmp")
    return name == _HALF_WRITTEN_EVENTS or (beside and _is_made(name[1 : -len(".tmp")]))
