from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest

from bench.cli.app import app
from bench.cli.lazy import COMMANDS, LazyCommand

HEAVY = ("numpy", "pandas", "pyarrow", "psutil", "redis")


def imported_by(*arguments: str) -> set[str]:
    """Top-level modules that a command imports until it ends."""
    code = (
        f"import sys; sys.argv = {['bench', *arguments]!r}\n"
        "from bench.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.stderr.write(' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--version",), ()])
def test_what_only_tells_imports_nothing_heavy(arguments):
    found = imported_by(*arguments)
    assert "typer" in found
    assert found & set(HEAVY) == set()


def test_a_commands_own_help_is_loaded_with_it():
    assert "pandas" in imported_by("run", "--help")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not add up what children took")
def test_help_comes_at_once():
    """In less than half of the time that pandas alone takes to be imported, which every command
    that analyses waits for. In seconds it differs by machine, and by what else that one does: even
    in processor time, which is counted for what waits for memory or for its core's other thread."""
    alone, pandas = ("-m", "bench", "--help"), ("-c", "import pandas")
    took = {words: min(_processor_s(*words) for _ in range(2)) for words in (alone, pandas)}
    assert 0 < took[alone] < took[pandas] / 2


def _processor_s(*words: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, *words], capture_output=True, check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


@pytest.mark.parametrize(("name", "module", "summary"), COMMANDS)
def test_the_list_says_what_the_commands_say_of_themselves(name, module, summary):
    command = LazyCommand(name, module, summary).load()
    first, *_ = inspect.cleandoc(command.help).split("\n\n")
    assert " ".join(first.split()).startswith(summary)


def test_every_module_with_a_command_is_listed():
    from bench.system.places import ROOT

    have = {
        path.stem
        for path in (ROOT / "bench" / "cli").glob("*.py")
        if "\napp = typer.Typer(" in path.read_text(encoding="utf-8") and path.stem != "app"
    }
    assert have == {module for _, module, _ in COMMANDS}
    assert app.info.name == "bench"
