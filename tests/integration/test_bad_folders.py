"""Where results or environments cannot be written: one line, and what was finished is kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from refused import ADD, nothing_left, one_line, run_in
from support import (
    Done,
    bench_process,
    run_bench,
    run_folders,
    wait_until,
    write_profile,
)
from warm import refuse

from bench.system import processes

pytestmark = pytest.mark.integration


def test_out_is_a_file(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "results").write_text("mine", encoding="utf-8")
    one_line(run_in(tmp_path, tiny), "cannot write results to", "is not a folder")
    assert (tmp_path / "results").read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="root and Windows may write everywhere",
)
def test_out_cannot_be_written(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "results").mkdir(mode=0o500)
    one_line(run_in(tmp_path, tiny), "cannot write results to", "no permission")


def test_report_of_what_is_not_a_run(tmp_path: Path) -> None:
    for path, told in (
        (tmp_path / "nowhere", "is not a folder"),
        (tmp_path, "it has no run.json"),
        (Path(__file__), "is not a folder"),
    ):
        one_line(refuse("report", path, cwd=tmp_path), told)
    (tmp_path / "run.json").write_text("{half", encoding="utf-8")
    one_line(refuse("report", tmp_path, cwd=tmp_path), "cannot read")
    (tmp_path / "run.json").write_text('{"schema_version": 99}', encoding="utf-8")
    one_line(refuse("report", tmp_path, cwd=tmp_path), "schema_version 99", "update")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Gives a folder on a file system of that many MB."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def small_disk(megabytes: int) -> Path:
        if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
            pytest.skip("mounting a small file system needs Linux and root")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"cannot mount a small file system: {done.stderr.strip()}")
        return folder

    yield small_disk
    if folder.is_mount():
        subprocess.run(["umount", folder], check=True)


def test_too_little_space_at_the_start(
    tmp_path: Path, tiny: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(10)
    done = run_bench("run", tiny, "--out", disk / "results", cwd=tmp_path)
    one_line(done, "only 10 MB are free", "choose another --out")
    assert list(disk.iterdir()) == []


def test_disk_full_in_the_middle(
    tmp_path: Path,
    small_disk: Callable[[int], Path],
    server_program: Path,
    made_environments: Callable[..., None],
) -> None:
    made_environments("fake")
    disk = small_disk(64)
    profile = write_profile(tmp_path / "long.toml", ADD, rounds=20)
    results = disk / "results"
    (tmp_path / "tmp").mkdir()
    with bench_process(
        *("run", profile, "--out", results), cwd=tmp_path, TMPDIR=str(tmp_path / "tmp")
    ) as bench:
        token = bench.token()
        finished = wait_until(lambda: list(results.glob("*/trials/*.json")), "a trial is finished")
        with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4096))
        done = bench.end()
    assert done.code == 2, done.all
    assert "Traceback" not in done.all
    *_, last = done.err.splitlines()
    (run,) = run_folders(results)
    assert last == (
        f"bench: no space left at {run.path}: finished trials are kept; free some space and go on "
        f"with: bench run --resume {run.path}"
    )
    assert done.out == ""
    assert processes.carrying(token) == []
    assert processes.working_in(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert all(path.exists() for path in finished)
    assert run.read_trials()
    # With space again, the reports can still be made.
    (disk / "filler").unlink()
    assert run_bench("report", run.path, cwd=tmp_path).code in (0, 1)
    assert (run.path / "report.md").is_file()
    left = run_bench("run", "--resume", run.path, "--dry-run", cwd=tmp_path)
    assert left.out.splitlines()[-1].startswith(f"{20 - len(run.finished())} trials in ")


# --- environments ---------------------------------------------------------------------------


def _environment_failed(done: Done, *told: str) -> None:
    """One line says what is being made, which takes a while; the other that it failed."""
    assert (done.code, done.out) == (2, ""), done
    making, line = done.err.splitlines()
    assert making == "making environments (once): celery"
    assert "Traceback" not in line
    for text in ("bench: cannot make", *told):
        assert text in line


def test_cache_is_a_file(tmp_path: Path, tiny: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("", encoding="utf-8")
    done = run_in(tmp_path, tiny, "-b", "celery:solo", TASK_QUEUE_BENCH_CACHE=str(cache))
    _environment_failed(done, str(cache), "set TASK_QUEUE_BENCH_CACHE to a folder")
    nothing_left(tmp_path)


@pytest.mark.parametrize(
    "variables",
    [
        {"UV_OFFLINE": "1"},
        {"UV_INDEX_URL": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"},
    ],
    ids=["offline", "index-unreachable"],
)
def test_packages_cannot_be_had(tmp_path: Path, tiny: Path, variables: dict[str, str]) -> None:
    cache = tmp_path / "cache"
    done = run_in(
        tmp_path,
        *(tiny, "-b", "celery:solo"),
        TASK_QUEUE_BENCH_CACHE=str(cache),
        UV_CACHE_DIR=str(tmp_path / "uv"),
        **variables,
    )
    _environment_failed(done, "the environment of celery: uv pip", "check the version, the network")
    # Nothing half-made is taken for an environment later.
    assert list((cache / "environments").iterdir()) == []
    nothing_left(tmp_path)
