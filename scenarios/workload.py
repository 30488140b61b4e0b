"""The task bodies as plain functions, shared by every backend.

Guest code: it runs inside each backend's own environment, so it imports the standard library
alone. ``httpx`` is imported on first use by the notification, so that the other tasks do not
carry its weight.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import random
import time
from typing import Any

#: Answers of the Bot API after which sending again makes sense.
RETRYABLE_STATUS = frozenset({429, 500, 502, 503, 504})


class TemporaryError(Exception):
    """The attempt failed in a way that another attempt may not: a backend retries on this."""


def add(x: int, y: int, service_s: float = 0.0) -> int:
    """Return ``x + y``, after ``service_s`` seconds of waiting as for I/O."""
    if service_s:
        time.sleep(service_s)
    return x + y


async def add_async(x: int, y: int, service_s: float = 0.0) -> int:
    """:func:`add` for workers that run an event loop."""
    if service_s:
        await asyncio.sleep(service_s)
    return x + y


def flaky(attempt: int, fails: int) -> int:
    """Fail the first ``fails`` attempts, then return the number of the attempt that succeeded.

    Args:
        attempt: number of this attempt, from 1.
        fails: how many attempts fail.

    Raises:
        TemporaryError: on the attempts 1 to ``fails``.
    """
    if attempt <= fails:
        raise TemporaryError(f"attempt {attempt} of a task that fails {fails} times")
    return attempt


#: 64 kB that hardly compress. Repeated they do not either for zlib, which looks back 32 kB: a queue
#: that compresses must not be given a text that vanishes.
_BLOCK = base64.b64encode(random.Random(0).randbytes(48 * 1024)).decode()


@functools.cache
def text_of(length: int) -> str:
    """A text of ``length`` ASCII characters, always the same one."""
    return (_BLOCK * (length // len(_BLOCK) + 1))[:length]


def payload(data: str, result_bytes: int) -> str:
    """Be given ``data`` and return a text of ``result_bytes`` characters. Nothing is computed."""
    return text_of(result_bytes)


def compute(loops: int) -> int:
    """Keep one core busy in pure Python, without a pause; the same work everywhere, however long
    it takes there."""
    found = 1
    for _ in range(loops):
        found = (found * 1103515245 + 12345) % 2147483648
    return found


@functools.cache
def http_client(timeout_s: float) -> Any:
    """The process's one synchronous HTTP client (connections are kept between tasks)."""
    import httpx

    return httpx.Client(timeout=timeout_s)


@functools.cache
def async_http_client(timeout_s: float) -> Any:
    """The process's one asynchronous HTTP client."""
    import httpx

    return httpx.AsyncClient(timeout=timeout_s)


def notification(url: str, text: str, timeout_s: float) -> int:
    """Send ``text`` with the Bot API's ``sendMessage``; return the message's id.

    Args:
        url: base address of the bot, ``http://host:port/bot<token>``.
        text: the message.
        timeout_s: longest wait for an answer.

    Raises:
        TemporaryError: 429, 5xx, a timeout or a broken connection.
        ValueError: the API refused the message for good.
    """
    import httpx

    try:
        response = http_client(timeout_s).post(f"{url}/sendMessage", json=_message(text))
    except httpx.TransportError as error:
        raise TemporaryError(f"{type(error).__name__}: {error}") from error
    return _message_id(response)


async def notification_async(url: str, text: str, timeout_s: float) -> int:
    """:func:`notification` for workers that run an event loop."""
    import httpx

    try:
        response = await async_http_client(timeout_s).post(
            f"{url}/sendMessage", json=_message(text)
        )
    except httpx.TransportError as error:
        raise TemporaryError(f"{type(error).__name__}: {error}") from error
    return _message_id(response)


def _message(text: str) -> dict[str, Any]:
    return {"chat_id": 1, "text": text}


def _message_id(response: Any) -> int:
    if response.status_code in RETRYABLE_STATUS:
        raise TemporaryError(f"the Bot API answered {response.status_code}")
    answer = response.json()
    if not answer.get("ok"):
        raise ValueError(f"the Bot API refused the message: {answer.get('description')}")
    return int(answer["result"]["message_id"])
