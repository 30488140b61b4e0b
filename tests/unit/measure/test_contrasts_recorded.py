"""The statistics held against recorded rounds of all variants on a real machine.

``tests/data/rounds`` has the rounds of several runs of ``quick``. Pseudo-runs take a few rounds of
one of them. In one kind a variant's rounds are dealt out to two rows, A and A': the same variant in
both roles, so no difference is to be told; then A is made larger by a known factor. In the other
kind a few rounds must cover what all rounds of the run say.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bench.measure.contrasts import Contrasts
from bench.plan.cells import TWIN

ROUNDS = Path(__file__).resolve().parents[3] / "tests" / "data" / "rounds"
DRAWS = 40
METRICS = ("throughput_tasks_per_s", "round_trip_ms_p50", "latency_ms_p95")

Table = dict[str, dict[int, float]]


@cache
def tables() -> list[tuple[str, Table]]:
    """Metric and table of each cell and run: by variant the values by round, floors left out."""
    found: dict[tuple[str, ...], Table] = defaultdict(lambda: defaultdict(dict))
    for path in sorted(ROUNDS.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = (path.stem, row["metric"], row["load"], row["params"])
                found[key][row["variant"]][int(row["round"])] = float(row["value"])
    return [(key[1], dict(table)) for key, table in found.items() if key[1] in METRICS]


def whole(table: Table, least: int) -> Table:
    """The rows that have all rounds, where these are enough."""
    most = max(len(rounds) for rounds in table.values())
    rows = {name: rounds for name, rounds in table.items() if len(rounds) == most}
    return rows if most >= least else {}


def dealt(metric: str, count: int, factor: float = 1.0) -> Iterator[tuple[str, bool]]:
    """Of each comparison of A with A' the variant, and whether a difference is told.

    The rounds of A and A' are neighbours in time; the other rows have those of A.
    """
    rng = np.random.default_rng([20261125, count])
    for name, table in tables():
        rows = whole(table, 2 * count) if name == metric else {}
        rounds = sorted(next(iter(rows.values()), {}))
        pairs = list(zip(rounds[::2], rounds[1::2], strict=False))
        for variant in rows:
            for _ in range(DRAWS):
                chosen = [pairs[n] for n in rng.permutation(len(pairs))[:count]]
                sides = [pair if rng.random() < 0.5 else pair[::-1] for pair in chosen]
                run = {
                    other: {n: values[first] for n, (first, _) in enumerate(sides)}
                    for other, values in rows.items()
                }
                run["A'"] = {n: rows[variant][second] for n, (_, second) in enumerate(sides)}
                run[variant] = {n: factor * value for n, value in run[variant].items()}
                yield variant, Contrasts(run).differ(variant, "A'")


def told(metric: str, count: int, factor: float = 1.0) -> float:
    return float(np.mean([differs for _, differs in dealt(metric, count, factor)]))


def covered(metric: str, count: int) -> float:
    """How often the interval of a few rounds holds the ratio of all rounds, to the baseline.

    The few are a part of all, and so nearer to them than to the truth: the interval is made as much
    narrower as that makes them (finite population).
    """
    rng = np.random.default_rng([20261126, count])
    held = []
    for name, table in tables():
        rows = whole(table, 2 * count) if name == metric else {}
        rounds = sorted(next(iter(rows.values()), {}))
        (base,) = [row.removesuffix(TWIN) for row in rows if row.endswith(TWIN)] or [None]
        for variant in rows if base else ():
            if variant in (base, f"{base}{TWIN}"):
                continue
            truth = Contrasts(rows).ratio(variant, base)
            for _ in range(DRAWS):
                chosen = rng.permutation(rounds)[:count]
                run = {
                    o: {n: values[r] for n, r in enumerate(chosen)} for o, values in rows.items()
                }
                found = Contrasts(run).ratio(variant, base)
                off = abs(math.log(found.value / truth.value))
                half = math.log(found.high / found.low) / 2
                held.append(off <= half * math.sqrt(1 - count / len(rounds)))
    return float(np.mean(held))


def test_there_are_rounds_enough() -> None:
    assert sum(max(len(rounds) for rounds in t.values()) for m, t in tables() if m == METRICS[0])
    most = [max(len(r) for r in t.values()) for m, t in tables() if m == METRICS[0]]
    assert sum(most) >= 20
    assert max(most) >= 10


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("count", [3, 5])
def test_equal_variants_are_told_apart_in_at_most_one_of_twenty(metric: str, count: int) -> None:
    assert told(metric, count) <= 0.055


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("count", [3, 5])
def test_the_interval_of_a_few_rounds_holds_what_all_say(metric: str, count: int) -> None:
    assert covered(metric, count) >= 0.93


@pytest.mark.parametrize(("count", "least"), [(3, 0.7), (5, 0.8)])
def test_twice_as_much_is_found(count: int, least: float) -> None:
    assert np.mean([told(metric, count, 2.0) for metric in METRICS[:2]]) >= least
