"""What the harness holds itself to, and whether the figures meet it."""

from __future__ import annotations

from typing import Any

#: One event of the recorder; a task has two.
RECORDER_NS = 2500.0
#: A recorder that used Redis would add one or two per task. What differs by chance is how often
#: a worker looks for more.
COMMANDS_ADDED = 0.1
#: Throughput with the harness over that of the library's plain program, and the same of what is
#: done per second of the workers' CPU.
RATIO = 0.97


def aims(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Each aim with what was found: ``{"aim", "found", "met"}``.

    Args:
        figures: as :func:`bench.doctor.innocence.measure` gives them. A variant whose figure is
            ``None`` could not be measured: that meets nothing.
    """
    found = [
        _aim(
            f"recorder_ns_per_event <= {RECORDER_NS:g}",
            figures["recorder_ns_per_event"],
            figures["recorder_ns_per_event"] <= RECORDER_NS,
        )
    ]
    for name, added in figures["redis_commands_added"].items():
        met = added is not None and abs(added) <= COMMANDS_ADDED
        found.append(_aim(f"redis_commands_added 0 (+-{COMMANDS_ADDED:g}) {name}", added, met))
    for figure in ("perturbation_ratio", "cpu_ratio"):
        for name, ratio in figures[figure].items():
            value = ratio["ratio"]
            met = value is not None and value >= RATIO
            found.append(_aim(f"{figure} >= {RATIO:g} {name}", value, met))
    return found


def _aim(aim: str, found: float | None, met: bool) -> dict[str, Any]:
    return {"aim": aim, "found": found, "met": met}
