"""Commands that a message tells to type, in the way of this system's shell."""

from __future__ import annotations

from collections.abc import Iterable

from bench.system.platforms import here


def quoted(word: object) -> str:
    """A path or another word as one word of a command."""
    return here.quoted(str(word))


def joined(words: Iterable[object]) -> str:
    """A command that has these words."""
    return " ".join(map(quoted, words))
