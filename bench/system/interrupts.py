"""Every way of being told to stop, as one KeyboardInterrupt."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

_installed = False
_holding = False
_late: list[int] = []


@contextlib.contextmanager
def one_interrupt() -> Iterator[None]:
    """Make every way of being told to stop a KeyboardInterrupt, once.

    Cleaning up takes a second or two; pressing Ctrl-C again must not cut it short. Python drops
    what is raised while it runs a ``__del__``: then it is raised again a moment later. Inside
    another one it does nothing: the outermost decides until when once is enough. What the caller
    has let us ignore stays ignored, as ``nohup`` and a script's ``&`` mean it; only SIGTERM always
    stops.
    """
    global _installed
    if _installed:
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        for name in names:
            signal.signal(name, signal.SIG_IGN)
        if not asked:
            with contextlib.suppress(OSError):  # not sys.stderr: it may be in the middle of a write
                os.write(2, b"\nstopping: workers, producer and server are being ended\n")
        asked.append(number)
        if _holding:
            _late.append(number)
        else:
            raise KeyboardInterrupt

    def dropped(problem: sys.UnraisableHookArgs) -> None:
        if problem.exc_type is KeyboardInterrupt:
            signal.signal(signal.SIGINT, interrupt)
            threading.Timer(0.05, _thread.interrupt_main).start()
        else:
            hook(problem)

    asked: list[int] = []
    names = [signal.SIGINT, signal.SIGTERM]
    names += [getattr(signal, name) for name in ("SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    names = [n for n in names if n == signal.SIGTERM or signal.getsignal(n) != signal.SIG_IGN]
    before = {name: signal.signal(name, interrupt) for name in names}
    hook, sys.unraisablehook = sys.unraisablehook, dropped
    _installed = True
    try:
        yield
    finally:
        _installed = False
        sys.unraisablehook = hook
        for name, handler in before.items():
            signal.signal(name, handler)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Within :func:`one_interrupt`: what tells to stop in here is raised at the end of it.

    For a few steps that are only whole together, the last of them such that the end is tidied up.
    """
    global _holding
    _late.clear()
    _holding = True
    try:
        yield
    finally:
        _holding = False
    if _late:
        _late.clear()
        raise KeyboardInterrupt
