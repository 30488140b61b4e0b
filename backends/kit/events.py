"""The format of a recorded event: 24 bytes, little endian, written and read in one place.

``t_ns`` (int64, ``time.perf_counter_ns``), ``task_id`` (int64, ``trial << 32 | sequence``),
``kind`` (int8 and three bytes of padding), ``value`` (int32).
"""

from __future__ import annotations

import struct

RECORD = struct.Struct("<qqb3xi")

START = 1  #: a worker begins an attempt
END = 2  #: the attempt returned; value: its result
FAIL = 3  #: the attempt raised
SEND = 4  #: the producer is about to enqueue
SENT = 5  #: the enqueue call returned
RESULT = 6  #: the caller holds the result; value: the result
FAILURE = 7  #: the caller was told that the task failed for good
NO_RESULT = 8  #: the caller was told nothing in time
REFUSED = 9  #: the enqueue call raised
SCHEDULED = 10  #: when an open load means to send the task: the event's time is that intention
TOLD = 11  #: something was raised in a task that goes on nevertheless: see backends.kit.probing
REQUEST = 16  #: the fake Bot API received a message
DELIVERED = 17  #: it accepted the message; value: HTTP status
REJECTED = 18  #: it injected a fault; value: HTTP status, 0 a reset, -1 a timeout

#: Stands for a result that is neither a 32-bit integer nor a text.
ODD_VALUE = -(2**31)


def as_value(result: object) -> int:
    """``result`` as an event's value: an integer as it is, of a text the length."""
    if isinstance(result, str):
        return len(result)
    if isinstance(result, int) and -(2**31) < result < 2**31:
        return int(result)
    return ODD_VALUE


def task_id(trial: int, sequence: int) -> int:
    """The id of a trial's task number ``sequence``."""
    return trial << 32 | sequence
