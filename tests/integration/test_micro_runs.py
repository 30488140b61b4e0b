"""``bench micro`` really run: its files, its table, its failures, its end."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support import bench_process, run_bench, run_folders, wait_until
from warm import refuse

from bench.record.micro_files import FOLDER, MERGED, read_micro, read_problems
from bench.system import processes

pytestmark = pytest.mark.integration

WITHOUT_WORKER = ["enqueue", "enqueue 1 kB", "enqueue 10 kB", "enqueue 100 kB", "serialise"]
GROUPS = [*WITHOUT_WORKER, "round trip"]

#: Making an environment for the first time takes its time too.
WITHIN_S = 240.0


def test_a_library_is_measured_and_pytest_benchmark_reads_the_file(
    tmp_path: Path, server_program: Path
) -> None:
    arguments = ("-b", "dramatiq", "--max-time", "0.05", "--out", tmp_path / "results")
    done = run_bench("micro", *arguments, cwd=tmp_path, within_s=WITHIN_S)
    assert done.code == 0, done.all
    (run,) = run_folders(tmp_path / "results")
    figures = read_micro(run.path)
    assert list(figures["group"]) == GROUPS
    assert set(figures["variant"]) == {"dramatiq"}
    assert (figures["min_us"] > 0).all()
    assert (figures["median_us"] >= figures["min_us"]).all()
    assert figures.set_index("group")["rounds"]["enqueue"] == 50
    facts = run.read_run()
    assert (facts["status"], facts["profile"]) == ("complete", "micro")
    assert "pytest-benchmark" in facts["backends"]["dramatiq"]["versions"]
    merged = run.path / FOLDER / MERGED
    assert "node" not in json.loads(merged.read_text())["machine_info"]
    assert f'"{socket.gethostname()}"' not in merged.read_text()
    told = [line.strip().split("  ")[0] for line in done.out.splitlines()]
    assert told[1 : 1 + len(GROUPS)] == GROUPS
    assert max(map(len, done.out.splitlines()[: 1 + len(GROUPS)])) <= 80
    compared = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", "--group-by=group", merged],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert compared.returncode == 0, compared.stderr
    for group in GROUPS:
        assert f"benchmark '{group}': 1 tests" in compared.stdout
    report = (run.path / "report.md").read_text(encoding="utf-8")
    assert "## Microbenchmarks\n" in report
    assert "baseline" not in report
    assert f"report: {run.path / 'report.md'}" in done.out
    assert run_bench("report", run.path, cwd=tmp_path).code == 0


@pytest.mark.slow
def test_what_fails_is_a_result_and_a_run_can_be_added_to(
    tmp_path: Path, server_program: Path
) -> None:
    brief = ("--max-time", "0.02")
    first = ("-b", "fake:dies", "-b", "fake:leaky-log", "--out", tmp_path / "results")
    done = run_bench("micro", *first, *brief, cwd=tmp_path, within_s=WITHIN_S)
    assert done.code == 1, done.all
    reason = "the worker ended by itself with exit code 1"
    assert f"fake:dies: {reason}\n" in done.out
    (run,) = run_folders(tmp_path / "results")
    assert read_problems(run.path) == {"fake:dies": reason}
    report = (run.path / "report.md").read_text(encoding="utf-8")
    told = "microbenchmarks missing of 1 variant. The measurement is not complete."
    assert told in report
    assert f"- fake:dies: microbenchmarks are missing: {reason}\n" in report
    log = (run.path / FOLDER / "fake-leaky-log.log").read_text()
    assert "redis://:***@" in log
    assert re.findall(r":[0-9a-f]{32}@", log) == []
    before = run.run_json.read_bytes()
    more = ("-b", "fake:refuses", "--run", run.path)
    done = run_bench("micro", *more, *brief, cwd=tmp_path, within_s=WITHIN_S)
    assert done.code == 1, done.all
    assert "the queue is full" in done.out
    assert run.run_json.read_bytes() == before
    measured = read_micro(run.path).groupby("variant")["group"].apply(list).to_dict()
    assert measured["fake:leaky-log"] == [group for group in GROUPS if group != "serialise"]
    assert "round trip" not in measured["fake:dies"]
    assert set(read_problems(run.path)) == {"fake:dies", "fake:refuses"}


@pytest.mark.slow
def test_an_interrupt_keeps_what_has_ended_and_leaves_nothing_behind(
    tmp_path: Path, server_program: Path
) -> None:
    temporary = tmp_path / "tmp"  # others use the machine's own meanwhile
    temporary.mkdir()
    arguments = ("-b", "fake:honest", "-b", "dramatiq", "--max-time", "0.02")
    results = tmp_path / "results"
    kept = f"*/{FOLDER}/fake-honest.json"
    with bench_process(
        *("micro", *arguments, "--out", results), cwd=tmp_path, TMPDIR=str(temporary)
    ) as bench:
        wait_until(lambda: list(results.glob(kept)), "one variant has ended", WITHIN_S)
        wait_until(lambda: bench.members("producer"), "the other is being measured")
        token = bench.token()
        (run,) = run_folders(results)
        other = run_bench("micro", "-b", "fake:honest", "--run", run.path, cwd=tmp_path)
        assert other.code == 2, other.all
        assert f"process {bench.process.pid} is at work on {run.path}" in other.err
        bench.signal(signal.SIGINT)
        done = bench.end()
    assert done.code == 130, done.all
    assert f"1 of 2 variants are kept in {run.path}; go on with: bench micro --run" in done.err
    assert (run.path / "report.md").is_file()
    assert list(run.path.glob(".lock*")) == []
    assert "Traceback" not in done.all
    (run,) = run_folders(results)
    assert set(read_micro(run.path)["variant"]) == {"fake:honest"}
    assert run.read_run()["status"] == "interrupted"
    assert processes.carrying(token) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-b", "dramatik"), "did you mean 'dramatiq'?"),
        (("--run", "nowhere"), "nowhere is not a folder"),
        (("--redis-url", "127.0.0.1:6379"), "not a Redis URL"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = refuse("micro", *arguments, cwd=tmp_path)
    assert done.code == 2
    (line,) = [row for row in done.err.splitlines() if row.startswith("bench: ")]
    assert told in line
    assert "Traceback" not in done.all
    assert list(tmp_path.iterdir()) == []
