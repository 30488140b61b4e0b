"""A proposed fix of the stall of Celery's blocking consumer loop, applied to kombu at import.

``docs/findings/consumer-stall.md`` has what goes wrong, and the same as a patch of kombu's source.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from functools import wraps

from celery.worker.consumer import Consumer
from kombu.transport.redis import MultiChannelPoller, QoS
from kombu.utils.eventio import READ


class _Waker:
    """A socket that becomes readable when another thread says so.

    ``select()`` on Windows takes sockets only: a pipe would not do.
    """

    def __init__(self):
        self.reader, self.writer = socket.socketpair()
        self.reader.setblocking(False)
        self.writer.setblocking(False)

    def fileno(self):
        return self.reader.fileno()

    def wake(self):
        with suppress(OSError):  # it is closed, or full of what will wake
            self.writer.send(b"\0")

    def drain(self):
        with suppress(OSError):
            self.reader.recv(4096)

    def close(self):
        self.reader.close()
        self.writer.close()


class _WakingPoller:
    """The poller that it is given; woken, it lets BRPOP be sent and goes on waiting."""

    def __init__(self, poller, cycle):
        self.inner = poller
        self.waker = _Waker()
        self._cycle = cycle
        poller.register(self.waker.fileno(), READ)

    def register(self, fd, events):
        return self.inner.register(fd, events)

    def unregister(self, fd):
        return self.inner.unregister(fd)

    def poll(self, timeout):
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if until is None else max(until - time.monotonic(), 0)
            events = self.inner.poll(left) or ()
            others = [event for event in events if event[0] != self.waker.fileno()]
            if len(others) == len(events):
                return others
            self.waker.drain()
            if others:
                return others
            self._cycle.on_poll_start()

    def close(self):
        with suppress(KeyError, OSError, ValueError):
            self.inner.unregister(self.waker.fileno())
        self.waker.close()


def install():
    """Make every acknowledgement that gives credit back wake a consumer that waits for credit.

    Raises:
        RuntimeError: this Celery does not acknowledge at once.
    """
    if not hasattr(Consumer, "call_soon_ack"):
        raise RuntimeError(
            "the option wake needs Celery 5.7: earlier versions keep an acknowledgement until the "
            "consumer's wait is over"
        )
    _wake_on(QoS, "ack")
    _wake_on(QoS, "reject")
    _poll_with_a_waker()


def _wake_on(qos, name):
    original = getattr(qos, name)

    @wraps(original)
    def returning(self, *args, **kwargs):
        found = original(self, *args, **kwargs)
        cycle = getattr(self.channel.connection, "cycle", None)
        if cycle is not None and cycle.starved:
            cycle.starved = False  # one is enough: the consumer sets it before it looks again
            if isinstance(cycle.poller, _WakingPoller):
                cycle.poller.waker.wake()
        return found

    setattr(qos, name, returning)


def _poll_with_a_waker():
    get, close = MultiChannelPoller.get, MultiChannelPoller.close
    on_poll_start = MultiChannelPoller.on_poll_start

    @wraps(get)
    def getting(self, callback, timeout=None):
        # An event loop has a poller and a waker of its own, and does not come here.
        if not isinstance(self.poller, _WakingPoller):
            self.poller = _WakingPoller(self.poller, self)
        return get(self, callback, timeout=timeout)

    @wraps(on_poll_start)
    def looking(self):
        # Set before the look: credit that returns after it wakes the poll that follows.
        self.starved = True
        on_poll_start(self)
        self.starved = any(
            channel.active_queues and not channel.qos.can_consume() for channel in self._channels
        )

    @wraps(close)
    def closing(self):
        close(self)
        if isinstance(self.poller, _WakingPoller):
            self.poller.close()
            self.poller = self.poller.inner

    MultiChannelPoller.starved = False
    MultiChannelPoller.get = getting
    MultiChannelPoller.on_poll_start = looking
    MultiChannelPoller.close = closing
