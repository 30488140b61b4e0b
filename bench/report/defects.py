"""What was known of a variant when its run began, and what of the run it accounts for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.analysis.tables import Key, key_of
from bench.plan.cells import TWIN


def defect_of(
    facts: Mapping[str, Any], variant: str, scenario: str, check: str
) -> Mapping[str, Any] | None:
    """The known defect that makes a variant fail a check in a scenario.

    Runs of earlier versions tell of none, or not of which scenarios.
    """
    known = facts["variants"].get(variant, {}).get("known_defects", ())
    of_check = (defect for defect in known if defect["check"] == check)
    return next((d for d in of_check if not d.get("scenarios") or scenario in d["scenarios"]), None)


def ended_by_defects(
    facts: Mapping[str, Any],
    trials: Iterable[Mapping[str, Any]],
    checks: Mapping[Key, Sequence[tuple[str, int]]],
) -> int:
    """How many trials timed out in cells that broke rules, and each by a known defect.

    Args:
        checks: by cell each check's name and how often it was violated.
    """
    return sum(
        trial["status"] == "timeout" and _accounted_for(facts, key_of(trial), checks)
        for trial in trials
    )


def _accounted_for(
    facts: Mapping[str, Any], key: Key, checks: Mapping[Key, Sequence[tuple[str, int]]]
) -> bool:
    variant, scenario = key[0].removesuffix(TWIN), key[1]
    broken = [check for check, violations in checks.get(key, ()) if violations]
    return bool(broken) and all(defect_of(facts, variant, scenario, check) for check in broken)
