"""How values change with the concurrency, the size of a task, and the length of the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.report.cells import Cell, alike, any_has, by_variant
from bench.report.sections import Grid, Section, section_of
from bench.report.wording import caption, label_with_unit, params_text
from scenarios import all_scenarios

#: Concurrencies from which on their growth is a subject of its own.
MANY = 3

_COSTS = ("cpu_ms_per_task:worker", "redis_commands_per_task")


@dataclass(frozen=True)
class Sweep:
    """A parameter that takes several values while all else stays the same."""

    scenario: str
    parameter: str
    metrics: tuple[str, ...]


SWEEPS = (
    Sweep("payload", "argument_kb", ("enqueue_us_p50", "redis_bytes_per_task")),
    Sweep("payload", "result_kb", ("end_to_end_ms_p50", "redis_bytes_per_task")),
    Sweep("add", "backlog", ("redis_memory_bytes_per_task",)),
)


def section(cells: Sequence[Cell]) -> Section | None:
    """Everything that the run swept; ``None`` where it swept nothing."""
    found = [*_over_concurrency(cells)]
    for sweep in SWEEPS:
        found += _over_parameter(cells, sweep)
    if not found:
        return None
    return section_of(
        "How it scales",
        "Means over rounds, one table per metric: read each row from left to right.",
        [grid for grid, _ in found],
        tuple(dict.fromkeys(metric for _, metric in found)),
    )


def _over_concurrency(cells: Sequence[Cell]) -> Iterable[tuple[Grid, str]]:
    for (scenario, load), own in _by_load(cells).items():
        metrics = (all_scenarios()[scenario].headline[own[0].load], *_COSTS)
        for group in alike(own).values():
            values = sorted({cell.concurrency for cell in group})
            if len(values) < MANY:
                continue
            title = caption(scenario, load, group[0].params, values[0])
            title = title.removesuffix(f", concurrency {values[0]}")
            for metric in metrics:
                if any_has(group, metric):
                    head = [f"concurrency {value}" for value in values]
                    places = dict(zip(values, head, strict=True))
                    yield _grid(title, group, metric, places, lambda cell: cell.concurrency), metric


def _over_parameter(cells: Sequence[Cell], sweep: Sweep) -> Iterable[tuple[Grid, str]]:
    name = sweep.parameter
    swept = [cell for cell in cells if cell.scenario == sweep.scenario and name in cell.params]
    for (scenario, load), own in _by_load(swept).items():
        metrics = dict.fromkeys((all_scenarios()[scenario].headline[own[0].load], *sweep.metrics))
        for concurrency in sorted({cell.concurrency for cell in own}):
            at = [cell for cell in own if cell.concurrency == concurrency]
            for group in alike(at, without=name).values():
                values = sorted({float(cell.params[name]) for cell in group})
                if len(values) < 2:
                    continue
                places = {value: params_text({name: value}) or _off(name) for value in values}
                rest = {k: v for k, v in group[0].params.items() if k != name}
                title = caption(scenario, load, rest, concurrency)
                title += f", by {_word(name)}" if name != load else ""
                for metric in metrics:
                    if any_has(group, metric):
                        grid = _grid(title, group, metric, places, lambda c: float(c.params[name]))
                        yield grid, metric


def _by_load(cells: Iterable[Cell]) -> dict[tuple[str, str], list[Cell]]:
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.scenario, cell.load), []).append(cell)
    return groups


def _word(parameter: str) -> str:
    return parameter.removesuffix("_kb").replace("_", " ")


def _off(parameter: str) -> str:
    return f"{_word(parameter)} 0"


def _grid(
    title: str,
    cells: Sequence[Cell],
    metric: str,
    places: dict[float, str] | dict[int, str],
    place: Callable[[Cell], float],
) -> Grid:
    """One row per variant, one column per value."""
    rows = []
    for variant, own in by_variant(cells).items():
        found = {place(cell): cell for cell in own}
        texts = [found[value].text(metric) if value in found else "-" for value in places]
        rows.append([variant, *texts])
    caption_text = f"{label_with_unit(metric)}: {title}"
    return Grid(caption_text, ("variant", *places.values()), rows, right=range(1, 1 + len(places)))
