"""A lease that stops in the background is waited for, hurried, and heard."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from bench.run import leaving
from bench.run.leaving import Leaving


class Slow:
    """A lease whose stop takes until it is let go."""

    id, namespace = "r1-0001", "tqb-test-1"

    def __init__(self, raises=None):
        self.let_go = threading.Event()
        self.stopped = False
        self.raises = raises

    def __exit__(self, kind, error, trace):
        assert kind is None, "gracefully"
        assert self.let_go.wait(60)
        self.stopped = True
        if self.raises:
            raise self.raises


def test_waiting_ends_when_it_is_gone():
    lease = Slow()
    on_its_way = Leaving(lease)
    assert not lease.stopped
    lease.let_go.set()
    on_its_way.wait()
    assert lease.stopped


def test_what_its_stop_raised_is_raised_once():
    lease = Slow(OSError("no space left"))
    on_its_way = Leaving(lease)
    lease.let_go.set()
    with pytest.raises(OSError, match="no space left"):
        on_its_way.wait()
    on_its_way.wait()


def test_in_a_hurry_its_processes_are_killed_and_nothing_is_raised(monkeypatch):
    lease = Slow(RuntimeError("killed"))
    killed = []

    def kill(namespace, variable):
        killed.append((namespace, variable))
        lease.let_go.set()

    monkeypatch.setattr(leaving, "processes", SimpleNamespace(kill_carrying=kill))
    Leaving(lease).hurry()
    assert killed == [("tqb-test-1", "BENCH_NAMESPACE")]
    assert lease.stopped
