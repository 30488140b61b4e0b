"""The proof of innocence: what it computes, judges and shows. The drains are in integration."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pandas as pd
import pytest

from backends import all_backends, choose
from backends.kit import events as kinds
from bench.doctor import arms, innocence
from bench.doctor.advice import Advice
from bench.doctor.aims import aims
from bench.doctor.costs import lateness_ms, recorder_ns, redis_us
from bench.doctor.drain import MIN_POLLS, Seen, TooFewPolls, rate
from bench.doctor.innocence import Pairs
from bench.doctor.show import advice_lines, figure_lines
from bench.errors import UsageError
from bench.record.store import RunFolder
from bench.run.session import Options
from bench.server.keyspace import Keyspace
from bench.server.redis_server import Server

ROOT = Path(__file__).resolve().parents[3]


# --- how fast a drain was --------------------------------------------------------------------


def looks(tasks, per_s, every_s=0.025, start_s=1.0):
    """What is left at each look: nothing is done until ``start_s``, then all at one rate."""
    found = []
    t = 0.0
    while not found or found[-1][1]:
        done = min(max(0.0, (t - start_s) * per_s), tasks)
        found.append((int(t * 1e9), round(tasks - done)))
        t += every_s
    return found


def test_a_steady_drain_has_its_rate_whatever_its_start():
    for start_s in (0.0, 0.5, 3.0):
        found, polls = rate(looks(1000, 500, start_s=start_s), 1000)
        assert found == pytest.approx(500, rel=1e-3)
        assert polls == pytest.approx(0.8 * 2 / 0.025, abs=1)


def test_what_happens_before_the_first_tenth_and_after_the_last_does_not_count():
    steady = looks(1000, 500)
    late = [(t + 10**10, left) if left < 90 else (t, left) for t, left in steady]
    early = [(t - 10**10, left) if left > 910 else (t, left) for t, left in steady]
    assert rate(late, 1000) == rate(steady, 1000) == rate(early, 1000)


def test_work_done_in_bursts_has_its_mean_rate():
    stairs = [(n * 25_000_000, 1000 - 100 * (n * 25 // 500)) for n in range(200)]
    assert rate(stairs, 1000)[0] == pytest.approx(200, rel=0.03)


def test_a_drain_seen_too_rarely_has_no_rate():
    seen = [(n * 10**7, 100 - 10 * n) for n in range(11)]
    assert rate(seen, 100)[1] == 9
    few = [look for look in seen if look[1] not in (50, 60)]
    with pytest.raises(TooFewPolls, match=f"seen {MIN_POLLS - 1} times only"):
        rate(few, 100)
    with pytest.raises(TooFewPolls, match="seen 0 times"):
        rate([], 100)


# --- how late a schedule is ------------------------------------------------------------------


def recorded(*rows):
    return pd.DataFrame(rows, columns=["kind", "task_id", "t_ns"])


def test_lateness_is_from_the_intended_time_to_the_begin_of_sending():
    late = lateness_ms(
        recorded(
            (kinds.SCHEDULED, 1, 1_000_000),
            (kinds.SCHEDULED, 2, 2_000_000),
            (kinds.SEND, 2, 2_250_000),
            (kinds.SEND, 1, 4_000_000),
            (kinds.SENT, 1, 9_000_000),
            (kinds.SENT, 2, 9_000_000),
        )
    )
    assert late.to_dict() == {1: 3.0, 2: 0.25}


@pytest.mark.parametrize("rows", [[], [(kinds.SCHEDULED, 1, 0)], [(kinds.SEND, 1, 0)]])
def test_a_schedule_that_was_not_kept_has_no_lateness(rows):
    with pytest.raises(ValueError, match="were not sent"):
        lateness_ms(recorded(*rows))


# --- what an event and a command cost --------------------------------------------------------


def test_the_recorder_is_timed_in_a_process_of_its_own_with_a_real_file(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.doctor.costs.EVENTS", 50)
    figures = recorder_ns(tmp_path, "tqb-test", 2)
    assert len(figures) == 2
    assert min(figures) > 100
    (file,) = tmp_path.glob("producer-*.events")
    assert file.stat().st_size == (1000 + 2 * 50) * kinds.RECORD.size


class Pinged:
    def __init__(self):
        self.pings = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ping(self):
        self.pings += 1


def test_a_command_is_timed_often(monkeypatch):
    monkeypatch.setattr("bench.doctor.costs.COMMANDS", 20)
    pinged = Pinged()
    monkeypatch.setattr(Server, "client", lambda self: pinged)
    times = redis_us(Server("redis://nowhere", False, {}))
    assert (len(times), pinged.pings) == (20, 21)
    assert times.min() > 0


# --- pairs -----------------------------------------------------------------------------------


def pairs(harness, plain, harness_commands=None, plain_commands=None):
    """Each arm's throughput by pair; a task's CPU time is 100 ms over it."""
    (choice,) = choose("fake:honest")
    seen = [
        {n: Seen(per_s, 40 + n, commands or {}, 100 / per_s) for n, per_s in enumerate(rates, 1)}
        for rates, commands in ((harness, harness_commands), (plain, plain_commands))
    ]
    return Pairs(choice, *seen)


def test_a_ratio_is_taken_of_two_pairs_at_a_time():
    """Of each two the arms come in the order A B B A: what the first gains cancels out."""
    fast_first = pairs([200, 100] * 3, [100, 200] * 3).ratio()
    assert fast_first == {
        "ratio": 1.0,
        "low": 1.0,
        "high": 1.0,
        "pairs": 6,
        "harness_per_s": 150,
        "plain_per_s": 150,
        "polls": 41,
    }


def test_blocks_of_two_pairs_have_an_interval():
    found = pairs([90, 90, 100, 100, 110, 110], [100] * 6).ratio()
    assert found["ratio"] == 0.9967  # the mean of logarithms of 90, 100 and 110, of 100
    assert 0.7 < found["low"] < 0.9
    assert 1.1 < found["high"] < 1.4


def test_a_ratio_of_cpu_time_is_below_one_where_the_harness_uses_more():
    dearer = pairs([80] * 6, [100] * 6).cpu_ratio()
    assert dearer == {
        "ratio": 0.8,
        "low": 0.8,
        "high": 0.8,
        "pairs": 6,
        "harness_ms": 1.25,
        "plain_ms": 1.0,
    }


def test_two_pairs_are_one_ratio_without_an_interval_and_so_is_one():
    found = pairs([90, 200], [100, 200]).ratio()
    assert (found["ratio"], found["low"], found["high"]) == (0.9487, None, None)  # root of 0.9
    assert pairs([90], [100]).ratio()["ratio"] == 0.9


def test_a_pair_without_a_partner_does_not_count_beside_others():
    assert pairs([90, 90, 500], [100, 100, 100]).ratio()["ratio"] == 0.9


def test_a_pair_that_is_not_whole_does_not_count():
    assert pairs([90, 200, 400], [100, 200]).ratio()["pairs"] == 2


def test_what_failed_has_a_reason_and_no_ratio():
    failed = pairs([90], [])
    failed.failed = "the worker ended"
    assert failed.ratio()["ratio"] is None
    assert failed.ratio()["failed"] == "the worker ended"
    assert failed.commands_added() is None
    assert failed.cpu_ratio() == failed.ratio()


def test_commands_are_compared_by_name():
    found = pairs([1, 1], [1, 1], {"get": 2.0, "set": 1.0}, {"get": 1.5, "del": 0.5})
    assert found.commands_added() == {"del": -0.5, "get": 0.5, "set": 1.0}


def test_arms_alternate_and_each_has_a_namespace_and_a_number(monkeypatch):
    order = []

    def arm(name):
        def run(plan, env, where):
            order.append((name, plan.trials[0].number, plan.trials[0].cell.tasks))
            return Seen(1.0, 10, {}, 1.0)

        return run

    monkeypatch.setattr(innocence, "with_harness", arm("A"))
    monkeypatch.setattr(innocence, "plain", arm("B"))
    (choice,) = choose("fake:honest")
    told = []
    found = innocence._compare(choice, None, None, 4, told.append)
    assert "".join(name for name, *_ in order) == "ABBAABBA"
    assert [number for _, number, _ in order] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert {tasks for *_, tasks in order} == {int(choice.variant.nominal_rate(4) * 2.5)}
    assert (len(told), found.ratio()["pairs"]) == (8, 4)


# --- which variants --------------------------------------------------------------------------


def test_by_default_the_first_variant_of_every_backend_is_compared():
    chosen = innocence.variants([])
    shown = [b for b in all_backends().values() if b.is_floor or not b.hidden]
    runs = [b for b in shown if any(v.unsupported_reason() is None for v in b.variants)]
    assert [choice.backend for choice in chosen] == runs
    assert all(choice.variant.unsupported_reason() is None for choice in chosen)
    if not sys.platform.startswith("win"):
        assert [choice.variant for choice in chosen] == [b.variants[0] for b in shown]


def test_a_named_variant_is_compared_once_and_an_unknown_one_is_a_mistake():
    twice = innocence.variants(["fake:honest", "fake:honest"])
    assert [choice.name for choice in twice] == ["fake:honest"]
    with pytest.raises(UsageError, match="unknown variant 'selery'"):
        innocence.variants(["selery"])


# --- aims ------------------------------------------------------------------------------------

FIGURES = {
    "recorder_ns_per_event": 2500.0,
    "recorder_ns_per_event_range": [2000.0, 9000.0],
    "redis_command_us": 55.2,
    "redis_command_us_p99": 120.4,
    "schedule_lateness_ms_p99": {"100": 0.1, "1000": 0.22, "2000": 0.301},
    "perturbation_ratio": {
        "a:b": {
            "ratio": 0.97,
            "low": 0.9,
            "high": 1.0,
            "pairs": 5,
            "harness_per_s": 970.0,
            "plain_per_s": 1000.0,
            "polls": 60,
        }
    },
    "cpu_ratio": {
        "a:b": {
            "ratio": 0.97,
            "low": 0.95,
            "high": 0.99,
            "pairs": 5,
            "harness_ms": 1.03,
            "plain_ms": 1.0,
        }
    },
    "redis_commands_added": {"a:b": 0.1},
}
FAILED = {"ratio": None, "low": None, "high": None, "pairs": 0, "failed": "why"}


def test_figures_at_their_aims_meet_them():
    found = aims(FIGURES)
    assert [aim["met"] for aim in found] == [True] * 4
    assert [aim["found"] for aim in found] == [2500.0, 0.1, 0.97, 0.97]


@pytest.mark.parametrize(
    ("change", "which"),
    [
        ({"recorder_ns_per_event": 2500.1}, "recorder_ns_per_event"),
        ({"redis_commands_added": {"a:b": 0.11}}, "redis_commands_added"),
        ({"redis_commands_added": {"a:b": -0.11}}, "redis_commands_added"),
        ({"redis_commands_added": {"a:b": None}}, "redis_commands_added"),
        ({"perturbation_ratio": {"a:b": {"ratio": 0.9699}}}, "perturbation_ratio"),
        ({"perturbation_ratio": {"a:b": FAILED}}, "perturbation_ratio"),
        ({"cpu_ratio": {"a:b": {"ratio": 0.9699}}}, "cpu_ratio"),
        ({"cpu_ratio": {"a:b": FAILED}}, "cpu_ratio"),
    ],
)
def test_each_aim_can_be_missed(change, which):
    missed = [aim["aim"] for aim in aims(FIGURES | change) if not aim["met"]]
    assert len(missed) == 1
    assert missed[0].startswith(which)


# --- text ------------------------------------------------------------------------------------


def test_the_table_is_as_wide_as_a_terminal_and_says_what_is_met():
    ratios = FIGURES["perturbation_ratio"] | {
        "slow:x": FIGURES["perturbation_ratio"]["a:b"] | {"ratio": 0.9, "low": None},
        "gone": FAILED,
    }
    cpu = FIGURES["cpu_ratio"] | {
        "slow:x": FIGURES["cpu_ratio"]["a:b"] | {"ratio": 0.9, "low": None},
        "gone": FAILED,
    }
    changed = {
        "perturbation_ratio": ratios,
        "cpu_ratio": cpu,
        "redis_commands_added": {"a:b": 0.1, "slow:x": 0.0, "gone": None},
    }
    text = "\n".join(figure_lines(FIGURES | changed))
    assert max(map(len, text.splitlines())) <= 80
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "a:b /s 970 1,000 0.970 [0.900, 1.000] 0.100 met" in rows
    assert "CPU 1.03 ms 1.00 ms 0.970 [0.950, 0.990] met" in rows
    assert "slow:x /s 970 1,000 0.900 0.000 NOT MET" in rows
    assert "CPU 1.03 ms 1.00 ms 0.900 NOT MET" in rows
    assert "gone failed: why" in rows
    assert "p99 0.10 ms at 100/s, 0.22 ms at 1000/s, 0.30 ms at 2000/s" in text
    assert "decides nothing" in text


def test_advice_tells_what_to_do_on_lines_of_its_own():
    do = "start a server of your own somewhere and then come back here to see what has become of it"
    lines = list(advice_lines([Advice("ok", "a", "b"), Advice("warn", "load", "99%", do)]))
    assert lines[:2] == ["ok      a: b", "warn    load: 99%"]
    assert " ".join(line.removeprefix("         ->").strip() for line in lines[2:]) == do
    assert max(map(len, lines)) <= 80


# --- the plain arm ---------------------------------------------------------------------------


def test_a_plain_program_is_told_where_its_server_is_and_nothing_of_ours(tmp_path):
    """But for the two marks by which its processes are found again."""
    (choice,) = choose("fake:honest")
    plan = innocence._lease(choice, 1)
    server = Server("redis://127.0.0.1:1/0", True, {})
    place = arms.Place("tqb-test", tmp_path, server, RunFolder(tmp_path / "run"))
    variables = arms.plain_variables(plan, "name", Keyspace(server, "name"), place)
    assert {name for name in variables if name.startswith("BENCH_")} == {
        "BENCH_RUN",
        "BENCH_NAMESPACE",
    }
    assert variables["REDIS_URL"] == "redis://127.0.0.1:1/0"
    assert variables["CONCURRENCY"] == "4"


def test_a_backend_without_a_plain_program_cannot_be_compared(monkeypatch, tmp_path):
    (choice,) = choose("fake:honest")
    bare = dataclasses.replace(choice.backend, folder=tmp_path)
    found = innocence._compare(choice._replace(backend=bare), None, None, 1, print)
    assert "no program to compare with" in found.ratio()["failed"]


def test_a_variant_with_options_has_no_plain_program(tmp_path):
    (choice,) = choose("arq+fast-poll")
    found = innocence._compare(choice, None, None, 1, print)
    assert found.cpu_ratio()["failed"] == "a plain program has no options: leave them out"


def test_a_server_of_others_is_no_place_for_plain_programs(tmp_path):
    options = Options(tmp_path, redis_url="redis://127.0.0.1:1/0")
    with pytest.raises(UsageError, match="leave --redis-url and REDIS_URL out"):
        innocence.measure([], options, 1, print)
