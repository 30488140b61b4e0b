"""What a variant's name is made of: how a run's variants differ from each other by options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.plan.cells import TWIN

WINDOWS = "win32"


@dataclass(frozen=True)
class Setup:
    """A variant without and with its options.

    Attributes:
        base: the name without them.
        options: what was asked for.
        emulating: those of them by which a worker runs as every worker does on another platform.
    """

    name: str
    base: str
    options: frozenset[str] = frozenset()
    emulating: frozenset[str] = frozenset()

    @property
    def own(self) -> frozenset[str]:
        """The options that would be said on the emulated platform, too."""
        return self.options - self.emulating


@dataclass(frozen=True)
class Change:
    """Two variants of which the second has one option more."""

    option: str
    without: str
    having: str


def setup_of(name: str, facts: Mapping[str, Any]) -> Setup:
    """A variant's; runs of earlier versions say nothing of options.

    Args:
        facts: ``run.json``.
    """
    known = facts["variants"].get(name.removesuffix(TWIN), {}).get("options", ())
    emulates = {option["name"]: set(option["emulates"]) for option in known}
    parts, named = name.removesuffix(TWIN).split("+"), []
    while len(parts) > 1 and parts[-1] in emulates:
        named.append(parts.pop())
    emulating = frozenset(option for option in named if emulates[option])
    return Setup(name, "+".join(parts), frozenset(named), emulating)


def setups(facts: Mapping[str, Any]) -> dict[str, Setup]:
    """All of a run's, by name."""
    return {name: setup_of(name, facts) for name in facts["variants"]}


def emulates_windows(facts: Mapping[str, Any]) -> bool:
    """Whether some variant runs as on Windows, which this is not."""
    return any(
        WINDOWS in option["emulates"]
        for variant in facts["variants"].values()
        for option in variant.get("options", ())
    )


def changes(known: Iterable[Setup]) -> list[Change]:
    """The pairs that differ in one option, by option."""
    all_of = list(known)
    found = [
        Change(option, without.name, having.name)
        for without in all_of
        for having in all_of
        if without.base == having.base
        for option in having.options
        if having.options - {option} == without.options
    ]
    order = dict.fromkeys(change.option for change in found)
    return [change for option in order for change in found if change.option == option]


def of_here_alone(known: Mapping[str, Setup]) -> frozenset[str]:
    """The variants that the run also has as they are on the platform that it emulates."""
    emulated = {(setup.base, setup.own) for setup in known.values() if setup.emulating}
    return frozenset(
        name
        for name, setup in known.items()
        if not setup.emulating and (setup.base, setup.own) in emulated
    )
