from __future__ import annotations

import os
import signal
import sys

import pytest

from bench.system.interrupts import one_interrupt

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
