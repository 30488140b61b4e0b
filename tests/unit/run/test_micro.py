from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from backends import all_backends
from bench.errors import RunFolderError
from bench.plan.cells import file_name
from bench.plan.variants import default_choices
from bench.record.micro_files import (
    COLUMNS,
    FOLDER,
    MERGED,
    merge,
    read_micro,
    read_problems,
    tidy,
    write_merged,
)
from bench.report.chapters import microbenchmarks
from bench.report.formats.terminal import print_portions
from bench.run.micro import _problem, environments_of
from bench.workers.environments import MICRO_LOCK


def written(*groups: str, median: float = 1e-4) -> dict:
    """What pytest-benchmark writes, as far as it matters."""
    stats = {"min": median / 2, "median": median, "iqr": median / 10, "ops": 1 / median}
    return {
        "machine_info": {"node": "my-laptop", "system": "Linux"},
        "commit_info": {"id": "0abc", "dirty": False, "project": "my-folder", "branch": "mine"},
        "benchmarks": [
            {
                "group": group,
                "name": "test_something",
                "fullname": "backends/kit/micro.py::test_something",
                "params": None,
                "extra_info": {},
                "stats": {**stats, "rounds": 7, "data": [median] * 7},
            }
            for group in groups
        ],
        "datetime": "2026-01-01T00:00:00+00:00",
        "version": "5.3.1",
    }


def keep(folder, variant: str, *groups: str, median: float = 1e-4, problem: str = "") -> None:
    """A variant's file, as a run keeps it."""
    report = tidy([written(*groups, median=median)], variant, "1.0", problem)
    (folder / f"{file_name(variant)}.json").write_text(json.dumps(report))


@pytest.fixture
def run(tmp_path):
    (tmp_path / FOLDER).mkdir()
    return tmp_path


# --- one variant -----------------------------------------------------------------------------


def test_both_phases_become_one_report_named_by_variant_and_group():
    report = tidy([written("enqueue", "serialise"), written("round trip")], "q:slow", "2.0", "")
    assert [(b["name"], b["group"]) for b in report["benchmarks"]] == [
        ("q:slow", "enqueue"),
        ("q:slow", "serialise"),
        ("q:slow", "round trip"),
    ]
    assert report["benchmarks"][0]["fullname"] == "enqueue: q:slow"
    assert report["benchmarks"][0]["extra_info"] == {"variant": "q:slow", "version": "2.0"}
    assert report["problems"] == {}


def test_the_machines_name_the_checkouts_and_single_measurements_are_not_kept():
    report = tidy([written("enqueue")], "q", "2.0", "")
    assert report["machine_info"] == {"system": "Linux"}
    assert report["commit_info"] == {"id": "0abc", "dirty": False}
    assert "data" not in report["benchmarks"][0]["stats"]
    assert [text for text in ("my-laptop", "my-folder", "mine") if text in str(report)] == []


def test_a_variant_of_which_nothing_ran_has_a_report_with_the_reason():
    report = tidy([], "q", "2.0", "the worker ended")
    assert (report["benchmarks"], report["problems"]) == ([], {"q": "the worker ended"})


@pytest.mark.parametrize(
    ("variant", "name"), [("q", "q"), ("q:slow", "q-slow"), ("q@1.2:slow", "q-v1.2-slow")]
)
def test_files_are_named_by_variant(variant, name):
    assert file_name(variant) == name


# --- all variants ----------------------------------------------------------------------------


def test_merged_variants_stand_side_by_side_in_each_group():
    parts = [
        tidy([written("enqueue", "round trip")], "a", "1", ""),
        tidy([written("enqueue", "serialise", "round trip")], "b", "1", "c"),
    ]
    merged = merge(parts)
    assert [(b["group"], b["name"]) for b in merged["benchmarks"]] == [
        ("enqueue", "a"),
        ("enqueue", "b"),
        ("round trip", "a"),
        ("round trip", "b"),
        ("serialise", "b"),
    ]
    assert merged["problems"] == {"b": "c"}
    assert merged["version"] == "5.3.1"


def test_merging_changes_no_part_of_it():
    parts = [tidy([written("enqueue")], name, "1", "") for name in "ab"]
    before = json.dumps(parts)
    merge(parts)
    assert json.dumps(parts) == before


def test_a_variant_without_figures_leaves_the_machine_of_the_others():
    merged = merge([tidy([written("enqueue")], "a", "1", ""), tidy([], "b", "1", "broken")])
    assert merged["machine_info"] == {"system": "Linux"}
    assert merged["problems"] == {"b": "broken"}


def test_merging_again_takes_the_newer_file_of_a_variant(run):
    keep(run / FOLDER, "a", "enqueue", problem="round trip: no result")
    keep(run / FOLDER, "b", "enqueue")
    assert write_merged(run / FOLDER) == run / FOLDER / MERGED
    assert read_problems(run) == {"a": "round trip: no result"}
    keep(run / FOLDER, "a", "enqueue", median=3e-4)
    write_merged(run / FOLDER)
    assert list(read_micro(run)["variant"]) == ["a", "b"]
    assert read_micro(run)["median_us"][0] == pytest.approx(300)
    assert read_problems(run) == {}


# --- reading ---------------------------------------------------------------------------------


def test_figures_are_read_in_microseconds(run):
    keep(run / FOLDER, "a", "enqueue", median=2e-4)
    write_merged(run / FOLDER)
    figures = read_micro(run)
    assert list(figures.columns) == COLUMNS
    (row,) = figures.to_dict("records")
    assert row == {
        "variant": "a",
        "group": "enqueue",
        "min_us": pytest.approx(100),
        "median_us": pytest.approx(200),
        "iqr_us": pytest.approx(20),
        "ops_per_s": pytest.approx(5000),
        "rounds": 7,
    }


def test_a_run_without_microbenchmarks_has_no_rows(tmp_path):
    figures = read_micro(tmp_path)
    assert (list(figures.columns), len(figures)) == (COLUMNS, 0)
    assert read_problems(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"benchmarks": [{}], "problems": []}'])
def test_a_damaged_file_is_told_in_one_line(run, text):
    (run / FOLDER / MERGED).write_text(text)
    with pytest.raises(RunFolderError, match="is damaged"):
        read_micro(run)


# --- the table -------------------------------------------------------------------------------


def lines(run, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    section = microbenchmarks.section(read_micro(run))
    assert section
    for grid in section.grids:
        print_portions(console, grid)
    return [line.strip() for line in console.file.getvalue().splitlines()]


def test_the_table_has_medians_and_ratios_to_the_best(run):
    keep(run / FOLDER, "fast", "enqueue", median=1e-4)
    keep(run / FOLDER, "slow:one", "enqueue", "round trip", median=2.5e-4)
    write_merged(run / FOLDER)
    assert lines(run) == [
        "median, us  fast    slow:one",
        "enqueue      100  250 (2.5x)",
        "round trip     -         250",
        "",
    ]


def test_variants_that_do_not_fit_go_into_a_further_table(run):
    for number in range(6):
        keep(run / FOLDER, f"variant-{number}", "enqueue 100 kB")
    write_merged(run / FOLDER)
    told = lines(run, 60)
    assert max(map(len, told)) <= 60
    assert [line.count("variant-") for line in told if "median" in line] == [3, 3]
    assert [line.count("  100") for line in told if "enqueue" in line] == [3, 3]
    assert len([line for line in lines(run, 5) if "median" in line]) == 6


# --- what is run -----------------------------------------------------------------------------


def test_without_a_choice_every_backend_that_is_compared_runs_once():
    names = [choice.backend.name for choice in default_choices()]
    assert names == [
        name
        for name, backend in all_backends().items()
        if not backend.hidden and any(v.unsupported_reason() is None for v in backend.variants)
    ]


def test_its_environments_are_not_those_of_a_run(monkeypatch, tmp_path):
    monkeypatch.setenv("TASK_QUEUE_BENCH_CACHE", str(tmp_path))
    for env in environments_of(default_choices()).values():
        assert env.extra == MICRO_LOCK
        assert "-micro-" in env.folder.name


def test_a_reason_is_told_once_with_all_that_failed_for_it():
    log = [
        "FAILED backends/kit/micro.py::test_a - Refused: full",
        "FAILED backends/kit/micro.py::test_b[1] - Refused: full",
        "ERROR backends/kit/micro.py::test_c - KeyError: 'x - y'",
        "3 failed in 1 s",
    ]
    assert _problem(log, 1) == "test_a, test_b[1]: Refused: full; test_c: KeyError: 'x - y'"
    assert _problem(["Killed"], -9) == "pytest's exit code was -9"
    assert _problem(log, 0) == ""
