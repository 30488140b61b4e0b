"""What ``bench run --dry-run`` shows of a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli.app import run_cli
from bench.errors import EXIT_OK, EXIT_USAGE

HEAD = 'variants = ["arq"]\nbaseline = "arq"\nbaseline_windows = "arq"\nconcurrency = [2]\n'
ADD = '[[cells]]\nscenario = "add"\nload = '


@pytest.fixture
def shown(tmp_path: Path, capsys):
    """What is shown of a profile with these cells, without its leading spaces."""

    def shown(*cells: str, rounds: int = 1) -> list[str]:
        path = tmp_path / "mine.toml"
        body = "".join(ADD + cell.replace("; ", "\n") + "\n" for cell in cells)
        path.write_text(f"rounds = {rounds}\n{HEAD}{body}", encoding="utf-8")
        assert run_cli(["run", str(path), "--dry-run"]) == EXIT_OK
        return [line.strip() for line in capsys.readouterr().out.splitlines()]

    return shown


def test_one_of_each_is_told_as_one(shown):
    lines = shown('"drain"; tasks = 1')
    assert lines == [
        "round 1: arq c=2",
        "add drain 1 task service_s=0.0",
        "1 trial in 1 lease, about 0 min",
    ]


def test_what_is_sized_by_time_or_by_a_drain_shows_its_time(shown):
    lines = shown(
        '"drain"; tasks = 20',
        '"open"; for_s = 0.5; offered = [0.8]; rate_per_s = [50]',
        '"saturation"; for_s = 0.2',
        '"idle"; for_s = 3',
        '"closed"; for_s = 1.5',
        '"backlog"; for_s = 1; backlog = [70]',
    )
    assert {" ".join(line.split(" service_s")[0].split()) for line in lines[:-1]} == {
        "round 1: arq c=2",
        "add drain 20 tasks",
        "add open 0.5 s",
        "add open 25 tasks",
        "add saturation 6 steps of 0.2 s",
        "add idle 3 s",
        "add closed 1.5 s",
        "add backlog 70 tasks",
    }
    assert lines[-1].startswith("7 trials in 2 leases, ")


def test_the_leases_of_a_twin_are_told_from_the_others(shown):
    lines = shown('"drain"; tasks = 20', rounds=3)
    leases = sorted(line for line in lines if line.startswith("round"))
    assert leases == [
        f"round {number}: arq{twin} c=2" for number in (1, 2, 3) for twin in (" (A/A)", "")
    ]


def test_what_cannot_be_measured_is_one_line(tmp_path: Path, capsys):
    path = tmp_path / "mine.toml"
    path.write_text(f'{HEAD}{ADD}"idle"\nfor_s = 61\n', encoding="utf-8")
    assert run_cli(["run", str(path), "--dry-run"]) == EXIT_USAGE
    assert capsys.readouterr().err == (
        "bench: the profile mine: arq c=2 add idle takes 61 s (for_s), longer than "
        "trial_timeout_s = 60: lower for_s or raise trial_timeout_s\n"
    )


def test_the_time_of_probes_is_told_apart(tmp_path: Path, capsys):
    path = tmp_path / "mine.toml"
    path.write_text(
        f'abilities = true\nrounds = 1\n{HEAD}{ADD}"drain"\ntasks = 1\n', encoding="utf-8"
    )
    assert run_cli(["run", str(path), "--dry-run"]) == EXIT_OK
    assert capsys.readouterr().out.endswith("about 0 min, and 0 of probes\n")
