"""What ``-b`` leaves of a profile: the same of each cell, whoever names the cell's variants."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.plan.planner import Plan, make_plan
from bench.plan.profile import Profile, builtin_profiles, load_profile
from bench.run.abilities import probed_of

SOLO, THREADS = "celery:solo+winloop", "celery:threads+winloop"
DRAIN = {"scenario": "add", "load": "drain", "tasks": 30}
CLOSED = {"scenario": "add", "load": "closed", "for_s": 1.0}


def cells_of(plan: Plan) -> set[tuple[str, str]]:
    """Each cell's variant, and what makes it this cell."""
    return {(c.name, f"{c.label} {sorted(c.params.items())}") for c in plan.cells}


def variants_of(plan: Plan, load: str | None = None) -> set[str]:
    return {cell.choice.name for cell in plan.cells if load in (None, cell.load)}


def narrowed(name: str, *asked: str, platform: str = "linux") -> Plan:
    return make_plan(load_profile(name), variants=list(asked), platform=platform)


def made_of(*variants: str, own: list[str]) -> Profile:
    cells = [DRAIN, CLOSED | {"variants": own}]
    content = {"name": "test", "rounds": 1, "variants": list(variants), "cells": cells}
    return Profile.model_validate(content)


@pytest.mark.parametrize("platform", ["linux", "win32"])
@pytest.mark.parametrize("name", sorted(builtin_profiles()))
def test_what_each_name_of_a_shipped_profile_leaves_is_part_of_it(name, platform):
    """And all names together leave all of it."""
    asked = load_profile(name)
    names = {*asked.variants, *(v for cell in asked.cells for v in cell.variants or ())}
    whole = cells_of(make_plan(asked, platform=platform))
    seen = set()
    for variant in {*names, *(n.split("+")[0] for n in names), *(n.split(":")[0] for n in names)}:
        part = cells_of(make_plan(asked, variants=[variant], platform=platform))
        assert part <= whole, variant
        seen |= part
    assert seen == whole


def test_a_pool_is_that_of_windows_in_every_cell_of_the_windows_profile():
    plan = narrowed("windows", "celery:solo")
    assert variants_of(plan) == {
        SOLO,
        f"{SOLO}+early-ack",
        f"{SOLO}+no-results",
        "celery:solo",  # of the cell that is there to show the loop of other systems
    }
    plain = {(cell.scenario.name, cell.load) for cell in plan.cells if cell.name == "celery:solo"}
    assert plain == {("add", "surge")}
    assert {cell.scenario.name for cell in plan.cells if cell.choice.name == SOLO} == {
        *("add", "compute", "chain", "flaky", "notification")
    }


def test_a_backend_is_its_variants_of_the_profile():
    pools = {SOLO, THREADS, "celery:gevent", "celery:eventlet", "celery:prefork+winloop"}
    plan = narrowed("windows", "celery")
    assert variants_of(plan, "drain") == variants_of(plan, "closed") == pools
    assert variants_of(narrowed("windows", "rq")) == {"rq:simple"}


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_options_that_are_typed_are_these_and_no_others(platform):
    """On Windows, too, where +winloop is no option: it does not stand for all of the pool."""
    for asked in (f"{THREADS}+prefetch-1", THREADS, f"{THREADS}+wake"):
        plan = narrowed("windows", asked, platform=platform)
        native = platform == "win32"
        assert variants_of(plan) == {asked.replace("+winloop", "") if native else asked}


def test_a_version_that_is_not_typed_is_any_of_the_profiles():
    assert variants_of(narrowed("versions", "rq")) == {
        *("rq@2.11.0:simple", "rq@2.12.0:simple", "rq:simple")
    }
    assert len(variants_of(narrowed("versions", THREADS))) == 5
    assert {name.split(":")[0] for name in variants_of(narrowed("versions", "celery@5.3.4"))} == {
        "celery@5.3.4"
    }


def test_what_the_profile_does_not_have_is_run_beside_its_variants():
    """In cells that name none of their own."""
    asked = made_of("dramatiq", own=[SOLO, "arq"])
    plan = make_plan(asked, variants=["rq:fork", "arq@0.25", "dramatiq"], platform="linux")
    assert variants_of(plan, "drain") == {"rq:fork", "arq@0.25", "dramatiq"}
    assert variants_of(plan, "closed") == set()


def test_a_pool_that_only_cells_name_is_not_run_without_their_options_elsewhere():
    plan = make_plan(made_of("dramatiq", own=[SOLO]), variants=["celery:solo"], platform="linux")
    assert variants_of(plan) == {SOLO}
    assert variants_of(plan, "drain") == set()


def test_one_that_does_no_work_is_run_if_somebody_names_it():
    """Here the profile or the command line, but not a backend's name."""
    asked = made_of("celery", own=["celery:threads"])
    for variants, named in ((None, False), (["celery"], False), (["celery:prefork"], True)):
        plan = make_plan(asked, variants=variants, platform="win32")
        assert ("celery:prefork" in plan.selection.named) is named
    assert "celery:prefork" in narrowed("windows", "celery", platform="win32").selection.named


def test_what_is_asked_of_the_abilities_is_probed():
    for asked, probed in (
        ("celery:solo", ["celery:solo"]),
        (f"{THREADS}+prefetch-1", [f"{THREADS}+prefetch-1"]),
        ("celery@5.4.0:threads", ["celery@5.4.0:threads"]),
    ):
        assert [choice.name for choice in probed_of(narrowed("abilities", asked))] == probed
    assert [choice.name for choice in probed_of(narrowed("windows", "celery:solo"))] == [SOLO]
    assert probed_of(narrowed("windows", f"{THREADS}+prefetch-1")) == []


@pytest.mark.parametrize("asked", ["celery:thread", "celery:solo+winlop", "celer"])
def test_an_unknown_name_is_told(asked):
    with pytest.raises(UsageError, match=f"unknown variant '{asked.replace('+', '.')}'"):
        narrowed("windows", asked)
