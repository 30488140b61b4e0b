"""Going on with a run that was cut short: what is left of it, and whether it may go on here."""

from __future__ import annotations

import shutil
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.analysis import trials_by_lease
from bench.cells import LeasePlan
from bench.errors import RunFolderError, UsageError
from bench.events import read_raw, write_parquet
from bench.plan import Plan
from bench.redis_server import secrets_of
from bench.request import Request, digest, request_of
from bench.store import RunFolder, damage, open_run, write_text

#: What must be alike, or values of one cell could not be put together.
_SAME = {"host": ("cpu", "cores", "os", "python"), "redis": ("name", "version")}


def open_unfinished(path: Path) -> tuple[RunFolder, Request, Plan]:
    """The run in a folder, and its plan made again.

    Raises:
        RunFolderError: no run, a damaged one, or one that keeps no plan.
        UsageError: this code makes another plan of the same request.
    """
    folder = open_run(path)
    facts = folder.read_run()
    if "request" not in facts:
        raise RunFolderError(
            f"cannot resume {path}: it was written by a version that kept no plan; run again"
        )
    with damage(path):
        request = request_of(facts["request"], folder.run_json)
        plan = request.plan()
        if digest(plan) != facts["plan_digest"]:
            commit = facts.get("code", {}).get("commit") or "another"
            raise UsageError(
                f"cannot resume {path}: this code makes another plan of it than that of commit "
                f"{commit[:12]} did; check that one out, or run again"
            )
    return folder, request, plan


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

    Raises:
        RunFolderError: the events of a finished trial are missing.
    """
    for pattern in (".*.tmp", "trials/.*.tmp", "leases/*/.*.tmp", "leases/*/events.tmp"):
        for path in folder.path.glob(pattern):
            path.unlink()
    trials = folder.read_trials()
    used = {trial["lease_id"] for trial in trials}
    for lease in folder.leases.iterdir():
        if lease.name not in used:
            shutil.rmtree(lease)
        else:
            _close(lease, secrets_of(redis_url or ""))
    for lease_id, needing in trials_by_lease(trials).items():
        if not (folder.leases / lease_id / "events.parquet").is_file():
            raise RunFolderError(
                f"the events of {folder.leases / lease_id} are missing: remove the "
                f"{len(needing)} files in {folder.trials} that name this lease, and resume again"
            )


def _close(lease: Path, secrets: Iterable[str]) -> None:
    raw, table = lease / "events", lease / "events.parquet"
    if raw.is_dir():
        if not table.exists():
            write_parquet(read_raw(raw), table)
        shutil.rmtree(raw)
    for log in lease.glob("*.log"):
        text = masked = log.read_text(encoding="utf-8", errors="replace")
        for secret in secrets:
            masked = masked.replace(secret, "***")
        if masked != text:
            write_text(log, masked)
