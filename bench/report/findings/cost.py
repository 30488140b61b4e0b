"""What a task costs Redis, and what the workers hold."""

from __future__ import annotations

from bench.measure.statistics import MIN_ROUNDS
from bench.report.findings import Kind
from bench.report.findings.material import Group, Material, backend_of
from bench.report.findings.tiers_told import span
from bench.report.wording import joined, label

COMMANDS = "redis_commands_per_task"
#: The first of them that is known.
MEMORY = ("worker_pss_mb", "worker_rss_mb", "worker_peak_rss_mb")


def find(material: Material) -> str | None:
    """By backend, from the drain whose throughput is told; only of rounds enough."""
    drain = material.drain
    if drain is None:
        return None
    parts = []
    if commands := _by_backend(drain, COMMANDS):
        parts.append(f"Redis commands per task {_told(commands)}")
    for metric in MEMORY:
        if memory := _by_backend(drain, metric):
            parts.append(f"{label(metric)} in MB {_told(memory)}")
            break
    return f"Cost ({drain.caption}): {'; '.join(parts)}." if parts else None


def _by_backend(drain: Group, metric: str) -> dict[str, list[float]]:
    """Its variants' values, the thriftiest backend first."""
    found: dict[str, list[float]] = {}
    for cell in drain.cells:
        if not cell.state and len(cell.rounds.get(metric, {})) >= MIN_ROUNDS:
            found.setdefault(backend_of(cell.variant), []).append(cell.measures[metric].value)
    return dict(sorted(found.items(), key=lambda item: (min(item[1]), item[0])))


def _told(found: dict[str, list[float]]) -> str:
    """``16.5 (dramatiq), 18.0 to 21.3 (celery) and 27.1 (arq)``."""
    return joined([f"{span(values)} ({backend})" for backend, values in found.items()])


KIND = Kind(50, find, spare=2)
