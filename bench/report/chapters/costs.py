"""What a task costs: commands, bytes, processor time, memory; and what waiting for one costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.report.cells import Cell, alike, any_has, in_order
from bench.report.sections import Block, Grid, Heading, Items, Section, section_of
from bench.report.wording import caption, label_with_unit

BY_COMMAND = "redis_commands_per_task:"
#: Commands that are rarer, per task, are only counted.
RARE = 0.005


@dataclass(frozen=True)
class Cost:
    """A column: a metric, from the first load that has it."""

    metric: str
    loads: tuple[str, ...] = ("drain",)


COSTS = (
    Cost("redis_commands_per_task"),
    Cost("redis_bytes_per_task"),
    Cost("cpu_ms_per_task:worker"),
    Cost("cpu_ms_per_task:producer"),
    Cost("cpu_ms_per_task:redis"),
    Cost("context_switches_per_task:worker"),
    Cost("worker_peak_rss_mb"),
    Cost("worker_pss_mb", ("drain", "idle")),
    Cost("worker_rss_mb", ("drain", "idle")),
    Cost("redis_memory_bytes_per_task", ("drain", "backlog")),
    Cost("idle_commands_per_s", ("idle",)),
    Cost("idle_cpu_ms_per_s:worker", ("idle",)),
)

_HEADS = {
    "redis_commands_per_task": "Redis commands",
    "redis_bytes_per_task": "bytes in + out",
    "cpu_ms_per_task:worker": "cpu ms, worker",
    "cpu_ms_per_task:producer": "cpu ms, producer",
    "cpu_ms_per_task:redis": "cpu ms, Redis",
    "context_switches_per_task:worker": "context switches",
    "worker_peak_rss_mb": "peak RSS, MB",
    "worker_pss_mb": "PSS, MB",
    "worker_rss_mb": "RSS, MB",
    "redis_memory_bytes_per_task": "Redis bytes per queued task",
    "idle_commands_per_s": "idle: commands/s",
    "idle_cpu_ms_per_s:worker": "idle: cpu ms/s",
}


def section(cells: Sequence[Cell]) -> Section | None:
    """Costs of ``add``; ``None`` where none was measured."""
    ours = [cell for cell in cells if cell.scenario == "add" and cell.kind != "twin"]
    drains = [cell for cell in ours if cell.load == "drain"]
    grids: list[Grid] = []
    commands: list[Block] = []
    shown: dict[str, None] = {}
    for concurrency in sorted({cell.concurrency for cell in ours}):
        at = [cell for cell in ours if cell.concurrency == concurrency]
        groups = alike(cell for cell in drains if cell.concurrency == concurrency)
        for group in groups.values() or [[]]:
            here = {cell.name: _loads(at, cell) for cell in in_order(group or at)}
            columns = _columns(here)
            title = _title(group, concurrency)
            if columns:
                grids.append(_grid(title, here, columns))
                shown |= dict.fromkeys(columns)
            if any(_commands(cell) for cell in group):
                commands += _by_command(title, group)
    if not grids and not commands:
        return None
    found = section_of(
        "Cost per task",
        "Per task while the queue is drained, the harness's own commands left out; memory is that "
        "of all worker processes together. Idle: what the workers do per second when there is "
        "nothing to do.",
        grids,
        tuple(shown),
    )
    return replace(found, blocks=[*found.blocks, *commands])


def _title(group: Sequence[Cell], concurrency: int) -> str:
    params: Mapping[str, object] = group[0].params if group else {}
    return caption("add", "drain" if group else "idle", params, concurrency)


def _loads(cells: Sequence[Cell], like: Cell) -> dict[str, Cell]:
    """By load one variant's cells; the drain is ``like`` itself, of backlogs it is the first."""
    found = {"drain": like} if like.load == "drain" else {}
    for cell in cells:
        if cell.variant == like.variant:
            found.setdefault(cell.load, cell)
    return found


def _columns(here: Mapping[str, Mapping[str, Cell]]) -> dict[str, Cost]:
    """The columns that some variant has a value in; RSS only where there is no PSS."""
    found = {
        cost.metric: cost
        for cost in COSTS
        if any(any_has(list(own.values()), cost.metric) for own in here.values())
    }
    if "worker_pss_mb" in found:
        found.pop("worker_rss_mb", None)
    return found


def _grid(title: str, here: Mapping[str, Mapping[str, Cell]], columns: Mapping[str, Cost]) -> Grid:
    rows = [[name, *(_text(own, cost) for cost in columns.values())] for name, own in here.items()]
    head = ("variant", *(_HEADS.get(metric, label_with_unit(metric)) for metric in columns))
    return Grid(title, head, rows, right=range(1, len(head)))


def _text(own: Mapping[str, Cell], cost: Cost) -> str:
    known = [own[load] for load in cost.loads if load in own]
    for cell in known:
        if cost.metric in cell.measures:
            return cell.text(cost.metric)
    return next((cell.status for cell in known if cell.status != "ok"), "-")


def _by_command(title: str, group: Sequence[Cell]) -> list[Block]:
    told = [f"{cell.name}: {_commands(cell) or cell.state or '-'}" for cell in in_order(group)]
    return [Heading(f"Redis commands per task, by command: {title}", 3), Items(told)]


def _commands(cell: Cell) -> str:
    """``lpush 1, brpop 1.02``, the most frequent first."""
    found = {
        metric.removeprefix(BY_COMMAND): measure.value
        for metric, measure in cell.measures.items()
        if metric.startswith(BY_COMMAND) and measure.value > 0
    }
    told = [
        f"{name} {count:.2f}".rstrip("0").rstrip(".")
        for name, count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
        if count >= RARE
    ]
    left = len(found) - len(told)
    return ", ".join([*told, *([f"{left} rarer"] if left and told else [])])
