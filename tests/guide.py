"""The files that a walk-through in ``docs/`` shows.

Every code block with ``title="PATH"`` is a file: it replaces what ``bench new`` wrote. With
``append`` it is added to the end of a file. With ``excerpt`` it is part of a file that is there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from support import ROOT

BLOCK = re.compile(
    r'^(?P<indent> *)```\w+ title="(?P<path>[^"]+)"(?: (?P<how>append|excerpt))?\n'
    r"(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    path: str
    how: str
    text: str


def blocks(document: str, *kinds: str) -> list[Block]:
    """The blocks that replace a file, or those of other kinds."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    found = [
        Block(m["path"], m["how"] or "", re.sub(f"^{m['indent']}", "", m["text"], flags=re.M))
        for m in BLOCK.finditer(text)
    ]
    return [block for block in found if block.how in (kinds or ("", "append"))]


def carry_out(block: Block, copy: Path) -> None:
    path = copy / block.path
    if block.how == "append":
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n\n{block.text}")
    else:
        path.write_text(block.text, encoding="utf-8")
