"""The consoles that commands write to."""

from __future__ import annotations

from rich.console import Console


class PlainConsole(Console):
    """Lets a closed pipe end the command quietly, as ``bench ... | head`` expects."""

    def on_broken_pipe(self) -> None:
        """Leave it to the command line, which knows that nothing is wrong."""
        raise BrokenPipeError
