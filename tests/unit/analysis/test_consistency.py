from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.errors import RunFolderError
from bench.record.store import RunFolder
from bench.report.model import load_report, tables_of

KEPT = Path(__file__).parents[2] / "golden" / "schema-1"
REFERENCE = Path(__file__).parents[3] / "results" / "reference"


@pytest.fixture
def run(tmp_path):
    """A run whose tables are all that is left."""
    run = RunFolder(Path(shutil.copytree(KEPT, tmp_path / "run")))
    shutil.rmtree(run.leases, ignore_errors=True)
    return run


@pytest.mark.parametrize("path", [KEPT, REFERENCE], ids=str)
def test_whole_tables_pass(path):
    assert len(tables_of(RunFolder(path)).summary)


@pytest.mark.parametrize("name", ["rounds", "summary", "verdicts"])
@pytest.mark.parametrize("kept", [0.0, 0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("whole_lines", [False, True])
def test_a_table_that_was_cut_off_is_told(run, name, kept, whole_lines):
    if name == "verdicts" and whole_lines and kept > 0.5:
        pytest.skip("of the last cell some checks are left, and nothing says how many there were")
    path = run.path / f"{name}.csv"
    text = path.read_text(encoding="utf-8")
    left = text[: int(len(text) * kept)]
    if whole_lines:
        left = left[: left.rfind("\n") + 1] or text[: text.index("\n") + 1]
    path.write_text(left, encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"restore it from a copy|cannot read the tables"):
        load_report(run)


def test_which_table_it_is_and_what_to_do_is_told(run):
    path = run.path / "summary.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-2]), encoding="utf-8")
    with pytest.raises(RunFolderError) as caught:
        load_report(run)
    assert str(caught.value) == (
        f"{path} is damaged: it lacks 2 values that rounds.csv has: restore it from a copy; if the "
        f"run's events are there, 'bench report {run.path}' makes it anew"
    )
