from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from bench.measure.contrasts import Contrasts
from bench.measure.statistics import Estimate
from bench.measure.tiers import Standing, standing


class Told(Contrasts):
    """Ratios as they are given, and their reciprocals."""

    def __init__(self, ratios: dict[tuple[str, str], tuple[float, float, float]]) -> None:
        self._ratios = {pair: Estimate(*ends, 3) for pair, ends in ratios.items()}
        for (a, b), (value, low, high) in ratios.items():
            self._ratios[b, a] = Estimate(1 / value, 1 / high, 1 / low, 3)

    def ratio(self, name: str, base: str) -> Estimate | None:
        return self._ratios.get((name, base))


def of_rounds(**values: list[float]) -> Contrasts:
    return Contrasts({name: dict(enumerate(rounds, 1)) for name, rounds in values.items()})


def names(found: Standing) -> list[tuple[str, ...]]:
    return [tier.names for tier in found.tiers]


def test_those_that_cannot_be_told_apart_share_a_tier():
    contrasts = of_rounds(
        a=[100, 110, 105], b=[101, 108, 106], c=[50, 52, 53], d=[51, 53, 52], e=[10, 11, 10.5]
    )
    found = standing(["a", "b", "d", "c", "e"], contrasts, "higher")
    assert names(found) == [("a", "b"), ("d", "c"), ("e",)]
    assert found.untold == ()
    assert found.tiers[0].behind is None
    assert [tier.behind for tier in found.tiers[1:]] == [
        contrasts.ratio("d", "a"),
        contrasts.ratio("e", "a"),
    ]


def test_of_times_the_lower_is_better():
    contrasts = of_rounds(a=[1.0, 1.1, 1.05], b=[9.0, 9.1, 9.05], c=[1.01, 1.1, 1.04])
    found = standing(["a", "c", "b"], contrasts, "lower")
    assert names(found) == [("a", "c"), ("b",)]
    assert found.tiers[1].behind.value == pytest.approx(8.62, rel=0.01)


def test_room_is_what_the_intervals_leave():
    contrasts = Told(
        {("b", "a"): (0.9, 0.5, 1.2), ("c", "a"): (0.95, 0.8, 1.5), ("c", "b"): (1.1, 0.4, 1.3)}
    )
    (tier,) = standing(["a", "c", "b"], contrasts, "higher").tiers
    assert tier.alike
    assert tier.room == pytest.approx(2.5)  # of c and b


def test_a_tier_of_one_has_no_room():
    (tier,) = standing(["a"], of_rounds(a=[1.0, 2.0, 3.0]), "higher").tiers
    assert (tier.names, tier.leader, tier.alike, tier.room) == (("a",), "a", True, 1.0)


# --- not to differ is not transitive -----------------------------------------------------------


def test_an_uncertain_variant_shares_the_first_tier_that_it_may_belong_to():
    """b is better than c by its value, and told from the leader; c is not."""
    contrasts = Told(
        {("b", "a"): (0.8, 0.75, 0.85), ("c", "a"): (0.7, 0.4, 1.1), ("c", "b"): (0.9, 0.5, 1.4)}
    )
    found = standing(["a", "b", "c"], contrasts, "higher")
    assert names(found) == [("a", "c"), ("b",)]


def test_two_that_do_not_differ_from_the_leader_may_differ_from_each_other():
    contrasts = Told(
        {("b", "a"): (0.9, 0.7, 1.1), ("c", "a"): (0.8, 0.6, 1.2), ("c", "b"): (0.85, 0.8, 0.9)}
    )
    (tier,) = standing(["a", "b", "c"], contrasts, "higher").tiers
    assert tier.names == ("a", "b", "c")
    assert not tier.alike
    assert tier.room == pytest.approx(1 / 0.6)  # to the leader: that of b and c is no room


def test_values_and_ratios_need_not_agree_who_is_first():
    """Paired by round, b is better in each, though its median is not."""
    contrasts = Told({("b", "a"): (1.1, 1.05, 1.15)})
    assert names(standing(["a", "b"], contrasts, "higher")) == [("b",), ("a",)]
    assert names(standing(["a", "b"], contrasts, "lower")) == [("a",), ("b",)]


def test_where_each_is_beaten_by_another_values_decide():
    beaten = (0.8, 0.7, 0.9)
    contrasts = Told({("a", "b"): beaten, ("b", "c"): beaten, ("c", "a"): beaten})
    assert names(standing(["a", "b", "c"], contrasts, "higher")) == [("a",), ("c",), ("b",)]


@pytest.mark.parametrize("seed", range(40))
def test_what_the_docstring_promises_holds_for_any_values(seed):
    rng = np.random.default_rng(seed)
    scatters = rng.choice([0.02, 0.1, 0.5], size=7)
    levels = rng.choice([0.0, 0.1, 0.3, 1.0], size=7)
    values = {
        f"v{n}": dict(enumerate(np.exp(level + scatter * rng.standard_normal(4)), 1))
        for n, (level, scatter) in enumerate(zip(levels, scatters, strict=True))
    }
    contrasts = Contrasts(values)
    order = sorted(values, key=lambda name: -float(np.median(list(values[name].values()))))
    found = standing(order, contrasts, "higher")
    assert sorted(name for tier in found.tiers for name in tier.names) == sorted(values)
    for place, tier in enumerate(found.tiers):
        assert not any(contrasts.differ(name, tier.leader) for name in tier.names[1:])
        for other in found.tiers[:place]:
            assert all(contrasts.differ(name, other.leader) for name in tier.names)
            assert all(contrasts.ratio(name, other.leader).value < 1 for name in tier.names)
        pairs = permutations(tier.names, 2)
        assert tier.alike == (not any(contrasts.differ(*pair) for pair in pairs))


# --- few rounds --------------------------------------------------------------------------------


def test_without_rounds_in_common_nothing_is_said_of_a_variant():
    """Neither that it is as good as the first nor that it is worse."""
    contrasts = Contrasts(
        {
            "a": {1: 9.0, 2: 9.1, 3: 9.2},
            "b": {1: 8.9, 2: 9.2},
            "c": {4: 1.0, 5: 1.1, 6: 1.2},
            "d": {1: 3.0, 2: 3.1, 3: 3.2},
        }
    )
    found = standing(["a", "b", "d", "c"], contrasts, "higher")
    assert names(found) == [("a",), ("d",)]
    assert found.untold == ("b", "c")


def test_no_tier_comes_of_two_rounds():
    found = standing(["a", "b"], of_rounds(a=[9.0, 9.1], b=[1.0, 1.1]), "higher")
    assert names(found) == [("a",)]
    assert found.untold == ("b",)


def test_nothing_has_no_tiers():
    assert standing([], Contrasts({}), "higher") == Standing((), ())


def test_equal_rounds_have_room_of_1():
    contrasts = of_rounds(a=[2.0] * 3, b=[2.0] * 3, c=[math.e] * 3)
    first, second = standing(["c", "a", "b"], contrasts, "higher").tiers
    assert first.names == ("c",)
    assert (second.names, second.room) == (("a", "b"), 1.0)
