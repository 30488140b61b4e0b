from __future__ import annotations

import math

import numpy as np
import pytest

from bench.measure.contrasts import Contrasts, spans_one
from bench.measure.statistics import Estimate, estimate, paired_ratio


def by_round(*values):
    return dict(enumerate(values, 1))


TABLE = {
    "a": by_round(100.0, 110.0, 105.0),
    "b": by_round(210.0, 200.0, 220.0),
    "c": by_round(50.0, 51.0, 52.0),
    "d": by_round(90.0, 99.0, 90.0),
    "e": by_round(400.0, 420.0, 380.0),
}


def half_width(found):
    return math.log(found.high / found.low) / 2


def test_a_ratio_is_the_geometric_mean_of_the_rounds():
    found = Contrasts(TABLE).ratio("b", "a")
    assert found.value == pytest.approx((210 / 100 * 200 / 110 * 220 / 105) ** (1 / 3))
    assert found.rounds == 3
    assert found.low < found.value < found.high


def test_any_pair_can_be_asked_for_and_swapping_gives_the_reciprocal():
    table = Contrasts(TABLE)
    there, back = table.ratio("d", "c"), table.ratio("c", "d")
    for one, other in ((there.value, back.value), (there.low, back.high), (there.high, back.low)):
        assert one == pytest.approx(1 / other)


def test_a_row_against_itself_is_one_without_width():
    assert Contrasts(TABLE).ratio("a", "a") == Estimate(1.0, 1.0, 1.0, 3)


def test_of_few_rows_a_ratio_knows_its_own_rounds_only():
    few = {name: TABLE[name] for name in "abcd"}
    assert Contrasts(few).ratio("b", "a") == paired_ratio(few["b"], few["a"])
    assert Contrasts(few).estimate("a") == estimate(list(few["a"].values()))
    assert Contrasts(TABLE).ratio("b", "a") != paired_ratio(few["b"], few["a"])


def test_a_row_that_lacks_a_round_is_on_its_own():
    table = TABLE | {"f": by_round(10.0, 12.0)}
    assert Contrasts(table).ratio("f", "a") == paired_ratio(table["f"], table["a"])
    assert Contrasts(table).ratio("b", "a") == Contrasts(TABLE).ratio("b", "a")


def test_rows_with_added_rounds_rely_on_their_own_once_these_know_more():
    rng = np.random.default_rng(7)
    many = {name: by_round(*np.exp(rng.normal(0, 0.1, 20))) for name in ("m", "n")}
    table = Contrasts(TABLE | many)
    assert table.ratio("m", "n") == paired_ratio(many["m"], many["n"])
    assert table.ratio("m", "a").rounds == 3
    assert half_width(table.ratio("b", "a")) == pytest.approx(
        half_width(Contrasts(TABLE).ratio("b", "a")), rel=0.5
    )


@pytest.mark.parametrize("values", [(0.0, 1.0, 2.0), (-1.0, 1.0, 2.0)])
def test_what_has_no_logarithm_has_no_ratio_and_spoils_no_other(values):
    table = Contrasts(TABLE | {"f": by_round(*values)})
    assert table.ratio("f", "a") is None
    assert table.ratio("b", "a") == Contrasts(TABLE).ratio("b", "a")
    assert table.estimate("f") == estimate(list(values))


def test_who_is_not_there_has_no_ratio():
    assert Contrasts(TABLE).ratio("x", "a") is None
    assert Contrasts({}).ratio("x", "a") is None
    assert not Contrasts(TABLE).differ("x", "a")


def test_a_difference_is_an_interval_that_leaves_out_one():
    table = Contrasts(TABLE)
    assert table.differ("b", "a")
    assert not table.differ("a", "a")
    assert spans_one(Estimate(1.0, None, None, 2))
    assert not spans_one(Estimate(2.0, 1.5, 3.0, 3))


def test_the_other_rows_tell_how_far_a_row_scatters():
    """Three rounds that agree by chance are not believed where all others scatter."""
    rng = np.random.default_rng(4)
    wild = {f"v{n}": by_round(*np.exp(rng.normal(0, 0.3, 3))) for n in range(8)}
    lucky = {"a": by_round(1.0, 1.001, 1.0), "b": by_round(1.1, 1.1, 1.101)}
    alone = paired_ratio(lucky["b"], lucky["a"])
    among = Contrasts(wild | lucky).ratio("b", "a")
    assert half_width(among) > 20 * half_width(alone)
    assert half_width(Contrasts(wild | lucky).estimate("a")) > 0.1


# --- the baseline's twin ----------------------------------------------------------------------

TWINS = {"a (A/A)": "a"}
WITH_TWIN = TABLE | {"a (A/A)": by_round(121.0, 110.0, 105.0)}


def test_the_baseline_and_its_twin_are_one_variant_measured_twice():
    found = Contrasts(WITH_TWIN, TWINS).ratio("b", "a")
    base = [math.sqrt(100 * 121), 110.0, 105.0]
    assert found.value == pytest.approx(math.prod(np.array([210, 200, 220]) / base) ** (1 / 3))
    swapped = Contrasts(WITH_TWIN, TWINS).ratio("a", "b")
    assert swapped.value == pytest.approx(1 / found.value)
    assert half_width(swapped) == pytest.approx(half_width(found))


def test_two_measurements_know_more_than_one():
    rng = np.random.default_rng(6)
    table = {f"v{n}": by_round(*np.exp(rng.normal(0, 0.1, 4))) for n in range(9)}
    table["v0 (A/A)"] = by_round(*np.exp(rng.normal(0, 0.1, 4)))
    one = Contrasts(table).ratio("v1", "v0")
    two = Contrasts(table, {"v0 (A/A)": "v0"}).ratio("v1", "v0")
    assert half_width(two) < 0.95 * half_width(one)


def test_a_twin_is_held_against_the_baseline_alone():
    found = Contrasts(WITH_TWIN, TWINS).ratio("a (A/A)", "a")
    assert found.value == pytest.approx(1.21 ** (1 / 3))
    assert Contrasts(WITH_TWIN, TWINS).ratio("a", "a") == Estimate(1.0, 1.0, 1.0, 3)


def test_a_twin_that_lacks_a_round_is_left_out():
    short = TABLE | {"a (A/A)": by_round(121.0, 110.0)}
    assert Contrasts(short, TWINS).ratio("b", "a") == Contrasts(short).ratio("b", "a")


# --- how often the interval holds the truth ---------------------------------------------------

ROWS = 10
TABLES = 150


def outliers(rng, shape):
    return 0.05 * np.where(rng.random(shape) < 0.1, 10, 1) * rng.normal(size=shape)


def exponential(rng, shape):
    return np.log(1 + 0.1 * rng.exponential(size=shape))


def two_states(rng, shape):
    return 0.02 * rng.normal(size=shape) + 0.2 * np.sign(rng.random(shape) - 0.5)


NOISES = {
    "normal, 5%": lambda rng, shape: np.log(np.clip(rng.normal(1, 0.05, shape), 0.5, None)),
    "lognormal, 10%": lambda rng, shape: 0.1 * rng.normal(size=shape),
    "lognormal, 50%": lambda rng, shape: 0.5 * rng.normal(size=shape),
    "Laplace": lambda rng, shape: 0.1 * rng.laplace(size=shape),
    "one in ten scatters ten times as much": outliers,
    "exponential on top of a fixed time": exponential,
    "uniform": lambda rng, shape: np.log(rng.uniform(0.8, 1.2, shape)),
    "two states": two_states,
}
#: How much each row scatters in comparison, and how much all of them follow the machine.
KINDS = {
    "alike": (np.ones(ROWS), 0.1),
    # Some queues wait and hardly scatter: their time is that of a poll, not of the processor.
    "unlike": (np.array([1, 1, 1, 1.3, 1.3, 0.3, 1, 0.8, 0.02, 1]), 0.1),
}
PAIRS = [("v0", "v1"), ("v2", "v0"), ("v3", "v9"), ("v5", "v0"), ("v8", "v0")]


def coverage(noise, kind, rounds):
    """Of ratios whose truth is 1: noise of both sides has the same middle."""
    scale, common = KINDS[kind]
    rng = np.random.default_rng([20261125, rounds])
    held = asked = 0
    for _ in range(TABLES):
        values = NOISES[noise](rng, (ROWS, rounds))
        middle = NOISES[noise](np.random.default_rng(1), (1, 20_000)).mean()
        logs = (values - middle) * scale[:, None] + common * rng.normal(size=(1, rounds))
        table = Contrasts({f"v{n}": by_round(*np.exp(row)) for n, row in enumerate(logs)})
        for pair in PAIRS:
            held += not table.differ(*pair)
            asked += 1
    return held / asked


@pytest.mark.parametrize("rounds", [3, 6])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", NOISES)
def test_the_interval_of_a_ratio_holds_the_truth(noise, kind, rounds):
    """750 ratios each: the standard error of a share of 95% is 0.8%. The worst case are two states
    with nothing between in rows that scatter unlike: there a percent is missing."""
    least = 0.92 if (noise, kind) == ("two states", "unlike") else 0.93
    assert coverage(noise, kind, rounds) >= least
