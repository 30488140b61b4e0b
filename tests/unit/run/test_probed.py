"""Which variants of a plan are probed."""

from __future__ import annotations

import pytest

from bench.plan.planner import make_plan
from bench.plan.profile import load_profile
from bench.record.ability_files import write_abilities
from bench.record.store import RunFolder
from bench.run.abilities import about_s, probed_of


@pytest.mark.parametrize(
    ("platform", "first"),
    [
        ("linux", ["celery:solo+winloop", "celery:threads+winloop"]),
        ("win32", ["celery:solo", "celery:threads"]),
    ],
)
def test_the_windows_profiles_variants_are_probed_on_every_platform(platform, first):
    """By the names that they have there: an option that is how things are is none."""
    plan = make_plan(load_profile("windows"), platform=platform)
    names = [choice.name for choice in probed_of(plan)]
    assert names[:2] == first
    assert len(names) == len(plan.profile.variants)


def test_what_has_been_probed_takes_no_more_time(tmp_path):
    plan = make_plan(load_profile("abilities"), variants=["celery"], platform="linux")
    begun = RunFolder(tmp_path)
    assert about_s(plan, begun) == about_s(plan) > 0
    for choice in probed_of(plan)[:-1]:
        write_abilities(tmp_path, choice.name, "1.0", {})
    assert about_s(plan, begun) == pytest.approx(about_s(plan) / 5)
