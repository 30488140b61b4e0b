"""The versions of a library side by side, of made-up runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import SmallRun, thrice
from windows_runs import optioned

from bench.report.model import load_report
from bench.report.sections import Items, Section

VERSIONS = ("5.3.4", "5.4.0", "5.10.1", None)  # the last is what is installed: 1.2.3 in small runs


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    return SmallRun(tmp_path / "run")


def version(
    run: SmallRun, number: str, longest_ms: float, rate: float = 100.0, rounds: int = 3
) -> None:
    run.cell(
        f"q@{number}:many",
        thrice(rate)[:rounds],
        load="surge",
        params={"service_s": 0.01},
        metrics={"longest_stall_ms": thrice(longest_ms)[:rounds]},
    )


def chapter(run: SmallRun) -> Section | None:
    found = [one for one in load_report(run.write()).sections if one.title == "Versions"]
    return found[0] if found else None


def sentences(run: SmallRun) -> list[str]:
    found = chapter(run)
    assert found
    return said(found)


def said(found: Section) -> list[str]:
    items = [block for block in found.blocks if isinstance(block, Items)]
    return [told for block in items for told in block.sentences]


WHERE = "q:many (add, surge, service 0.01 s, concurrency 4)"


@pytest.mark.parametrize(
    ("longest", "told"),
    [
        ((1900, 1900, 1900), "stalls in each of 5.3.4, 5.4.0 and 5.10.1"),
        ((20, 1900, 1900), "stalls since 5.4.0, not in 5.3.4"),
        ((1900, 1900, 20), "stalls in 5.3.4 and 5.4.0, gone since 5.10.1"),
        ((1900, 20, 1900), "stalls in 5.3.4 and 5.10.1, not in 5.4.0"),
    ],
)
def test_since_when_there_are_stalls(run, longest, told):
    for number, value in zip(("5.10.1", "5.3.4", "5.4.0"), (longest[2], *longest[:2]), strict=True):
        version(run, number, value)
    assert sentences(run)[0].startswith(f"{WHERE}: {told} (the longest of a round")


def test_where_nobody_stalls_nothing_is_said_of_stalls(run):
    version(run, "1.0", 20)
    version(run, "2.0", 30)
    assert not any("stalls" in told for told in sentences(run))
    assert not any(line.startswith("Versions") for line in load_report(run.folder).findings)


def test_where_stalls_are_counted_the_count_decides(run):
    """A slot that is busy for long is no stall."""
    for number, counts in (("1.0", [0, 0, 0]), ("2.0", [0, 2, 0])):
        run.cell(
            f"q@{number}:many",
            thrice(100),
            load="surge",
            params={"service_s": 0.01},
            metrics={"longest_stall_ms": [900, 1950, 900], "consumer_stalls": counts},
        )
    assert sentences(run)[0] == (
        f"{WHERE}: stalls since 2.0, not in 1.0 (the longest of a round 1,950 ms)"
    )


def test_of_a_version_with_two_rounds_nothing_is_said(run):
    version(run, "1.0", 1900)
    version(run, "2.0", 1900, rounds=2)
    told = sentences(run)[0]
    assert "stalls in 1.0 (" in told
    assert "of 2.0 nothing can be said" in told


def test_versions_are_held_against_the_newest(run):
    version(run, "1.0", 20, rate=50)
    version(run, "1.5", 20, rate=100)
    version(run, "2.0", 20, rate=100)
    assert sentences(run) == [
        f"{WHERE}: throughput against 2.0: 1.0 0.500x [0.500, 0.500], 1.5 no difference"
    ]


def test_a_name_without_a_version_is_the_one_that_is_installed(run):
    version(run, "1.0", 1900)
    run.cell("q:many", thrice(100), load="surge", params={"service_s": 0.01})
    found = chapter(run)
    assert found
    (grid,) = found.grids
    assert [row[0] for row in grid.rows] == ["1.0", "1.2.3"]
    assert grid.rows[1][1:] == ["100", "-"]


def test_a_version_that_could_not_be_run_is_told(run):
    version(run, "1.0", 1900)
    run.cell(
        "q@2.0:many",
        load="surge",
        params={"service_s": 0.01},
        bad=[("failed", "the workers were never ready")] * 3,
    )
    found = chapter(run)
    assert found
    (told,) = [line for line in said(found) if line.startswith("q:many at 2.0")]
    assert told.startswith("q:many at 2.0: failed: the workers were never ready")
    assert found.grids[0].rows[1][1] == "failed"


def test_one_version_of_each_is_no_chapter(run):
    version(run, "1.0", 1900)
    run.cell("r:many", thrice(100), load="surge", params={"service_s": 0.01})
    assert chapter(run) is None


def test_the_finding_says_it_at_the_top(run):
    for number in ("1.0", "2.0"):
        version(run, number, 1900)
    (told,) = [line for line in load_report(run.write()).findings if line.startswith("Versions")]
    longest = "the longest of a round 1,860 to 1,940 ms"
    assert told == f"Versions: {WHERE} stalls in each of 1.0 and 2.0 ({longest})."


def test_an_option_is_no_part_of_a_version(run):
    for name in ("q@1.0+local+small", "q@2.0+small"):
        run.cell(name, thrice(100), load="surge", params={"service_s": 0.01})
        optioned(run, name)
    found = chapter(run)
    assert found
    (grid,) = found.grids
    assert grid.caption == "q+small"
    assert [row[0] for row in grid.rows] == ["1.0+local", "2.0"]
