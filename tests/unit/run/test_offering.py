"""When the broker counts as empty after a trial, and when it is given up."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from bench.run import offer as offers
from bench.run.offer import NotEmpty, Offer
from bench.workers.producer import TrialTimeout


def offer(left, within_s=60.0):
    """An offer on a broker that holds what ``left`` tells, one after the other."""
    lease = SimpleNamespace(pending=lambda: next(left), check_alive=lambda: None)
    return Offer(lease, None, time.monotonic() + within_s)


def forever(*first):
    yield from first
    while True:
        yield first[-1]


class Clock:
    """Time passes in sleep alone."""

    def __init__(self):
        self.now_s = 0.0

    def monotonic(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(offers, "time", Clock())
    return offers.time


def test_what_becomes_less_is_waited_for(monkeypatch, clock):
    monkeypatch.setattr(offers, "SETTLE_S", 0.5)
    slow = offer(iter([9, 9, *(n for left in range(8, 0, -1) for n in (left, left)), 0]))
    slow.prove_empty()
    assert slow.left == 0
    assert clock.now_s > 2 * offers.SETTLE_S


def test_what_stays_is_given_up_and_counted(monkeypatch, clock):
    monkeypatch.setattr(offers, "SETTLE_S", 0.05)
    stays = offer(forever(9, 6, 7, 6))
    with pytest.raises(NotEmpty, match=r"6 tasks are still in the broker, and for 0\.05 s none"):
        stays.prove_empty()
    assert stays.left == 6


def test_at_the_deadline_it_is_over_anyway():
    late = offer(forever(3), within_s=0.02)
    with pytest.raises(TrialTimeout, match="3 tasks are still in the broker"):
        late.prove_empty()
    assert late.left == 3
