"""Is a run folder what it should be? Looked at before anything is measured or computed of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import RunFolderError
from bench.plan.profile import MOST_TASKS
from bench.record.store import RunFolder, advice_for, open_run, read_json
from scenarios import all_scenarios

#: What pydantic says to those who know Python; the files are JSON.
_PYDANTIC_OBJECT = re.compile(r"be a valid dictionary( or instance of \w+)?")
#: A trial's items are made again to look at them: of more than it may have that takes for ever.
_Items = Annotated[int, Field(ge=0, le=MOST_TASKS)]
_RUN_ADVICE = "restore it from a copy, or run again"


class _Checked(BaseModel):
    """Types are taken as they are, and keys of later versions are left alone."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Backend(_Checked):
    version: str
    versions: dict[str, str] = {}
    settings: list[dict[str, str]]


class _Variant(_Checked):
    concurrency: str
    settings: list[dict[str, str]]
    semantics: dict[str, Any]


class _Cell(_Checked):
    variant: str
    scenario: str
    load: str
    concurrency: int
    params: dict[str, Any]


class _PlannedCell(_Cell):
    rounds: int


class _Server(_Checked):
    name: str
    version: str


class _AddedRound(_Checked):
    round: int
    first_trial: int
    cells: list[int]


class _Precision(_Checked):
    within: float
    budget_s: float
    spent_s: float
    reached: bool
    rounds_added: int
    missed: list[dict[str, Any]]
    added: list[_AddedRound]


class _Run(_Checked):
    """What reports need of ``run.json``."""

    profile: str
    seed: int
    baseline: str
    argv: list[str] = []
    started_at: str
    status: str
    host: dict[str, Any]
    code: dict[str, Any] = {}
    redis: _Server
    backends: dict[str, _Backend]
    variants: dict[str, _Variant]
    cells: list[_PlannedCell]
    planned_trials: int
    warnings: list[str] = []
    resumed: list[dict[str, Any]] = []
    precision: _Precision | None = None


class _ResumableServer(_Server):
    embedded: bool
    url: str


class _WantedPrecision(_Checked):
    within: float
    budget_s: float


class _Request(_Checked):
    profile: dict[str, Any]
    variants: list[str]
    scenarios: list[str]
    rounds: int | None
    precision: _WantedPrecision | None


class _Resumable(_Run):
    """What going on needs beside that."""

    redis: _ResumableServer
    request: _Request
    plan_digest: str
    #: Processes that carry it are killed: it must not fit any other.
    token: str = Field(pattern=r"^tqb-[0-9a-f]+$")


class _Step(_Checked):
    first: _Items
    count: _Items


class _Trial(_Cell):
    trial_id: str
    number: int
    round: int
    tasks: _Items
    offered_tasks: _Items = 0
    seed: int
    lease_id: str = Field(pattern=r"^[^/\\]*$")
    version: str
    status: Literal["ok", "failed", "timeout", "invalid", "unsupported"]
    reason: str
    sent: _Items
    choice: str = ""
    marks: list[dict[str, Any]] = []
    steps: list[_Step] = []
    log_tail: list[str] = []
    measured_per_s: float = 0.0
    took_s: float = 0.0


def open_checked(path: Path) -> RunFolder:
    """The run in an existing folder, whose ``run.json`` and trials have what reports need.

    Raises:
        RunFolderError: no run, one of a newer version, or a damaged one: which file, what is
            wrong with it and what to do.
    """
    folder = open_run(path)
    _check(_Run, folder.read_run(), folder.run_json, _RUN_ADVICE)
    check_trials(folder)
    return folder


def check_resumable(folder: RunFolder, facts: dict[str, Any]) -> None:
    """Make sure that the facts of ``run.json`` have all that going on needs.

    Raises:
        RunFolderError: something is missing or of the wrong type.
    """
    _check(_Resumable, facts, folder.run_json, _RUN_ADVICE)


def check_trials(folder: RunFolder) -> None:
    """Make sure that every file in ``trials`` tells of a trial.

    Raises:
        RunFolderError: the first that does not, and what to do.
    """
    for path in sorted(folder.trials.glob("*.json")):
        advice = advice_for(folder.path, path)
        trial = read_json(path, advice)
        _check(_Trial, trial, path, advice)
        if trial["trial_id"] != path.stem:
            raise RunFolderError(
                f"{path} is damaged: trial_id is {trial['trial_id']!r}, not its name: {advice}"
            )
        if wrong := _beyond(trial):
            raise RunFolderError(f"{path} is damaged: {wrong}: {advice}")
        if not trial["lease_id"] and trial["status"] in ("ok", "timeout", "invalid"):
            raise RunFolderError(f"{path} is damaged: it names no lease: {advice}")


def _beyond(trial: dict[str, Any]) -> str:
    """What of a trial's parameters no profile may have; empty where all is well."""
    scenario = all_scenarios().get(trial["scenario"])
    for parameter in scenario.parameters if scenario else ():
        value = trial["params"].get(parameter.name, parameter.default)
        most = min(parameter.maximum, sys.float_info.max)
        if type(value) not in (int, float) or not parameter.minimum <= value <= most:
            return f"params.{parameter.name} is {repr(value)[:40]}, which no profile may ask for"
    return ""


def _check(model: type[BaseModel], content: dict[str, Any], path: Path, advice: str) -> None:
    try:
        model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        told = f"{where} is missing"
        if first["type"] != "missing":
            wanted = first["msg"].replace("Input ", "").replace("String ", "")
            wanted = _PYDANTIC_OBJECT.sub("be an object", wanted)
            found = repr(first["input"])
            found = found if len(found) <= 40 else f"{found[:37]}..."
            told = f"{where} {wanted}, found {found}"
        raise RunFolderError(f"{path} is damaged: {told}: {advice}") from None
