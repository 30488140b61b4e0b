"""Consoles and pipes whose encoding has not every character, as Windows' have."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import PATIENCE_S, ROOT, bench_environment

pytestmark = pytest.mark.integration

#: A small one: what takes long to read tells no more of consoles.
RUN = ROOT / "tests" / "golden" / "schema-1"
CYRILLIC = "Мои прогоны"


def bench(encoding: str, cwd: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=cwd,
        env=bench_environment(PYTHONIOENCODING=encoding, COLUMNS="120"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE_S,
    )
    told = done.stdout.decode(encoding)
    assert "Traceback" not in told, told
    return done.returncode, told


@pytest.mark.parametrize("encoding", ["ascii", pytest.param("cp866", marks=pytest.mark.slow)])
def test_everything_can_be_printed(encoding: str, tmp_path: Path) -> None:
    code, told = bench(encoding, tmp_path, "list", "backends")
    assert (code, "celery:threads" in told) == (0, True)
    code, told = bench(encoding, tmp_path, "run", "quick", "--dry-run")
    assert (code, "celery:threads" in told) == (0, True)
    code, told = bench(encoding, tmp_path, "--help")
    assert (code, "Show what is missing here" in told) == (0, True)


@pytest.mark.parametrize("encoding", ["cp866", pytest.param("cp1251", marks=pytest.mark.slow)])
def test_a_report_and_a_mistake_with_a_path_of_other_letters(encoding: str, tmp_path: Path) -> None:
    run = tmp_path / CYRILLIC / "run 1"
    shutil.copytree(RUN, run)
    code, told = bench(encoding, tmp_path, "report", str(run))
    assert (code, "celery:solo" in told) == (0, True)
    assert "celery:solo" in (run / "report.md").read_text(encoding="utf-8")
    code, told = bench(encoding, tmp_path, "report", f"{CYRILLIC}/нет")
    assert code == 2
    assert "is not a folder" in told
    assert len(told.strip().splitlines()) == 1
    assert f"{CYRILLIC}/нет" in told
