"""Output that is closed, full, piped or no longer read."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support import (
    ROOT,
    bench_environment,
    bench_process,
    run_bench,
    run_folders,
)

pytestmark = pytest.mark.integration


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("form", ["terminal", "md", "csv"])
def test_output_that_cannot_be_written(tmp_path: Path, form: str) -> None:
    run = shutil.copytree(ROOT / "tests" / "golden" / "schema-1", tmp_path / "run")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bench", "report", run, "--format", form],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=bench_environment(),
        )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line == "bench: cannot write the output: No space left on device: send it somewhere else"


def _in_a_shell(arguments: str, streams: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m bench {arguments} {streams}'],
        cwd=folder,
        env=bench_environment(),
        capture_output=True,
        text=True,
    )


@functools.cache
def _as_usual(arguments: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        return _in_a_shell(arguments, "", Path(folder))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [("list profiles", 0), ("--help", 0), ("nothing", 2), ("new backend 9", 2)],
)
def test_a_standard_stream_that_is_closed(
    tmp_path: Path, arguments: str, code: int, closed: str
) -> None:
    """Whoever closes it wants to hear nothing; what is left open says what it would say."""
    done, usual = _in_a_shell(arguments, closed, tmp_path), _as_usual(arguments)
    assert done.returncode == usual.returncode == code, done.stderr
    assert done.stdout == ("" if ">&-" in closed.split() else usual.stdout)
    assert done.stderr == ("" if "2>&-" in closed else usual.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_a_run_whose_output_is_closed(tmp_path: Path, tiny: Path, server_program: Path) -> None:
    """No log or socket gets the number of a stream, and nothing is written where it should not."""
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m bench run "{tiny}" <&- >&- 2>&-'],
        cwd=tmp_path,
        env=bench_environment(TMPDIR=str(tmp_path / "tmp")),
    )
    assert done.returncode == 0
    (run,) = run_folders(tmp_path / "results")
    assert run.read_run()["status"] == "complete"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_piped_output_has_no_control_codes(
    tmp_path: Path, tiny: Path, server_program: Path
) -> None:
    done = run_bench("run", tiny, cwd=tmp_path)
    assert done.code == 0, done.all
    assert "\x1b" not in done.all
    assert "\r" not in done.all
    assert done.out.strip()


def test_reader_that_goes_away_is_no_error(
    tmp_path: Path, tiny: Path, server_program: Path
) -> None:
    """``bench run | head -0``"""
    with bench_process("run", tiny, "--out", tmp_path / "results", cwd=tmp_path) as bench:
        assert bench.process.stdout is not None
        bench.process.stdout.close()
        bench.process.stdout = None
        done = bench.end()
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    assert "Exception ignored" not in done.err
    (run,) = run_folders(tmp_path / "results")
    assert (run.path / "report.md").is_file()
