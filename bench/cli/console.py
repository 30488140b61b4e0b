"""The consoles that commands write to."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from bench.system.printable import printable


class PlainConsole(Console):
    """Lets a closed pipe end the command quietly, as ``bench ... | head`` expects; shows no
    control sequence that somebody else has put into a text."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich's, of texts what is printable."""
        super().print(*(printable(o) if isinstance(o, str) else o for o in objects), **options)

    def on_broken_pipe(self) -> None:
        """Leave it to the command line, which knows that nothing is wrong."""
        raise BrokenPipeError
