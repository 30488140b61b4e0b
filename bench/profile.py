"""Profiles: named lists of cells in TOML, checked against the scenarios."""

from __future__ import annotations

import math
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backends import UnknownVariant, choose
from bench.errors import UsageError, unknown
from scenarios import all_scenarios
from scenarios.spec import Scenario

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
_CELLS_HEADER = re.compile(r"\s*\[\[\s*cells\s*\]\]")
Concurrency = Annotated[list[Annotated[int, Field(ge=1, le=1024)]], Field(min_length=1)]


class CellSpec(BaseModel):
    """One ``[[cells]]`` table: a scenario under a load, for every variant and concurrency.

    Keys beyond these are the scenario's own parameters.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    scenario: str
    load: str
    tasks: Count | None = None
    for_s: Positive | None = None
    concurrency: Concurrency | None = None
    rounds: Count | None = None

    def own_parameters(self) -> dict[str, Any]:
        """The scenario's parameters set here."""
        return dict(self.model_extra or {})


class Profile(BaseModel):
    """What one ``bench run`` measures."""

    model_config = ConfigDict(extra="forbid", strict=True)

    description: str = ""
    rounds: Count = 3
    seed: int = 1
    baseline: str = "celery:prefork"
    baseline_windows: str = "celery:solo"
    variants: Annotated[list[str], Field(min_length=1)]
    concurrency: Concurrency = [1]
    trial_timeout_s: Positive = 60.0
    cells: Annotated[list[CellSpec], Field(min_length=1)]
    #: The file's name without its ending; no key of the file.
    name: str = Field(default="", exclude=True)

    def as_data(self) -> dict[str, Any]:
        """All of it as plain data: :func:`profile_of` gives the same profile again."""
        return {"name": self.name, **self.model_dump(exclude_none=True)}


def builtin_profiles() -> dict[str, Path]:
    """Name and file of each profile that comes with the suite."""
    folder = Path(str(resources.files("bench"))) / "profiles"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_profile(name_or_path: str) -> Profile:
    """Read the profile of that name, or the TOML file at that path.

    Raises:
        UsageError: no such profile, bad TOML, a wrong key, type or value.
    """
    known = builtin_profiles()
    path = known.get(name_or_path) or Path(name_or_path)
    if name_or_path not in known and path.suffix != ".toml":
        raise unknown("profile", name_or_path, known)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read the profile {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text: expected a TOML profile") from None
    try:
        content = tomllib.loads(text)
        if "name" in content:
            raise _unknown_key("name", path, _line_of(text, ("name",)))
        profile = Profile.model_validate({**content, "name": path.stem})
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None
    except ValidationError as error:
        raise _explain(error, path, text) from None
    return _checked(profile, path, text)


def profile_of(content: dict[str, Any], source: Path) -> Profile:
    """The profile of which :meth:`Profile.as_data` gave the content, checked as any other.

    Args:
        source: the file that it was kept in, for messages.

    Raises:
        UsageError: a wrong key, type or value: it was kept by other code.
    """
    try:
        profile = Profile.model_validate(content)
    except ValidationError as error:
        raise _explain(error, source, "") from None
    return _checked(profile, source, "")


def _checked(profile: Profile, path: Path, text: str) -> Profile:
    """Hold the profile against the scenarios and backends there are."""
    for number, cell in enumerate(profile.cells):
        _check_cell(cell, path, text, number)
    for name in profile.variants:
        _check_variant(name, path, text)
    for name in (profile.baseline, profile.baseline_windows):
        _check_variant(name, path, text, single=True)
    return profile


def _explain(error: ValidationError, path: Path, text: str) -> UsageError:
    """The first problem as one line with file, line and what is allowed."""
    problem = error.errors()[0]
    where = problem["loc"]
    line = _line_of(text, where)
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in where)
    if problem["type"] == "extra_forbidden":
        return _unknown_key(key, path, line)
    if problem["type"] == "missing":
        return UsageError(f"{path}:{line}: the key {key!r} is missing")
    found = repr(problem["input"])
    return UsageError(f"{path}:{line}: {key} = {found[:60]}: {problem['msg'].lower()}")


def _unknown_key(key: str, path: Path, line: int) -> UsageError:
    allowed = ", ".join(known for known in Profile.model_fields if known != "name")
    return UsageError(f"{path}:{line}: unknown key {key!r}: allowed are {allowed}")


def _check_cell(cell: CellSpec, path: Path, text: str, number: int) -> None:
    def fault(key: str, message: str) -> UsageError:
        return UsageError(f"{path}:{_line_of(text, ('cells', number, key))}: {message}")

    scenarios = all_scenarios()
    if cell.scenario not in scenarios:
        raise fault("scenario", str(unknown("scenario", cell.scenario, scenarios)))
    scenario = scenarios[cell.scenario]
    if cell.load not in scenario.loads:
        allowed = ", ".join(scenario.loads)
        raise fault("load", f"load {cell.load!r} does not fit {cell.scenario}: allowed: {allowed}")
    if cell.tasks is None and cell.for_s is None:
        raise fault("scenario", "a cell needs tasks = N or for_s = SECONDS")
    if cell.for_s is None and cell.load == "closed":
        raise fault("load", "a closed load needs for_s = SECONDS (tasks = N may limit it further)")
    _check_parameters(cell, scenario, fault)


def _check_parameters(cell: CellSpec, scenario: Scenario, fault: Any) -> None:
    known = {p.name: p for p in scenario.parameters}
    for key, value in cell.own_parameters().items():
        if key not in known:
            allowed = ", ".join([*known, *(k for k in CellSpec.model_fields)])
            raise fault(key, f"unknown key {key!r} for {scenario.name}: allowed are {allowed}")
        wanted = known[key]
        whole = isinstance(wanted.default, int)
        number = type(value) is int or (type(value) is float and math.isfinite(value))
        if not number or (whole and type(value) is float):
            kind = "an integer" if whole else "a number"
            raise fault(key, f"{key} = {value!r}: {kind} is expected ({wanted.help})")
        if value < wanted.minimum:
            raise fault(key, f"{key} = {value}: at least {wanted.minimum} ({wanted.help})")
        if value > wanted.maximum:
            raise fault(key, f"{key} = {value}: at most {wanted.maximum} ({wanted.help})")


def _check_variant(name: str, path: Path, text: str, *, single: bool = False) -> None:
    line = next((n for n, row in enumerate(text.splitlines(), 1) if f'"{name}"' in row), 1)
    try:
        chosen = choose(name)
    except UnknownVariant as error:
        raise UsageError(f"{path}:{line}: {unknown('variant', name, error.known)}") from None
    if single and len(chosen) > 1:
        names = ", ".join(choice.name for choice in chosen)
        raise UsageError(f"{path}:{line}: the baseline {name!r} is several variants: {names}")


def _line_of(text: str, where: tuple[int | str, ...]) -> int:
    """The line of the key at ``where``; of its table's header if it is not found."""
    lines = text.splitlines()
    start = 0
    if len(where) > 1 and where[0] == "cells" and isinstance(where[1], int):
        headers = [n for n, row in enumerate(lines) if _CELLS_HEADER.match(row)]
        start = headers[where[1]] if where[1] < len(headers) else 0
        where = where[2:]
    key = next((part for part in where if isinstance(part, str)), "")
    for number in range(start, len(lines)):
        if re.match(rf"\s*{re.escape(key)}\s*=", lines[number]):
            return number + 1
        if number > start and _CELLS_HEADER.match(lines[number]):
            break
    return start + 1
