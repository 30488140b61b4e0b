"""Every bound probe of every backend, with real workers: it tells yes or no, and what is stated.

What a library can do beside running tasks changes from release to release. A failure here is news:
look at what it did, and change the ``can`` of the backend's probe and docs/abilities.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backends import Choice, all_backends, choose
from backends.abilities import ABILITIES
from backends.spec import Backend
from bench.measure.abilities import answered
from bench.record.store import RunFolder
from bench.run import probes
from bench.run.abilities import Prober
from bench.run.probes import KINDS
from bench.server.redis_server import Server
from bench.workers.environments import Environment

#: This one alone needs the processors for itself.
BURNS = "cpu_in_parallel"
#: Times that a variant is asked for a yes.
ASKED = 3

# Workers that are looked at for a second or two: others of these tests would be in the way.
pytestmark = pytest.mark.xdist_group("abilities")

BOUND = [
    (choice, probe.ability)
    for name in all_backends()
    for choice in choose(name)
    for probe in choice.backend.abilities
    if choice.variant.unsupported_reason() is None
]


def ids(cases: list[tuple[Choice, str]]) -> list[str]:
    return [f"{choice.name}-{ability}" for choice, ability in cases]


QUIET = [case for case in BOUND if case[1] != BURNS]
BURNING = [case for case in BOUND if case[1] == BURNS]


@pytest.fixture(scope="session")
def patience() -> Iterator[None]:
    """A probe is asked while a task works, which must not be over by then where all goes slowly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "PATIENCE_S", 60.0)
        patch.setattr(probes, "WORKS_S", 5.0)
        patch.setattr(probes, "BEYOND_S", 2.0)
        patch.setattr(probes, "ARRIVED_S", 0.6)
        yield


@pytest.fixture(scope="session")
def prober(
    patience: None,
    server: Server,
    token: str,
    tmp_path_factory: pytest.TempPathFactory,
    environment_of: Callable[[Backend], Environment],
) -> Callable[..., Prober]:
    """Gives one that probes these abilities of all variants."""

    def prober(*wanted: str) -> Prober:
        folder = tmp_path_factory.mktemp("abilities")
        environments = {choice.name: environment_of(choice.backend) for choice, _ in BOUND}
        return Prober(
            RunFolder(folder), server, environments, wanted=wanted, token=token, scratch=folder
        )

    return prober


@pytest.fixture(scope="session")
def probed(prober: Callable[..., Prober]) -> dict[str, dict[str, Any]]:
    """By variant the facts of its probes: nearly all of their time is waiting, so some at once."""
    choices = {choice.name: choice for choice, _ in QUIET}
    one = prober(*(name for name in ABILITIES if name != BURNS))
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(choices, pool.map(one.probe, choices.values()), strict=True))


def check(choice: Choice, ability: str, facts: dict[str, Any]) -> None:
    """A probe tells yes or no, and what the backend states."""
    answer = answered(ability, facts)
    if (reason := choice.variant.broken_reason()) and answer.evidence == reason:
        pytest.skip(reason)
    if sys.platform == "win32" and KINDS[ability].ends and answer.can is None:
        pytest.skip(answer.evidence)  # no signals reach a worker there
    assert answer.can is not None, answer.evidence
    assert stated(choice, ability) in (None, answer.can), answer.evidence


def stated(choice: Choice, ability: str) -> bool | None:
    """What the backend says of it on this platform; ``None`` where it says nothing."""
    (probe,) = (probe for probe in choice.backend.abilities if probe.ability == ability)
    return probe.expected(choice.variant.name, sys.platform)


@pytest.mark.parametrize(("choice", "ability"), QUIET, ids=ids(QUIET))
def test_a_probe_shows_what_is_stated(probed, choice, ability):
    check(choice, ability, probed[choice.name][ability])


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize(("choice", "ability"), BURNING, ids=ids(BURNING))
def test_a_probe_of_processors_shows_what_is_stated(prober, choice, ability):
    """Strangers can keep two tasks from computing at once, and never make them: one yes is enough,
    and a no that is not stated is asked for again."""
    for _ in range(ASKED):
        facts = prober(ability).probe(choice)[ability]
        answer = answered(ability, facts)
        if answer.can or not stated(choice, ability):
            break
    if answer.can is None and "others computed too" in answer.evidence:
        pytest.skip(f"the machine is too busy to tell: {answer.evidence}")
    check(choice, ability, facts)


def test_every_ability_has_a_probe_and_bound_ones_are_abilities():
    assert KINDS.keys() == ABILITIES.keys()
    assert {ability for _, ability in BOUND} <= ABILITIES.keys()


def test_an_error_that_is_known_is_explained_and_no_other():
    celery = all_backends()["celery"]
    assert "launcher of the virtual environment" in celery.explained("x\nOSError: [WinError 6] y")
    assert "launcher of the virtual environment" in celery.explained("[WinError 5] Access denied")
    old = "ValueError: not enough values to unpack (expected 3, got 0)"
    assert "FORKED_BY_MULTIPROCESSING=1" in celery.explained(old)
    assert celery.explained("[WinError 2] not found") == ""
    assert all_backends()["arq"].explained(old) == ""
