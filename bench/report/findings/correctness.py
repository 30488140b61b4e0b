"""What broke a rule, and how late retries came."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.report.defects import defect_of
from bench.report.findings import Kind
from bench.report.findings.material import Material, backend_of, variant_of
from bench.report.findings.tiers_told import span
from bench.report.wording import base_name, joined
from scenarios import all_scenarios

#: By check what is said of those that failed it, and what of a run in which nobody did.
CHECKS = {
    "lost": ("lost tasks", "lost a task"),
    "repeated": ("ran tasks twice", "ran one twice"),
    "attempts": ("retried more or less often than asked", "miscounted retries"),
    "results": ("gave wrong results", "gave a wrong result"),
    "retry_delay": ("retried early", "retried early"),
    "delivered": ("did not deliver each message once", "delivered a message not once"),
    "enqueued": ("refused tasks", ""),
    "outcome": ("told callers wrongly how tasks ended", ""),
    "order": ("ran tasks out of order", ""),
}


def find(material: Material) -> str | None:
    """What failed, known defects by their name; what nobody did; the latest retry."""
    checked = {check for found in material.checks.values() for check, _ in found}
    if not checked:
        return None
    broken = _broken(material)
    wrong = {check for *_, check in broken}
    kept = [told for check, (_, told) in CHECKS.items() if told and check in checked - wrong]
    parts = _failed(material, broken)
    if kept:
        parts.append(f"no variant {_either(kept)}")
    parts += _latest_retries(material)
    return f"Correctness: {'; '.join(parts)}." if parts else None


def _either(told: list[str]) -> str:
    """``lost a task, ran one twice or gave a wrong result``, ``ran a task twice``."""
    *others, last = [told[0].replace(" one ", " a task "), *told[1:]]
    return f"{', '.join(others)} or {last}" if others else last


def _broken(material: Material) -> dict[tuple[str, str, str], None]:
    """Variants, the scenarios in which they failed and the checks that they failed there."""
    return {
        (variant_of(key[0]), key[1], check): None
        for key, found in material.checks.items()
        for check, violations in found
        if violations
    }


def _failed(material: Material, broken: dict[tuple[str, str, str], None]) -> list[str]:
    known: dict[str, None] = {}
    news: dict[str, dict[str, None]] = {}
    for variant, scenario, check in broken:
        defect = defect_of(material.facts, variant, scenario, check)
        if defect:
            known[f"{defect['told']} (known, {defect['where']})"] = None
        else:
            news.setdefault(check, {})[variant] = None
    told = [
        f"{joined(list(variants))} {CHECKS[check][0] if check in CHECKS else f'failed {check}'}"
        for check, variants in news.items()
    ]
    if told:
        told[-1] += " (see Failed checks)"
    return [*told, *known]


def _latest_retries(material: Material) -> Iterator[str]:
    """By backend how late the latest retry of each variant came, in any round."""
    latest: dict[str, dict[str, float]] = {}
    for cell in material.cells:
        headline = all_scenarios()[cell.scenario].headline.get(cell.load, "")
        rounds = cell.rounds.get("retry_lateness_ms_max")
        if cell.kind == "variant" and base_name(headline) == "retry_lateness" and rounds:
            own = latest.setdefault(backend_of(cell.variant), {})
            own[cell.variant] = max(*rounds.values(), own.get(cell.variant, -math.inf))
    if latest:
        order = sorted(latest.items(), key=lambda item: max(item[1].values()))
        told = [f"{span(list(own.values()))} ms under {backend}" for backend, own in order]
        yield f"the latest retry came late by {joined(told)}"


KIND = Kind(40, find)
