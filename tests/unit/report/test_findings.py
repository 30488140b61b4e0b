"""What a report begins with, of small runs whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from small_runs import SmallRun, mixed, thrice

from bench.plan.cells import TWIN
from bench.record.store import open_run
from bench.report import findings as registry
from bench.report.findings import MOST, Kind, all_kinds
from bench.report.model import load_report

OPEN = {"service_s": 0.0, "arrival": "poisson"}


def found(run: SmallRun) -> tuple[str, ...]:
    return load_report(run.write()).findings


def of_kind(run: SmallRun, title: str) -> str:
    """The one finding that begins so."""
    (told,) = [line for line in found(run) if line.startswith(title)]
    return told


def at_rate(run: SmallRun, name: str, rate: float, values: Sequence[float], **more: object) -> None:
    params = OPEN | {"rate_per_s": rate}
    run.cell(name, values, load="open", params=params, **more)  # type: ignore[arg-type]


def overloads(run: SmallRun, name: str, rate: float, sustained: float, **more: int) -> None:
    """A cell that was offered more than it sustains: no latency, and it ended well."""
    params = OPEN | {"rate_per_s": rate}
    metrics = {"sustained_tasks_per_s": thrice(sustained)}
    passed: dict[str, list[str]] = {"lost": []}
    run.cell(
        name,
        bad=[("ok", "")] * 3,
        load="open",
        params=params,
        metrics=metrics,
        failed=passed,
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    return SmallRun(tmp_path / "run")


# --- all of them -------------------------------------------------------------------------------


def test_every_kind_is_found_and_has_a_place_of_its_own():
    kinds = all_kinds()
    assert len(kinds) > MOST
    places = [kind.place for kind in kinds]
    assert places == sorted(set(places))


def test_where_there_are_too_many_the_most_spare_are_left_out(monkeypatch):
    def said(text: str) -> Callable[[object], str]:
        return lambda material: text

    spare = {3: 1, 5: 2, 8: 1}
    kinds = tuple(Kind(n, said(f"{n}."), spare.get(n, 0)) for n in range(1, 10))
    monkeypatch.setattr(registry, "all_kinds", lambda: kinds)
    assert registry.findings(None) == ("1.", "2.", "4.", "6.", "7.", "9.")  # type: ignore[arg-type]


def test_a_run_of_every_load_has_three_to_six_sentences(tmp_path):
    told = load_report(mixed(tmp_path / "run")).findings
    assert 3 <= len(told) <= MOST
    assert all(line.endswith(".") and line.isascii() and "\n" not in line for line in told)


def test_nothing_is_said_of_nothing(run):
    run.cell("slow:base", rounds=3)
    assert found(run) == ("Not measured: 3 not run of 3 trials: slow:base in 1 cell.",)


# --- throughput --------------------------------------------------------------------------------


def test_throughput_is_told_in_tiers_with_their_factors(run):
    run.cell("slow:base", [100, 110, 105]).cell("quick", [200, 225, 205])
    run.cell("near", [201, 224, 203]).cell("slow:pool", [99, 112, 106])
    assert of_kind(run, "Throughput") == (
        "Throughput (add, drain, concurrency 4): quick and near 209 to 210 tasks/s, not told apart "
        "(3 rounds leave room for 1.02x); slow:pool and slow:base 105 to 106 "
        "(the first 0.50x [0.47, 0.53] of quick)."
    )


def test_a_tier_of_one_is_no_range_and_later_ones_do_not_repeat_of_whom(run):
    run.cell("slow:base", thrice(100)).cell("quick", thrice(1000)).cell("slow:pool", thrice(10))
    assert of_kind(run, "Throughput") == (
        "Throughput (add, drain, concurrency 4): quick 1,000 tasks/s; "
        "slow:base 100 (0.10x [0.10, 0.10] of quick), slow:pool 10.0 (0.010x [0.010, 0.010])."
    )


def test_members_that_differ_from_each_other_are_not_called_alike(run):
    """b and c differ; neither differs from a, whose rounds are far apart."""
    run.cell("slow:base", [50, 130, 400]).cell("b", [112, 110, 114]).cell("c", [101, 100, 102])
    assert "none told from slow:base (3 rounds leave room for " in of_kind(run, "Throughput")


def test_neither_twin_nor_limit_is_in_a_tier(run):
    run.cell("slow:base", thrice(100)).cell(f"slow:base{TWIN}", thrice(50))
    run.cell("bare:one", thrice(9000), is_floor=True)
    told = of_kind(run, "Throughput")
    assert told == "Throughput (add, drain, concurrency 4): slow:base 100 tasks/s."


def test_who_is_in_no_tier_is_told_with_the_reason(run):
    run.cell("slow:base", thrice(100)).cell("quick", thrice(200))
    run.cell("broken", bad=[("failed", "exit code 3")] * 3)
    run.cell("loses", thrice(300), failed={"lost": ["task 1: never ran"]})
    run.cell("seldom", [150, 151])
    told = of_kind(run, "Throughput")
    assert told.endswith("; not placed: broken (failed), loses (FAIL), seldom (2 rounds).")
    assert "quick 200 tasks/s; slow:base 100 (" in told


def test_the_highest_concurrency_with_rounds_enough_speaks(run):
    for concurrency, rounds in ((1, 3), (4, 3), (16, 2)):
        for name in ("slow:base", "quick"):
            run.cell(name, thrice(100)[:rounds], concurrency=concurrency)
    assert of_kind(run, "Throughput").startswith("Throughput (add, drain, concurrency 4):")


@pytest.mark.parametrize(("rounds", "told"), [(1, "1 round is"), (2, "2 rounds are")])
def test_of_few_rounds_no_rank_ratio_or_tier_is_told(run, rounds, told):
    for name, value in (("slow:base", 100.0), ("quick", 1000.0)):
        run.cell(name, thrice(value)[:rounds], metrics={"redis_commands_per_task": [5.0] * rounds})
        at_rate(run, name, 50, thrice(value)[:rounds])
    throughput, latency, correctness = found(run)
    too_few = (
        f"{told} too few to tell variants apart; no rank, ratio or tier is told of fewer than 3."
    )
    assert throughput == f"Throughput (add, drain, concurrency 4): {too_few}"
    assert latency == f"Latency p95 (add, open, 50 per s, poisson, concurrency 4): {too_few}"
    assert correctness.startswith("Correctness: no variant lost a task")


# --- latency -----------------------------------------------------------------------------------


def test_latency_is_told_at_the_middle_rate(run):
    for rate in (20, 50, 200):
        at_rate(run, "slow:base", rate, thrice(5.0 + rate))
        at_rate(run, "quick", rate, thrice(1.0 + rate))
    assert of_kind(run, "Latency").startswith(
        "Latency p95 (add, open, 50 per s, poisson, concurrency 4): quick 51.0 ms; slow:base 55.0 ("
    )


def test_a_rate_that_overloads_half_of_the_variants_does_not_speak(run):
    for rate in (20, 50, 200):
        at_rate(run, "slow:base", rate, thrice(5.0))
        if rate == 20:
            at_rate(run, "quick", rate, thrice(1.0))
        else:
            overloads(run, "quick", rate, 30.0)
    assert of_kind(run, "Latency").startswith("Latency p95 (add, open, 20 per s,")


def test_an_overloaded_variant_is_in_no_tier(run):
    for name in ("slow:base", "quick", "near"):
        at_rate(run, name, 50, thrice(5.0))
    overloads(run, "polls", 50, 2.0)
    assert of_kind(run, "Latency").endswith("; not placed: polls (overloaded).")


def test_a_latency_that_still_grows_is_in_no_tier(run):
    """It depends on how long the rate was held."""
    for name in ("slow:base", "quick", "near"):
        at_rate(run, name, 50, thrice(5.0))
    at_rate(run, "grows", 50, thrice(1.0), metrics={"latency_drift": thrice(7.0)})
    assert of_kind(run, "Latency").endswith("; not placed: grows (not stationary).")


def test_where_every_rate_is_too_much_nothing_is_said_of_latency(run):
    for rate in (20, 50):
        at_rate(run, "slow:base", rate, thrice(5.0))
        overloads(run, "quick", rate, 3.0)
        overloads(run, "polls", rate, 2.0)
    titles = [line.partition(" ")[0] for line in found(run)]
    assert titles == ["Overloaded", "Correctness:"]


def test_a_share_of_the_own_drain_is_no_common_rate(run):
    for name in ("slow:base", "quick"):
        run.cell(name, thrice(5.0), load="open", params=OPEN | {"offered": 0.5})
    assert not any(line.startswith("Latency") for line in found(run))


# --- overload ----------------------------------------------------------------------------------


def test_overload_is_told_with_the_lowest_rate_and_what_is_sustained(run):
    at_rate(run, "slow:base", 200, thrice(5.0))
    for rate in (200, 50):
        overloads(run, "polls", rate, 1.98 * rate / 50)
    overloads(run, "quick", 200, 184.2)
    assert of_kind(run, "Overloaded") == (
        "Overloaded (concurrency 4): polls by 50.0 tasks/s, sustains 2.0, "
        "quick by 200 tasks/s, sustains 184."
    )


def test_overload_at_several_concurrencies_says_at_which(run):
    overloads(run, "polls", 50, 2.0, concurrency=1)
    overloads(run, "polls", 200, 8.0, concurrency=4)
    assert of_kind(run, "Overloaded") == (
        "Overloaded: polls at concurrency 1 by 50.0 tasks/s, sustains 2.0, "
        "polls at concurrency 4 by 200 tasks/s, sustains 8.0."
    )


def test_a_limit_that_is_overloaded_is_no_finding(run):
    overloads(run, "bare:one", 50, 2.0, is_floor=True)
    assert not any(line.startswith("Overloaded") for line in found(run))


# --- correctness -------------------------------------------------------------------------------

EARLY = {"retry_delay": ["task 1: attempt 2 came 400 ms early"]}
DEFECT = {"check": "retry_delay", "told": "queue retries early at times", "where": "q/NOTES.md"}


def retries(run: SmallRun, name: str, latest: Sequence[float], **more: object) -> None:
    metrics = {"retry_lateness_ms_max": latest}
    where = {"scenario": "flaky", "load": "open", "params": OPEN | {"rate_per_s": 8.0}}
    run.cell(name, [1.0] * len(latest), metrics=metrics, **where, **more)  # type: ignore[arg-type]


def test_where_nobody_broke_a_rule_it_says_which_rules(run):
    run.cell("slow:base", thrice(1.0), failed={"results": [], "retry_delay": []})
    assert of_kind(run, "Correctness") == (
        "Correctness: no variant lost a task, ran one twice, gave a wrong result or retried early."
    )


def test_a_known_defect_is_told_by_its_name_and_once(run):
    retries(run, "queue:one", [3.0], failed=EARLY)
    retries(run, "queue:two", [4.0], failed=EARLY)
    for name in ("queue:one", "queue:two"):
        run.variants[name] = run.variants[name] | {"known_defects": [DEFECT]}
    told = of_kind(run, "Correctness")
    assert told.startswith(
        "Correctness: queue retries early at times (known, q/NOTES.md); no variant lost a task or "
        "ran one twice; "
    )
    assert "see Failed checks" not in told


def test_what_was_not_known_is_told_of_whom(run):
    """The defect of one variant does not excuse another, nor another check of the same."""
    retries(run, "queue:one", [3.0], failed=EARLY | {"lost": ["task 3: never ran"]})
    retries(run, "other", [4.0], failed=EARLY)
    run.variants["queue:one"] = run.variants["queue:one"] | {"known_defects": [DEFECT]}
    assert of_kind(run, "Correctness").startswith(
        "Correctness: queue:one lost tasks; other retried early (see Failed checks); "
        "queue retries early at times (known, q/NOTES.md); no variant ran a task twice; "
    )


def test_a_defect_of_one_scenario_excuses_no_other(run):
    """Nor is a variant named twice that broke a rule in two of the others."""
    retries(run, "queue:one", [3.0], failed=EARLY)
    for scenario in ("add", "payload"):
        run.cell("queue:one", thrice(1.0), failed=EARLY, scenario=scenario)
    chain = DEFECT | {"scenarios": ["flaky"]}
    run.variants["queue:one"] = run.variants["queue:one"] | {"known_defects": [chain]}
    assert of_kind(run, "Correctness").startswith(
        "Correctness: queue:one retried early (see Failed checks); "
        "queue retries early at times (known, q/NOTES.md); "
    )


def test_a_check_of_which_no_words_are_known_is_told_by_its_name(run):
    run.cell("slow:base", thrice(1.0), failed={"brand_new": ["task 1"]})
    assert "slow:base failed brand_new (see Failed checks)" in of_kind(run, "Correctness")


def test_what_the_baselines_second_cell_broke_is_the_baselines(run):
    run.cell("slow:base", thrice(1.0))
    run.cell(f"slow:base{TWIN}", thrice(1.0), failed={"lost": ["task 1: never ran"]})
    assert "Correctness: slow:base lost tasks (see Failed checks)" in of_kind(run, "Correctness")


def test_the_latest_retry_of_any_round_is_told_by_backend(run):
    retries(run, "slow:base", [2.0, 9.5, 3.0])
    retries(run, "slow:pool", [-1.5, -2.0, -1.0])
    retries(run, "quick", [1.25])
    assert of_kind(run, "Correctness").endswith(
        "; the latest retry came late by 1.25 ms under quick and -1.00 to 9.50 ms under slow."
    )


# --- cost --------------------------------------------------------------------------------------


def test_cost_is_told_by_backend_the_thriftiest_first(run):
    for name, commands, memory in (
        ("slow:base", 18.0, 160.0),
        ("slow:pool", 21.3, 43.8),
        ("quick", 16.5, 35.0),
    ):
        metrics = {
            "redis_commands_per_task": [commands] * 3,
            "worker_peak_rss_mb": [999.0] * 3,
            "worker_pss_mb": [memory] * 3,
        }
        run.cell(name, thrice(100), metrics=metrics)
    assert of_kind(run, "Cost") == (
        "Cost (add, drain, concurrency 4): Redis commands per task 16.5 (quick) and "
        "18.0 to 21.3 (slow); worker PSS in MB 35.0 (quick) and 43.8 to 160 (slow)."
    )


def test_where_the_system_tells_less_of_memory_the_peak_is_told(run):
    run.cell("slow:base", thrice(100), metrics={"worker_peak_rss_mb": [70.0] * 3})
    told = of_kind(run, "Cost")
    assert told == "Cost (add, drain, concurrency 4): worker peak RSS in MB 70.0 (slow)."


# --- not measured ------------------------------------------------------------------------------


def test_what_the_harness_could_not_measure_is_counted_and_named(run):
    run.cell("slow:base", thrice(1.0))
    for name, cells in (("a", 1), ("b", 3), ("c", 1), ("d", 1), ("e", 2)):
        for concurrency in range(1, cells + 1):
            run.cell(name, [1.0], bad=[("invalid", "late")], concurrency=concurrency)
    run.cell("f", bad=[("timeout", "6 s")])
    told = of_kind(run, "Not measured")
    assert told == (
        "Not measured: 8 invalid and 1 timeout of 20 trials: b in 3 cells, e in 2 cells, "
        "a in 1 cell, c in 1 cell and 2 more variants."
    )


def test_limits_are_counted_and_not_named(run):
    run.cell("slow:base", thrice(1.0))
    for name in ("bare:one", "bare:two"):
        run.cell(name, bad=[("invalid", "late")], is_floor=True)
    assert of_kind(run, "Not measured") == "Not measured: 2 invalid of 5 trials: limits in 2 cells."


def test_rounds_that_are_merely_missing_are_counted(run):
    run.cell("slow:base", [1.0], rounds=3)
    assert of_kind(run, "Not measured") == "Not measured: 2 not run of 3 trials."


def test_what_cannot_run_here_is_told_but_not_counted(run):
    run.cell("slow:base", thrice(1.0)).cell("forks", bad=[("unsupported", "needs linux")] * 3)
    assert of_kind(run, "Not measured") == "Not measured: forks cannot be run here."


# --- runs of earlier versions ------------------------------------------------------------------


def test_a_run_that_tells_of_no_known_defects_and_no_overload_can_be_read():
    """The committed one, and one of the first schema."""
    root = Path(__file__).resolve().parents[3]
    for folder in (root / "results" / "reference", root / "tests" / "golden" / "schema-1"):
        report = load_report(open_run(folder))
        titles = [line.partition(" ")[0].rstrip(":") for line in report.findings]
        assert titles[0] == "Throughput"
        assert "Correctness" in titles
        assert len(titles) == len(set(titles)) <= MOST
