from __future__ import annotations

import os
import signal
import sys

import pytest

from bench.system.interrupts import held_back, one_interrupt

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


def test_an_inner_one_does_not_let_a_second_interrupt_through():
    cleaned = False
    before = signal.getsignal(signal.SIGTERM)
    with one_interrupt():
        with pytest.raises(KeyboardInterrupt), one_interrupt():
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        cleaned = True
    assert cleaned
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_can_be_used_again():
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), one_interrupt():
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_what_the_caller_has_ignored_stays_ignored(name):
    """``nohup bench run``, and ``bench run &`` in a script."""
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with one_interrupt():
            os.kill(os.getpid(), number)
            assert signal.getsignal(number) == signal.SIG_IGN
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_request_to_end_is_never_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), one_interrupt():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_is_held_back_is_raised_when_its_steps_are_done():
    done = []

    def told_amid():
        with held_back():
            signal.raise_signal(signal.SIGINT)
            done.append("last step")

    with one_interrupt():
        with pytest.raises(KeyboardInterrupt):
            told_amid()
        with held_back():
            done.append("nothing left of it")
    assert done == ["last step", "nothing left of it"]
