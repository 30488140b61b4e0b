"""Commands that are imported when they are called: ``bench --help`` needs none of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

#: Name, module of this package, and the first sentence of what the command's own help says.
COMMANDS = (
    (
        "compare",
        "compare",
        "Show how B does against A: values, ratio B/A with its interval, verdicts that differ.",
    ),
    (
        "doctor",
        "doctor",
        "Show what is missing here or would spoil a measurement, and what to do about it.",
    ),
    ("env", "env", "List, make, lock or remove the backends' environments."),
    ("list", "list_", "List backends (with their variants), scenarios or profiles."),
    (
        "micro",
        "micro",
        "Time single calls: enqueue, enqueue with a payload, serialise, round trip.",
    ),
    ("new", "new", "Write the skeleton of a new backend or scenario."),
    (
        "report",
        "report",
        "Compute RUN's tables from its recorded events, write its report.md and print the report.",
    ),
    ("run", "run", "Measure the cells of PROFILE and write a run folder with its reports."),
)


class LazyCommand(TyperCommand):
    """Stands for a command of another module until it is called."""

    def __init__(self, name: str, module: str, summary: str) -> None:
        super().__init__(name, callback=None, help=summary)
        self._module = module

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        """The context of the command itself, which is what is then invoked."""
        return self.load().make_context(info_name, args, parent, **extra)

    def load(self) -> Any:
        """The command itself, out of its module's ``app``."""
        return typer.main.get_command(import_module(f"bench.cli.{self._module}").app)


class LazyGroup(TyperGroup):
    """All commands, none of them imported."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, module, summary in COMMANDS:
            self.add_command(LazyCommand(name, module, summary))
