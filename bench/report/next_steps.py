"""What to type when a report has been read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure.statistics import MIN_ROUNDS
from bench.report.cells import NOT_RUN
from bench.report.parts import Report
from bench.system.words import joined, quoted

#: Options that say how many rounds there are: what is told next says another number.
_OF_ONCE = frozenset({"--rounds", "--precision", "--budget"})


@dataclass(frozen=True)
class Step:
    """A command, and what it is good for."""

    command: str
    why: str


def next_steps(report: Report) -> tuple[Step, ...]:
    """Two commands at most: what the run lacks most, then a closer look at two variants."""
    found = [_lacking(report), _closer(report)]
    return tuple(step for step in found if step)


def _lacking(report: Report) -> Step | None:
    facts = report.facts
    if not report.tables:
        return None
    if report.trials.get(NOT_RUN):
        return Step(f"bench run --resume {quoted(report.path)}", "measures what has not been run")
    if not report.is_measured:
        return Step("bench doctor", "tells what spoils a measurement on this machine")
    again = _again(facts)
    if max(table.planned for table in report.tables) < MIN_ROUNDS:
        return Step(f"{again} --rounds {MIN_ROUNDS}", "the fewest that tell variants apart")
    return Step(f"{again} --precision 10%", "adds rounds where ratios are uncertain")


def _again(facts: Mapping[str, Any]) -> str:
    """The command that measures the same once more, without what was only of that time."""
    argv = [str(word) for word in facts["argv"]]
    if argv[:1] == ["run"] and "--resume" not in argv:
        return f"bench {joined(_lasting(argv))}"
    name, request = facts["profile"], facts.get("request", {})
    profile = next((word for word in facts["argv"] if Path(word).name == f"{name}.toml"), name)
    chosen = [f" -b {variant}" for variant in request.get("variants", ())]
    chosen += [f" -s {scenario}" for scenario in request.get("scenarios", ())]
    return f"bench run {profile}{''.join(chosen)}"


def _lasting(argv: Sequence[str]) -> list[str]:
    """The words of a command without how many rounds there were to be."""
    found: list[str] = []
    words = iter(argv)
    for word in words:
        if word in _OF_ONCE:
            next(words, None)
        elif word.partition("=")[0] not in _OF_ONCE:
            found.append(word)
    return found


def _closer(report: Report) -> Step | None:
    """The baseline beside the best that is not it."""
    for table in report.tables:
        names = [row.variant for row in table.ranked if not row.is_baseline]
        if names and any(row.is_baseline for row in table.rows):
            return Step(
                f"bench compare {report.baseline} {names[0]} --run {quoted(report.path)}",
                "two variants side by side",
            )
    return None
