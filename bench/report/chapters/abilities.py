"""What the variants can do beside running tasks, each statement with what showed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backends.abilities import ABILITIES
from bench.measure.abilities import answered
from bench.report.sections import Grid, Items, Paragraph, Section
from bench.report.wording import joined

#: What a cell begins with.
_WORDS = {True: "yes", False: "no", None: "unknown"}


def missing(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence per variant of which some probes went wrong, and why, which is told once.

    Args:
        found: as of :func:`bench.record.ability_files.read_abilities`.
    """
    told = []
    for one in found:
        by_reason: dict[str, list[str]] = {}
        for ability, facts in one["probes"].items():
            if problem := facts.get("problem"):
                by_reason.setdefault(problem, []).append(ABILITIES[ability].title)
        told += [
            f"{one['variant']}: {joined(titles)} could not be probed: {why}"
            for why, titles in by_reason.items()
        ]
    return told


def section(found: Sequence[Mapping[str, Any]]) -> Section | None:
    """One row per ability, one column per variant.

    Args:
        found: as for :func:`missing`; ``None`` is told of a run without probes.
    """
    shown = [one for one in found if one["probes"]]
    if not shown:
        return None
    names = [name for name in ABILITIES if any(name in one["probes"] for one in shown)]
    rows = [
        [ABILITIES[name].title, *(_cell(name, one["probes"]) for one in shown)] for name in names
    ]
    head = ("ability", *(one["variant"] for one in shown))
    grid = Grid("", head, rows, folds=range(1, len(head)))
    bare = [one["variant"] for one in found if not one["probes"]]
    return Section(
        "What they can do",
        [
            Paragraph(
                "Each was asked of live workers with two slots, in a lease of its own; yes and no "
                "are what they did, and the words behind it what was seen."
            ),
            grid,
            *([Paragraph(f"Not probed: {joined(bare)}.")] if bare else []),
            Items([f"{ABILITIES[name].title}: {ABILITIES[name].question}" for name in names]),
        ],
    )


def _cell(ability: str, probes: Mapping[str, Any]) -> str:
    if ability not in probes:
        return "not probed"
    facts = probes[ability]
    if facts.get("problem"):
        return "unknown: see the warnings"
    answer = answered(ability, facts)
    return f"{_WORDS[answer.can]}: {answer.evidence}"
