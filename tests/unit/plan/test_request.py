"""What a request keeps, and what its platform makes of the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.plan.profile import Profile
from bench.plan.request import Request, request_of

PROFILE = Profile.model_validate(
    {
        "variants": ["celery:prefork", "celery:solo"],
        "rounds": 1,
        "concurrency": [1],
        "cells": [{"scenario": "add", "load": "drain", "tasks": 10}],
    }
)


def test_under_wine_the_plan_is_that_of_windows():
    plan = Request(PROFILE, platform="wine").plan()
    assert (plan.platform, plan.baseline) == ("win32", PROFILE.baseline_windows)


@pytest.mark.parametrize("platform", [None, "wine"])
def test_a_request_keeps_its_platform(platform):
    wanted = Request(PROFILE, platform=platform)
    assert request_of(wanted.as_data(), Path("run.json")) == wanted


def test_a_request_of_an_earlier_version_is_of_here():
    data = Request(PROFILE).as_data()
    del data["platform"]
    assert request_of(data, Path("run.json")).platform is None
