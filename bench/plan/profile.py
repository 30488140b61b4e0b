"""Profiles: named lists of cells in TOML, checked against the scenarios."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backends import UnknownVariant, choose
from backends.abilities import ABILITIES
from bench.errors import UsageError, unknown
from bench.system.places import PROFILES
from bench.system.printable import shortened
from scenarios import all_scenarios
from scenarios.loads import LOADS
from scenarios.spec import Parameter

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
#: The most items that a trial may have: they are all in memory at once.
MOST_TASKS = 1_000_000
#: Of more windows than these a lease would be what is measured.
MOST_WINDOWS = 100
Count = Annotated[int, Field(ge=1, le=MOST_TASKS)]
_CELLS_HEADER = re.compile(r"\s*\[\[\s*cells\s*\]\]")
Concurrency = Annotated[list[Annotated[int, Field(ge=1, le=1024)]], Field(min_length=1)]
#: More than twice what a variant drains tells nothing that twice does not.
Share = Annotated[float, Field(gt=0, le=2, allow_inf_nan=False)]

#: Keys that say how a load is offered.
#: Those that are parameters of the cell: with one value, and with a cell for each.
_ONE_VALUE = ("arrival", "p99_bound_ms")
_SWEPT = ("offered", "rate_per_s", "backlog")
#: What stands behind a key, for messages.
_VALUES = {
    "tasks": "N",
    "for_s": "SECONDS",
    "backlog": "[N, ...]",
    "offered": "[SHARE, ...] of the drain",
    "rate_per_s": "[N, ...]",
}
_HOW = frozenset().union(*(load.keys for load in LOADS.values()))


class CellSpec(BaseModel):
    """One ``[[cells]]`` table: a scenario under a load, for every variant and concurrency.

    Keys beyond these are the scenario's own parameters. A list of values, of a parameter or of
    ``offered``, ``rate_per_s`` and ``backlog``, makes a cell of each.

    Attributes:
        for_s: how long tasks are offered; of a drain how long they are to last.
        offered: rates of an open load as shares of the variant's own drain throughput.
        rate_per_s: rates of an open load common to all variants.
        p99_bound_ms: below it a rate counts as sustained.
        windows: how often a drain fills the queue: first before the workers start, then while
            they are held.
        backlog: tasks queued before the workers start, who then drain for ``for_s``.
        variants, trial_timeout_s: instead of the profile's.
        quick: what is different of it in the profile's sample; without it, it is not part of that.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    scenario: str
    load: str
    tasks: Count | None = None
    for_s: Positive | None = None
    concurrency: Concurrency | None = None
    rounds: Count | None = None
    variants: Annotated[list[str], Field(min_length=1)] | None = None
    quick: dict[str, Any] | None = None
    trial_timeout_s: Positive | None = None
    offered: list[Share] | None = None
    rate_per_s: list[Positive] | None = None
    arrival: Literal["poisson", "constant"] = "poisson"
    p99_bound_ms: Positive = 100.0
    backlog: list[Count] | None = None
    windows: Annotated[int, Field(ge=1, le=MOST_WINDOWS)] = 1

    def own_parameters(self) -> dict[str, list[Any]]:
        """The scenario's parameters set here, each with its values."""
        extra = self.model_extra or {}
        return {key: value if isinstance(value, list) else [value] for key, value in extra.items()}

    def offers(self) -> list[dict[str, Any]]:
        """How the load is offered, as parameters of a cell: one entry for each."""
        keys = LOADS[self.load].keys
        common = {key: getattr(self, key) for key in _ONE_VALUE if key in keys}
        swept = [key for key in _SWEPT if key in keys]
        offers = [common | {key: value} for key in swept for value in getattr(self, key) or ()]
        return offers if swept else [common]


class Profile(BaseModel):
    """What one ``bench run`` measures.

    Attributes:
        abilities: what is probed of each variant after the rounds; true for all there are.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    description: str = ""
    rounds: Count = 3
    seed: int = 1
    baseline: str = "celery:prefork"
    baseline_windows: str = "celery:solo"
    variants: Annotated[list[str], Field(min_length=1)]
    concurrency: Concurrency = [1]
    trial_timeout_s: Positive = 60.0
    repeat_disturbed: bool = True
    abilities: bool | list[str] = False
    quick_rounds: Count | None = None
    cells: Annotated[list[CellSpec], Field(min_length=1)]
    #: The file's name without its ending; no key of the file.
    name: str = Field(default="", exclude=True)

    @property
    def probed(self) -> tuple[str, ...]:
        """The names of the abilities that are probed."""
        if isinstance(self.abilities, bool):
            return tuple(ABILITIES) if self.abilities else ()
        return tuple(self.abilities)

    def as_data(self) -> dict[str, Any]:
        """All of it as plain data: :func:`profile_of` gives the same profile again."""
        return {"name": self.name, **self.model_dump(exclude_unset=True)}

    def sample(self) -> Profile:
        """The profile of the cells that have ``quick``, each with what that changes.

        Raises:
            UsageError: none has, or a change is none that a cell may have.
        """
        cells = [
            {**cell.model_dump(exclude_unset=True, exclude={"quick"}), **cell.quick}
            for cell in self.cells
            if cell.quick is not None
        ]
        if not cells:
            raise UsageError(
                f"the profile {self.name} has no quick sample: leave --quick out, or give some of "
                "its cells quick = {}"
            )
        rounds = self.quick_rounds or self.rounds
        changed = {"name": f"{self.name}-quick", "cells": cells, "rounds": rounds}
        changed["abilities"] = False  # each variant's take half a minute
        return profile_of({**self.as_data(), **changed}, Path(f"{self.name}: quick"))


def builtin_profiles() -> dict[str, Path]:
    """Name and file of each profile that comes with the suite."""
    return {path.stem: path for path in sorted(PROFILES.glob("*.toml"))}


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
        raise UsageError(f"cannot read the profile {shortened(path)}: {error.strerror}") from None
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
    except RecursionError:
        raise UsageError(f"{path}: brackets are nested too deeply for a profile") from None
    except ValueError:  # of the parser's: Python reads no longer ones
        raise UsageError(f"{path}: a number in it has too many digits") from None
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
    named = [name for cell in profile.cells for name in cell.variants or ()]
    for name in (*profile.variants, *named):
        _check_variant(name, path, text)
    for name in profile.probed:
        if name not in ABILITIES:
            where = f"{path}:{_line_of(text, ('abilities',))}"
            raise UsageError(f"{where}: {unknown('ability', name, ABILITIES)}")
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
    _check_offer(cell, fault)
    known = {p.name: p for p in scenario.parameters}
    for key, values in cell.own_parameters().items():
        if key not in known:
            of_load = sorted(LOADS[cell.load].keys)
            allowed = ", ".join([*known, "scenario", "load", "concurrency", "rounds", *of_load])
            raise fault(key, f"unknown key {key!r} for {scenario.name}: allowed are {allowed}")
        if not values:
            raise fault(key, f"{key} = []: expected at least one value ({known[key].help})")
        for value in values:
            _check_value(known[key], value, fault)


def _check_offer(cell: CellSpec, fault: Any) -> None:
    """Whether the cell says how its load is offered, and nothing that the load does not know."""
    load = LOADS[cell.load]
    given = {key for key in _HOW & cell.model_fields_set if getattr(cell, key)}
    if load.either and not given & load.either and not load.needs:
        raise fault("scenario", f"a cell needs {_alternatives(load.either)}")
    for key in sorted(load.needs - given):
        hint = " (tasks = N may limit it further)" if "tasks" in load.may else ""
        raise fault("load", f"load {cell.load!r} needs {key} = {_VALUES[key]}{hint}")
    for key in sorted(given - load.keys):
        allowed = ", ".join(sorted(load.keys))
        raise fault(key, f"load {cell.load!r} does not know {key!r}: allowed are {allowed}")
    if load.either and not given & load.either:
        raise fault("load", f"load {cell.load!r} needs {_alternatives(load.either)}")


def _alternatives(keys: frozenset[str]) -> str:
    return " or ".join(f"{key} = {_VALUES[key]}" for key in sorted(keys, reverse=True))


def _check_value(wanted: Parameter, value: Any, fault: Any) -> None:
    key = wanted.name
    whole = isinstance(wanted.default, int)
    number = type(value) in (int, float) and abs(value) <= sys.float_info.max
    if not number or (whole and type(value) is float):
        kind = "an integer" if whole else "a number"
        raise fault(key, f"{key} = {repr(value)[:60]}: {kind} is expected ({wanted.help})")
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
