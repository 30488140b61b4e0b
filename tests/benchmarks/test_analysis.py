"""How long it takes from recorded events to ``summary.csv``, and how much memory.

``pytest tests/benchmarks --benchmark-only``; ten million attempts are 1.2 GB of raw files in the
system's temporary folder. Aim: at most 15 s and 2 GB for those, on two cores.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from recorded import write_run
from support import ROOT, bench_environment

from bench.record.events import PARQUET, read_raw, write_parquet
from bench.record.store import RunFolder

SIZES = [pytest.param(10**n, id=f"1e{n}") for n in (5, 6, 7)]


@pytest.fixture(scope="module", params=SIZES)
def recorded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, RunFolder]]:
    """So many attempts as raw events, gone when they have been measured."""
    path = tmp_path_factory.mktemp("recorded") / "run"
    yield request.param, write_run(path, request.param)
    shutil.rmtree(path)


@pytest.mark.parametrize("source", ["raw", "parquet"])
def test_events_to_summary(
    benchmark: BenchmarkFixture, recorded: tuple[int, RunFolder], source: str
) -> None:
    """``raw``: as after a run, Parquet files included; ``parquet``: as ``bench report`` does."""
    attempts, run = recorded
    benchmark.group = f"events to summary.csv, from {source}"
    peaks: list[float] = []

    def ready() -> tuple[tuple[subprocess.Popen[str]], dict[str, object]]:
        """A process that has imported everything and waits; its start-up is not timed."""
        (run.path / "summary.csv").unlink(missing_ok=True)
        return (start(run.path, source),), {}

    def measured(process: subprocess.Popen[str]) -> None:
        out, _ = process.communicate("go\n")
        assert process.returncode == 0
        peaks.append(float(out))

    benchmark.pedantic(measured, setup=ready, rounds=3)
    benchmark.extra_info["attempts"] = attempts
    benchmark.extra_info["peak_mb"] = round(max(peaks))
    assert (run.path / "summary.csv").is_file()


def test_raw_to_parquet(benchmark: BenchmarkFixture, recorded: tuple[int, RunFolder]) -> None:
    """What the end of one lease waits for."""
    attempts, run = recorded
    lease = sorted(run.leases.iterdir())[0]
    benchmark.group = "one lease's raw events to Parquet"
    benchmark(lambda: write_parquet(read_raw(lease / "events"), lease / PARQUET))
    benchmark.extra_info["attempts"] = min(attempts, 100_000)


def start(path: Path, source: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("analyse_run.py")), str(path), source],
        cwd=ROOT,
        env=bench_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    return process
