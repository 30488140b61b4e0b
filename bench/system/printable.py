"""Text of others, as it may be shown: a queue's reason or a typed path can hold control sequences,
which would move a terminal's cursor, change its title or colour what is not theirs."""

from __future__ import annotations

import re
import unicodedata

#: ANSI: ESC [ parameters letter; ESC ] ... BEL or ESC \\; both also with their one-character start.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
)
_KEPT = "\n\t"


def printable(text: str) -> str:
    """``text`` without terminal sequences; every control character left is written ``\\x1b``.

    So are those that reverse the order of what follows.
    """
    if text.isprintable():
        return text
    return "".join(map(_shown, _SEQUENCES.sub("", text)))


def _shown(character: str) -> str:
    controls = unicodedata.category(character) in ("Cc", "Cf") and character not in _KEPT
    return character.encode("unicode_escape").decode() if controls else character


def shortened(text: object, longest: int = 120) -> str:
    """A path or a name in a message: printable, and cut in the middle where it is very long."""
    told = printable(str(text))
    return told if len(told) <= longest else f"{told[: longest // 2]}...{told[-longest // 2 :]}"
