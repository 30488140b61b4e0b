"""Commands that are refused: one line that says what to do, exit code 2, nothing left behind."""

from __future__ import annotations

from pathlib import Path

from support import Done, run_folders
from warm import refuse

#: A cell that would run at once.
ADD = 'scenario = "add"; load = "drain"; tasks = 20'


def one_line(done: Done, *told: str) -> str:
    """The only line of output, which must be on stderr and have every one of these texts."""
    assert done.code == 2, done
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("bench: ")
    assert "Traceback" not in line
    for text in told:
        assert text in line
    return line


def nothing_left(folder: Path) -> None:
    """No run folder, and no temporary one."""
    assert run_folders(folder / "results") == []
    assert list(folder.glob("**/tqb-*")) == []


def run_in(folder: Path, *arguments: str | Path, **variables: str) -> Done:
    """``bench run``, to be refused, with a temporary folder of its own."""
    (folder / "tmp").mkdir(exist_ok=True)
    return refuse(
        *("run", "--out", folder / "results", *arguments),
        cwd=folder,
        TMPDIR=str(folder / "tmp"),
        **variables,
    )
