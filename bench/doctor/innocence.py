"""Proof of innocence: what the harness adds to what it measures, measured."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backends import Choice
from bench.doctor import costs
from bench.doctor.aims import aims
from bench.doctor.arms import TIMEOUT_S, Place, plain, with_harness
from bench.doctor.drain import Seen, TooFewPolls
from bench.errors import UsageError
from bench.measure.statistics import paired_ratio
from bench.plan.cells import Cell, LeasePlan, TrialPlan
from bench.plan.variants import choices_of, default_choices
from bench.record.store import RunFolder
from bench.run.session import Options, ground
from bench.system.files import discard_tree
from bench.workers.environments import Environment, environment
from bench.workers.producer import LeaseFailed, TrialTimeout
from bench.workers.workers import PLAIN
from scenarios import all_scenarios
from scenarios.loads import MIN_TASKS

CONCURRENCY = 4
#: A drain's tasks are the variant's nominal rate times this: seen at 25 ms, 2 s are enough.
DRAIN_S = 2.5
SEED = 1

Tell = Callable[[str], None]


def variants(names: list[str]) -> list[Choice]:
    """The variants to compare: the named ones, else of every backend the first that runs here.

    Raises:
        UsageError: an unknown variant.
    """
    return choices_of(names) if names else default_choices()


def environments(choices: list[Choice]) -> dict[str, Environment]:
    """The environment of each variant, by the variant's name; they may still have to be made."""
    return {choice.name: environment(choice.backend, choice.version) for choice in choices}


def measure(choices: list[Choice], options: Options, repeats: int, tell: Tell) -> dict[str, Any]:
    """Measure everything; the environments must have been made.

    Args:
        options: ``out`` is where runs write: a folder is made in it and removed again.
        repeats: pairs of drains per variant.
        tell: is given a line of progress.

    Returns:
        ``recorder_ns_per_event`` (median) and ``recorder_ns_per_event_range``;
        ``redis_command_us`` (median) and ``redis_command_us_p99``;
        ``schedule_lateness_ms_p99`` by rate; by variant ``perturbation_ratio`` (``ratio``, ``low``,
        ``high``, ``pairs``, ``harness_per_s``, ``plain_per_s``, ``polls``; where it could not be
        measured ``ratio`` is ``None`` and ``failed`` tells why), ``cpu_ratio`` (the same of what a
        worker's CPU second does, with ``harness_ms``, ``plain_ms``), ``redis_commands_added`` per
        task and, by command, ``redis_commands_differing``; ``aims``, a list
        of ``{"aim", "found", "met"}``.

    Raises:
        BenchError: the server or the folder cannot be used.
        KeyboardInterrupt: told to stop; nothing is left behind.
    """
    if options.redis_url:
        raise UsageError(
            "bench doctor --measure compares with plain programs, which fill a whole database: "
            "leave --redis-url and REDIS_URL out"
        )
    envs = environments(choices)
    with ground(options, choices) as place, _folder(options.out) as folder:
        token, scratch, server = place.token, place.scratch, place.server
        tell("recorder: nanoseconds per event")
        figures = _recorder(costs.recorder_ns(_fresh(folder, "recorder"), token, repeats))
        tell("redis: microseconds per command")
        figures |= _redis(costs.redis_us(server))
        figures["schedule_lateness_ms_p99"] = {}
        for rate in costs.RATES:
            tell(f"schedule: lateness at {rate} per second")
            late = costs.schedule_lateness_ms(_fresh(folder, f"open-{rate}"), token, rate)
            figures["schedule_lateness_ms_p99"][str(rate)] = round(float(late.quantile(0.99)), 3)
        where = Place(token, scratch, server, RunFolder(_fresh(folder, "run")))
        pairs = [_compare(choice, envs[choice.name], where, repeats, tell) for choice in choices]
    figures["perturbation_ratio"] = {p.choice.name: p.ratio() for p in pairs}
    figures["cpu_ratio"] = {p.choice.name: p.cpu_ratio() for p in pairs}
    added = {p.choice.name: p.commands_added() for p in pairs}
    figures["redis_commands_added"] = {name: _total(by_name) for name, by_name in added.items()}
    figures["redis_commands_differing"] = {
        name: {command: round(more, 3) for command, more in by_name.items() if abs(more) >= 0.01}
        for name, by_name in added.items()
        if by_name is not None
    }
    return figures | {"aims": aims(figures)}


def _total(by_name: dict[str, float] | None) -> float | None:
    return None if by_name is None else round(sum(by_name.values()), 3)


def _recorder(figures: list[float]) -> dict[str, Any]:
    return {
        "recorder_ns_per_event": round(statistics.median(figures), 1),
        "recorder_ns_per_event_range": [round(min(figures), 1), round(max(figures), 1)],
    }


def _redis(times_us: np.ndarray) -> dict[str, Any]:
    return {
        "redis_command_us": round(float(np.median(times_us)), 1),
        "redis_command_us_p99": round(float(np.percentile(times_us, 99)), 1),
    }


# --- with the harness and the plain program ------------------------------------------------------


@dataclass
class Pairs:
    """A variant's drains, by pair: with the harness and the plain program's."""

    choice: Choice
    harness: dict[int, Seen] = field(default_factory=dict)
    plain: dict[int, Seen] = field(default_factory=dict)
    failed: str = ""

    def ratio(self) -> dict[str, Any]:
        """Throughput with the harness over that of the plain program, with its interval."""
        both = self._both()
        found = self._ratio({n: (self.harness[n].per_s, self.plain[n].per_s) for n in both})
        if found["ratio"] is not None:
            found |= {
                "harness_per_s": round(statistics.median(self.harness[n].per_s for n in both), 1),
                "plain_per_s": round(statistics.median(self.plain[n].per_s for n in both), 1),
                "polls": min(seen.polls for n in both for seen in (self.harness[n], self.plain[n])),
            }
        return found

    def cpu_ratio(self) -> dict[str, Any]:
        """The same of what a CPU second does: CPU per task of the plain program over ours."""
        both = self._both()
        found = self._ratio({n: (self.plain[n].cpu_ms, self.harness[n].cpu_ms) for n in both})
        if found["ratio"] is not None:
            found |= {
                "harness_ms": round(statistics.median(self.harness[n].cpu_ms for n in both), 4),
                "plain_ms": round(statistics.median(self.plain[n].cpu_ms for n in both), 4),
            }
        return found

    def _both(self) -> list[int]:
        return sorted(self.harness.keys() & self.plain.keys())

    def _ratio(self, pairs: dict[int, tuple[float, float]]) -> dict[str, Any]:
        blocks = _two_by_two(pairs)
        found = paired_ratio(
            {n: above for n, (above, _) in blocks.items()},
            {n: below for n, (_, below) in blocks.items()},
        )
        if self.failed or found is None:
            return {"ratio": None, "low": None, "high": None, "pairs": 0, "failed": self.failed}
        return {
            "ratio": round(found.value, 4),
            "low": None if found.low is None else round(found.low, 4),
            "high": None if found.high is None else round(found.high, 4),
            "pairs": len(pairs),
        }

    def commands_added(self) -> dict[str, float] | None:
        """Redis commands per task that only come with the harness, by name: median over pairs."""
        both = self._both()
        if self.failed or not both:
            return None
        sides = [(self.harness[n].commands, self.plain[n].commands) for n in both]
        names = sorted({name for pair in sides for side in pair for name in side})
        return {
            name: statistics.median(a.get(name, 0.0) - b.get(name, 0.0) for a, b in sides)
            for name in names
        }


def _two_by_two(pairs: dict[int, tuple[float, float]]) -> dict[int, tuple[float, float]]:
    """Two pairs as one, by geometric means: in them each arm has been the first once.

    The first of two drains can be the faster one by far, whichever arm it is. A last pair without
    a partner is left out, unless it is the only one.
    """
    numbers = sorted(pairs)
    whole = range(0, len(numbers) - 1, 2)
    blocks = [numbers[at : at + 2] for at in whole] or [numbers[:1]]
    return {
        number: (
            statistics.geometric_mean([pairs[n][0] for n in block]),
            statistics.geometric_mean([pairs[n][1] for n in block]),
        )
        for number, block in enumerate(blocks, 1)
        if block
    }


def _compare(choice: Choice, env: Environment, where: Place, repeats: int, tell: Tell) -> Pairs:
    """Drain in pairs, A B B A A B ...: what drifts meets both arms alike."""
    pairs = Pairs(choice)
    reason = choice.variant.unsupported_reason() or _no_plain(choice)
    if reason is not None:
        pairs.failed = reason
        return pairs
    try:
        for pair in range(1, repeats + 1):
            arms = [("harness", with_harness, pairs.harness), ("plain", plain, pairs.plain)]
            for name, arm, into in arms if pair % 2 else reversed(arms):
                seen = arm(_lease(choice, pair), env, where)
                into[pair] = seen
                tell(
                    f"{choice.name} pair {pair} of {repeats}, {name}: {seen.per_s:.0f}/s, "
                    f"{seen.cpu_ms:.2f} CPU ms a task"
                )
    except (LeaseFailed, TrialTimeout, TooFewPolls) as error:
        pairs.failed = str(error)
        tell(f"{choice.name}: {error}")
    return pairs


def _no_plain(choice: Choice) -> str | None:
    """Why there is no plain program of the same thing to compare with."""
    if choice.variant.named:
        return "a plain program has no options: leave them out"
    if not (choice.backend.folder / PLAIN / "send.py").is_file():
        return f"backends/{choice.backend.folder.name}/{PLAIN} has no program to compare with"
    return None


def _lease(choice: Choice, pair: int) -> LeasePlan:
    """One drain of ``add``, as a profile with this one cell would plan it."""
    scenario = all_scenarios()["add"]
    params = {parameter.name: parameter.default for parameter in scenario.parameters}
    cell = Cell(
        choice=choice,
        scenario=scenario,
        load="drain",
        concurrency=CONCURRENCY,
        params=params,
        tasks=max(MIN_TASKS, math.ceil(choice.variant.nominal_rate(CONCURRENCY) * DRAIN_S)),
        for_s=None,
        rounds=1,
        seed=SEED,
        timeout_s=TIMEOUT_S,
    )
    plan = LeasePlan(choice, CONCURRENCY, pair, settings=dict(scenario.settings(params)))
    plan.trials.append(TrialPlan(pair, pair, cell))
    return plan


# --- folders ------------------------------------------------------------------------------------


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """A folder in ``out``, gone after; ``out`` too, if it was made for this."""
    made = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="doctor-", dir=out))
    try:
        yield folder
    finally:
        discard_tree(folder)
        if made and not any(out.iterdir()):
            out.rmdir()


def _fresh(folder: Path, name: str) -> Path:
    """A new folder of this name."""
    path = folder / name
    path.mkdir()
    return path
