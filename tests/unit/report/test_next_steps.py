from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import SmallRun, thrice

from bench.report.model import load_report
from bench.report.next_steps import next_steps
from bench.system.words import quoted

URL = quoted("redis://***@host:6379/0")


def commands(run: SmallRun) -> list[str]:
    return [step.command for step in next_steps(load_report(run.write()))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_of_a_whole_run_more_rounds_and_the_best_beside_the_baseline(path):
    run = SmallRun(path).cell("slow:base", thrice(1.0)).cell("a", thrice(2.0))
    assert commands(run.cell("b", thrice(3.0))) == [
        f"bench run small --redis-url {URL} --precision 10%",
        f"bench compare slow:base b --run {path}",
    ]


def test_what_was_chosen_is_chosen_again(path):
    run = SmallRun(
        path,
        argv=["run", "-b", "slow", "mine/small.toml", "-s", "add", "--rounds", "9"],
        request={"variants": ["slow"], "scenarios": ["add"], "rounds": 9},
    )
    step, *_ = commands(run.cell("slow:base", thrice(1.0)))
    assert step == "bench run -b slow mine/small.toml -s add --precision 10%"


def test_of_a_run_that_was_resumed_the_command_is_made_of_what_was_asked_for(path):
    run = SmallRun(
        path,
        argv=["run", "--resume", "there"],
        request={"variants": ["slow"], "scenarios": ["add"], "rounds": None},
    )
    step, *_ = commands(run.cell("slow:base", thrice(1.0)))
    assert step == "bench run small -b slow -s add --precision 10%"


def test_a_path_with_spaces_is_one_word(tmp_path):
    run = SmallRun(tmp_path / "a run", status="interrupted").cell("slow:base", [1.0], rounds=3)
    assert commands(run) == [f"bench run --resume {quoted(tmp_path / 'a run')}"]
    assert quoted(tmp_path / "a run")[0] in "'\""


def test_with_few_rounds_rounds_are_what_is_lacking(path):
    step, *_ = commands(SmallRun(path).cell("slow:base", [1.0, 2.0]).cell("a", [1.0]))
    assert step == f"bench run small --redis-url {URL} --rounds 3"


@pytest.mark.parametrize("status", ["failed", "timeout", "invalid"])
def test_where_something_could_not_be_measured_the_doctor_is_asked(path, status):
    run = SmallRun(path).cell("slow:base", bad=[(status, "why")] * 3)
    assert commands(run) == ["bench doctor"]


def test_what_was_interrupted_goes_on(path):
    run = SmallRun(path, status="interrupted").cell("slow:base", [1.0], rounds=3)
    assert commands(run) == [f"bench run --resume {path}"]


def test_without_tables_there_is_nothing_to_say(path):
    assert commands(SmallRun(path, baseline="")) == []
