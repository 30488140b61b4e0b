from __future__ import annotations

import pytest

from bench import errors
from bench.errors import BenchError, UsageError, unknown

KINDS = [
    errors.UsageError,
    errors.RedisError,
    errors.EnvironmentFailed,
    errors.DiskFull,
    errors.RunFolderError,
]


def test_the_exit_codes_are_those_that_are_documented():
    codes = (errors.EXIT_OK, errors.EXIT_FAILED, errors.EXIT_USAGE, errors.EXIT_INTERRUPTED)
    assert codes == (0, 1, 2, 130)


@pytest.mark.parametrize("kind", KINDS)
def test_every_mistake_to_mend_ends_with_2(kind):
    assert issubclass(kind, BenchError)
    assert kind("told").exit_code == 2
    assert str(kind("told")) == "told"


def test_no_kind_of_error_is_another_in_disguise():
    for kind in KINDS:
        assert [other for other in KINDS if issubclass(kind, other)] == [kind]


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("ad", "add"),
        ("chian", "chain"),
        ("notifications", "notification"),
        ("flakey", "flaky"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(wanted, nearest):
    error = unknown("scenario", wanted, ["notification", "flaky", "chain", "add"])
    assert isinstance(error, UsageError)
    assert str(error) == (
        f"unknown scenario '{wanted}': did you mean '{nearest}'? "
        "known are add, chain, flaky, notification"
    )


@pytest.mark.parametrize("wanted", ["", "xyzzy", "12"])
def test_a_name_near_to_none_is_told_with_those_that_are_known(wanted):
    error = unknown("profile", wanted, {"quick": 1, "long": 2})
    assert str(error) == f"unknown profile '{wanted}': known are long, quick"
