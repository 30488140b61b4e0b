"""A Redis URL: what of it may be shown, and whether redis-py takes it apart as it was meant."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from bench.errors import UsageError

#: redis-py also takes the password as an argument of the URL.
_PASSWORD_ARGUMENT = re.compile(r"(?<=[?&]password=)[^&#]+")
#: Arguments that redis-py knows and a run cannot do with: replies are read as bytes.
_NOT_HERE = re.compile(r"[?&](decode_responses)=")
ENCODE = "special characters of a password are %-encoded"


def mask_url(url: str) -> str:
    """``url`` with its password replaced by ``***``; nothing else, where that is in doubt."""
    if _in_doubt(url):
        return "***"
    shown = _PASSWORD_ARGUMENT.sub("***", url)
    parts = urlsplit(shown)
    if parts.password is None:
        return shown if "@" not in shown else "***"
    user, _, host = parts.netloc.rpartition("@")
    return shown.replace(f"{user}@{host}", f"{user.split(':', 1)[0]}:***@{host}", 1)


def _in_doubt(url: str) -> bool:
    """Whether a password may have a ``/``, ``?`` or ``#`` in it, which ends what names the host."""
    rest = _PASSWORD_ARGUMENT.sub("", url)
    if "@" not in url and rest == url:
        return False
    try:
        parts = urlsplit(rest)
        _ = parts.port
    except ValueError:
        return True
    return not parts.hostname or bool(parts.fragment) or "@" in f"{parts.path}{parts.query}"


def secrets_of(url: str) -> tuple[str, ...]:
    """The spellings of the URL's password that must not be shown, longest first."""
    spellings: set[str] = set()
    for password in (_password(url), *_PASSWORD_ARGUMENT.findall(url)):
        if password:
            plain = unquote(password)
            spellings |= {password, plain, quote(plain, safe="")}
    return tuple(sorted(spellings, key=len, reverse=True))


def _password(url: str) -> str | None:
    try:
        return urlsplit(url).password
    except ValueError:
        return None


def check_url(url: str) -> None:
    """Make sure that a URL is one, and says what it seems to say.

    Raises:
        UsageError: another scheme, special characters that are not %-encoded, or a database that
            is no number.
    """
    shown = mask_url(url)
    scheme = url.split("://", 1)[0] if "://" in url else ""
    if scheme not in ("redis", "rediss"):
        raise UsageError(
            f"not a Redis URL: {shown!r}: expected redis://[:password@]host[:port][/db]"
        )
    if _in_doubt(url):
        raise UsageError(f"not a Redis URL: {shown!r}: {ENCODE}")
    database = url.partition("?")[0].partition("://")[2].rpartition("@")[2].partition("/")[2]
    if database and not database.isdecimal():  # redis-py would take 0 without a word
        raise UsageError(f"not a Redis URL: {shown!r}: {database!r} is no database's number")
    if unfit := _NOT_HERE.search(url):
        raise UsageError(f"not a Redis URL for a run: {shown!r}: leave {unfit[1]} out")
