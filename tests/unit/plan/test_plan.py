from __future__ import annotations

import random
import re
from collections import Counter
from itertools import pairwise

import pytest

from backends import choose
from bench.errors import UsageError
from bench.plan.cells import Cell, LeasePlan, TrialPlan, describe
from bench.plan.planner import Plan, make_plan, round_of_leases
from bench.plan.profile import Profile
from scenarios import all_scenarios

ADD_DRAIN = {"scenario": "add", "load": "drain", "tasks": 30}
ADD_CLOSED = {"scenario": "add", "load": "closed", "for_s": 1.0}
CHAIN = {"scenario": "chain", "load": "closed", "for_s": 1.0, "length": 2}
LONG_CHAIN = CHAIN | {"length": 5}
FLAKY = {"scenario": "flaky", "load": "burst", "tasks": 20}
OPEN = {"scenario": "add", "load": "open", "for_s": 2.0, "offered": [0.5, 0.8], "rate_per_s": [50]}
COMMON = {"scenario": "add", "load": "open", "for_s": 2.0, "rate_per_s": [50]}
SATURATION = {"scenario": "add", "load": "saturation", "for_s": 1.0}
BACKLOG = {"scenario": "add", "load": "backlog", "for_s": 1.0, "backlog": [1000, 5000]}
IDLE = {"scenario": "add", "load": "idle", "for_s": 10.0}
SLOW_DRAIN = ADD_DRAIN | {"service_s": 0.1}
SLOW_OPEN = OPEN | {"service_s": 0.1, "rate_per_s": []}
PAYLOAD_DRAIN = {"scenario": "payload", "load": "drain", "tasks": 30}


def profile(*cells, **more) -> Profile:
    content = {
        "name": "test",
        "seed": 1,
        "rounds": 3,
        "variants": ["celery", "dramatiq", "rq", "arq"],
        "concurrency": [1, 4],
        "cells": list(cells) or [ADD_DRAIN, ADD_CLOSED, CHAIN, LONG_CHAIN, FLAKY],
    }
    return Profile.model_validate(content | more)


def order(plan: Plan) -> list[tuple[int, str, str]]:
    return [(trial.round, trial.cell.label, str(trial.cell.params)) for trial in plan.trials]


def cells_of_round(plan: Plan, number: int) -> list[int]:
    return [id(trial.cell) for trial in plan.trials if trial.round == number]


# --- order -----------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_plan():
    first, second = make_plan(profile()), make_plan(profile())
    assert order(first) == order(second)
    assert [trial.id for trial in first.trials] == [trial.id for trial in second.trials]


def test_another_seed_gives_the_same_trials_in_another_order():
    first, second = make_plan(profile()), make_plan(profile(seed=2))
    assert order(first) != order(second)
    assert sorted(order(first)) == sorted(order(second))


def test_each_round_is_shuffled_anew():
    plan = make_plan(profile())
    orders = {tuple(cells_of_round(plan, number)) for number in (1, 2, 3)}
    assert len(orders) == 3


def test_rounds_run_one_after_the_other():
    rounds = [trial.round for trial in make_plan(profile()).trials]
    assert rounds == sorted(rounds)


def test_each_cell_runs_once_in_each_round():
    plan = make_plan(profile())
    for number in (1, 2, 3):
        counts = Counter(cells_of_round(plan, number))
        assert counts == {id(cell): 1 for cell in plan.cells}


def test_a_round_mixes_variants_rather_than_running_one_after_the_other():
    """Were a variant's leases together, 9 variants and a twin at 2 concurrencies had 10
    neighbours alike."""
    leases = [lease for lease in make_plan(profile(ADD_DRAIN)).leases if lease.round == 1]
    assert len(leases) == 20
    alike = sum(a.choice == b.choice for a, b in pairwise(leases))
    assert alike < 10


def test_the_trials_of_a_lease_are_shuffled_behind_its_drain():
    plans = [make_plan(profile(concurrency=[1], seed=n), variants=["arq"]) for n in range(10)]
    orders = {tuple(str(t.cell.params) for t in plan.leases[0].trials[1:]) for plan in plans}
    assert len(orders) > 3


def test_a_lease_of_many_trials_is_as_often_last_as_first():
    """One lease has six trials, the other one: of 200 plans 100 begin with it, give or take 28,
    four deviations. Were leases run as the shuffled trials need them, 171 did."""
    chain = {"scenario": "chain", "load": "closed", "for_s": 1.0, "concurrency": [4]}
    cells = [chain | {"length": length} for length in range(2, 8)] + [ADD_DRAIN]
    first = 0
    for seed in range(200):
        plan = make_plan(profile(*cells, rounds=1, concurrency=[1], seed=seed), variants=["arq"])
        assert sorted(len(lease.trials) for lease in plan.leases) == [1, 6]
        first += len(plan.leases[0].trials) == 6
    assert first == pytest.approx(100, abs=28)


# --- leases ----------------------------------------------------------------------------------


def test_trials_of_a_lease_share_variant_concurrency_and_round():
    for lease in make_plan(profile()).leases:
        assert {trial.cell.choice for trial in lease.trials} == {lease.choice}
        assert {trial.cell.concurrency for trial in lease.trials} == {lease.concurrency}
        assert {trial.round for trial in lease.trials} == {lease.round}


def test_a_lease_is_started_with_what_all_its_trials_need():
    for lease in make_plan(profile()).leases:
        needed = {}
        for trial in lease.trials:
            needed |= trial.cell.scenario.settings(trial.cell.params)
        assert lease.settings == needed


def test_cells_that_agree_share_one_lease():
    plan = make_plan(profile(rounds=1), variants=["arq"])
    assert [len(lease.trials) for lease in plan.leases] == [5, 5]
    assert plan.leases[0].settings == {"add.service_s": 0.0, "flaky.retry_delay_s": 5.0}


def test_cells_that_need_other_settings_get_leases_of_their_own():
    cells = [FLAKY | {"retry_delay_s": 1.0}, FLAKY | {"retry_delay_s": 2.0}, ADD_CLOSED]
    plan = make_plan(profile(*cells, rounds=1, concurrency=[1]), variants=["arq"])
    delays = sorted(lease.settings["flaky.retry_delay_s"] for lease in plan.leases)
    assert delays == [1.0, 2.0]
    for lease in plan.leases:
        for trial in lease.trials:
            if trial.cell.scenario.name == "flaky":
                assert trial.cell.params["retry_delay_s"] == lease.settings["flaky.retry_delay_s"]


def test_parameters_of_sending_only_do_not_part_leases():
    plan = make_plan(profile(CHAIN, LONG_CHAIN, rounds=1, concurrency=[1]), variants=["arq"])
    assert [len(lease.trials) for lease in plan.leases] == [2]


def test_a_drain_comes_first_in_its_lease_for_it_needs_workers_not_yet_started():
    drains = 0
    for seed in range(20):
        for lease in make_plan(profile(seed=seed)).leases:
            loads = [trial.cell.load for trial in lease.trials]
            assert "drain" not in loads[1:]
            drains += loads[0] == "drain"
    assert drains == 20 * 3 * 20  # seeds, rounds, 9 variants and a twin at 2 concurrencies


def test_a_lease_takes_one_drain():
    (lease,) = make_plan(profile(ADD_DRAIN, rounds=1, concurrency=[1]), variants=["arq"]).leases
    drain, closed = (
        make_plan(profile(cell, concurrency=[1]), variants=["arq"]).cells[0]
        for cell in (ADD_DRAIN, ADD_CLOSED)
    )
    assert lease.takes(closed)
    assert not lease.takes(drain)


def test_cells_that_differ_in_nothing_a_report_can_show_are_refused():
    cells = [ADD_DRAIN, ADD_DRAIN | {"tasks": 60}]
    with pytest.raises(UsageError, match="two cells that differ at most in tasks"):
        make_plan(profile(*cells, concurrency=[1]), variants=["arq"])


def test_a_cell_that_is_asked_for_twice_is_there_once():
    cells = make_plan(profile(ADD_DRAIN, ADD_DRAIN, concurrency=[1, 2, 1]), variants=["arq"]).cells
    assert [cell.concurrency for cell in cells] == [1, 2]


def test_where_every_worker_runs_so_cells_with_the_option_and_without_are_one():
    both = [
        ADD_DRAIN | {"variants": ["celery:solo+winloop"]},
        ADD_DRAIN | {"variants": ["celery:solo", "celery:threads"]},
    ]
    asked = profile(*both, concurrency=[1], rounds=1)
    names = [cell.name for cell in make_plan(asked, platform="linux").cells]
    assert names == ["celery:solo+winloop", "celery:solo", "celery:threads"]
    names = [cell.name for cell in make_plan(asked, platform="win32").cells]
    assert names == ["celery:solo", "celery:threads"]


def test_no_lease_is_empty_and_no_trial_is_in_two():
    plan = make_plan(profile())
    assert all(lease.trials for lease in plan.leases)
    assert len(plan.trials) == len({trial.number for trial in plan.trials})
    assert len(plan.trials) == 3 * len(plan.cells)


# --- names and numbers -----------------------------------------------------------------------


def test_ids_are_unique_and_safe_as_file_names():
    plan = make_plan(profile(), variants=["celery@5.3.4", "rq", "arq@1!2.0+local"])
    trials = [trial.id for trial in plan.trials]
    leases = [lease.id for lease in plan.leases]
    assert len(set(trials)) == len(trials)
    assert len(set(leases)) == len(leases)
    for name in trials + leases:
        assert re.fullmatch(r"[A-Za-z0-9._+!-]+", name)
        assert len(name) < 100


def test_an_id_tells_round_number_variant_concurrency_scenario_and_load():
    cell = make_plan(profile(ADD_DRAIN), variants=["celery@5.3.4:threads"]).cells[1]
    trial = TrialPlan(7, 2, cell)
    assert trial.id == "r2-0007-celery-v5.3.4-threads-c4-add-drain"
    assert LeasePlan(cell.choice, 4, 2, trials=[trial]).id == "r2-0007-celery-v5.3.4-threads-c4"


def test_a_label_names_the_cell_for_people():
    cell = make_plan(profile(CHAIN), variants=["celery:threads"]).cells[1]
    assert cell.label == "celery:threads c=4 chain closed"


def test_numbers_count_from_one_without_gaps():
    numbers = sorted(trial.number for trial in make_plan(profile()).trials)
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_items_of_a_trial_carry_its_number_in_their_ids():
    cell = make_plan(profile(FLAKY), variants=["arq"]).cells[0]
    assert [item[0].task_id for item in cell.items(6)] == [6 * 2**32 + i for i in range(20)]


# --- rounds ----------------------------------------------------------------------------------


def test_a_cell_with_rounds_of_its_own_has_so_many():
    plan = make_plan(profile(ADD_DRAIN, FLAKY | {"rounds": 1}, ADD_CLOSED | {"rounds": 5}))
    rounds = Counter((t.cell.scenario.name, t.cell.load) for t in plan.trials)
    assert rounds == {
        ("add", "drain"): 3 * 20,
        ("flaky", "burst"): 1 * 18,  # of one round there is no twin
        ("add", "closed"): 5 * 20,
    }


@pytest.mark.parametrize(("asked", "plain", "own"), [(1, 1, 1), (2, 2, 2), (9, 9, 4)])
def test_asked_rounds_replace_the_profiles_but_never_add_to_a_cells_own(asked, plain, own):
    plan = make_plan(profile(ADD_DRAIN, FLAKY | {"rounds": 4}), rounds=asked, variants=["arq"])
    rounds = Counter(trial.cell.load for trial in plan.trials)
    assert rounds == {"drain": 2 * plain, "burst": 2 * own}


# --- narrowing -------------------------------------------------------------------------------


def test_naming_a_backend_takes_all_its_variants():
    plan = make_plan(profile(), variants=["rq"])
    assert {cell.choice.name for cell in plan.cells} == {"rq:fork", "rq:simple"}


def test_a_variant_named_twice_runs_once():
    plan = make_plan(profile(ADD_DRAIN), variants=["rq", "rq:fork", "rq:simple"])
    assert Counter(cell.label for cell in plan.cells) == {
        f"rq:{name} c={concurrency} add drain": 1
        for name in ("fork", "simple")
        for concurrency in (1, 4)
    }


def test_a_pinned_version_is_another_variant_than_the_newest():
    plan = make_plan(profile(ADD_DRAIN, concurrency=[1]), variants=["arq", "arq@0.25"])
    assert [cell.choice.name for cell in plan.cells] == ["arq", "arq@0.25"]
    assert len(plan.leases) == 2 * 3


def test_naming_scenarios_leaves_the_others_out():
    plan = make_plan(profile(), scenarios=["chain"])
    assert {cell.scenario.name for cell in plan.cells} == {"chain"}


def test_no_narrowing_takes_all_variants_of_the_profile_and_no_hidden_ones():
    plan = make_plan(profile(ADD_DRAIN))
    assert {cell.choice.backend.name for cell in plan.cells} == {"celery", "dramatiq", "rq", "arq"}
    assert len({cell.choice.name for cell in plan.cells}) == 9


def test_a_cells_own_concurrency_is_taken_instead_of_the_profiles():
    plan = make_plan(profile(ADD_DRAIN | {"concurrency": [2, 8]}), variants=["arq"])
    assert [cell.concurrency for cell in plan.cells] == [2, 8]


def test_an_unknown_variant_is_told_with_the_nearest():
    with pytest.raises(UsageError, match=r"^unknown variant 'celery:thread': did you mean 'cel"):
        make_plan(profile(), variants=["celery:thread"])


def test_an_unknown_scenario_is_told_with_the_nearest():
    with pytest.raises(UsageError, match=r"^unknown scenario 'chian': did you mean 'chain'\?"):
        make_plan(profile(), scenarios=["chian"])


def test_nothing_left_to_run_is_told():
    with pytest.raises(UsageError, match=r"the profile test has only add, chain, and not"):
        make_plan(profile(ADD_DRAIN, CHAIN), scenarios=["flaky"])


# --- the baseline's twin ---------------------------------------------------------------------


def test_the_baseline_runs_twice_in_leases_of_its_own():
    asked = profile(ADD_DRAIN, ADD_CLOSED, baseline="arq", baseline_windows="arq")
    plan = make_plan(asked, variants=["arq", "rq:fork"])
    names = Counter(cell.name for cell in plan.cells)
    assert names == {"arq": 4, "arq (A/A)": 4, "rq:fork": 4}
    for lease in plan.leases:
        assert {trial.cell.twin for trial in lease.trials} == {lease.twin}
    twins = [lease.id for lease in plan.leases if lease.twin]
    assert len(twins) == 3 * 2
    assert all("-arq-aa-c" in name for name in twins)


@pytest.mark.parametrize("cell", [ADD_DRAIN | {"rounds": 2}, BACKLOG, IDLE], ids=str)
def test_what_no_difference_is_told_of_has_no_twin(cell):
    plan = make_plan(profile(cell, baseline="arq"), variants=["arq"])
    assert not any(cell.twin for cell in plan.cells)


def test_a_run_without_the_baseline_has_no_twin():
    assert not any(cell.twin for cell in make_plan(profile(), variants=["arq"]).cells)


# --- how a load is offered -------------------------------------------------------------------


def test_every_rate_of_an_open_load_is_a_cell():
    plan = make_plan(profile(ADD_DRAIN, OPEN, concurrency=[4]), variants=["arq"])
    assert [cell.params for cell in plan.cells[1:]] == [
        {"service_s": 0.0, "arrival": "poisson", "offered": 0.5},
        {"service_s": 0.0, "arrival": "poisson", "offered": 0.8},
        {"service_s": 0.0, "arrival": "poisson", "rate_per_s": 50},
    ]


def test_a_share_of_the_drain_has_no_count_of_tasks_before_the_drain_was_measured():
    plan = make_plan(profile(ADD_DRAIN, OPEN, concurrency=[4]), variants=["arq"])
    assert [cell.tasks for cell in plan.cells[1:]] == [0, 0, 100]


@pytest.mark.parametrize("cell", [OPEN, SATURATION], ids=str)
def test_rates_that_are_shares_of_a_drain_need_that_drain(cell):
    other = ADD_DRAIN | {"service_s": 0.5}
    for cells in ([cell], [cell, other]):
        with pytest.raises(UsageError, match=r"has no drain for arq c=1 add (open|sat)") as caught:
            make_plan(profile(*cells, concurrency=[1]), variants=["arq"])
        assert ("rate_per_s" in str(caught.value)) == (cell is OPEN)  # a saturation has none


def test_a_rate_common_to_all_needs_no_drain():
    (cell,) = make_plan(profile(COMMON, concurrency=[1]), variants=["arq"]).cells
    assert cell.params["rate_per_s"] == 50


def test_a_drain_shares_its_lease_with_the_loads_that_take_shares_of_it():
    plan = make_plan(profile(OPEN, SATURATION, ADD_DRAIN, rounds=1), variants=["arq"])
    assert [lease.trials[0].cell.load for lease in plan.leases] == ["drain"] * 2
    assert {trial.cell.drained for trial in plan.leases[0].trials} == {
        plan.leases[0].trials[0].cell.drained
    }


@pytest.mark.parametrize("seed", range(20))
def test_shares_of_a_drain_are_taken_in_its_own_lease_whatever_else_is_drained(seed):
    cells = [ADD_DRAIN, OPEN, SATURATION, PAYLOAD_DRAIN, SLOW_DRAIN, SLOW_OPEN, ADD_CLOSED]
    more = {"seed": seed, "baseline": "arq"}
    plan = make_plan(profile(*cells, **more), variants=["arq", "dramatiq"], platform="linux")
    relative = 0
    for lease in plan.leases:
        for trial in lease.trials:
            if trial.cell.relative:
                relative += 1
                assert lease.trials[0].cell.load == "drain"
                assert lease.trials[0].cell.drained == trial.cell.drained
                assert lease.trials[0].round == trial.round
    assert relative == 3 * 2 * (2 * 5 + 4)  # rounds, concurrencies; variants, and a twin


def test_which_lease_of_several_drains_takes_the_other_loads_is_shuffled():
    cells = [ADD_DRAIN, OPEN, PAYLOAD_DRAIN, ADD_CLOSED]
    beside = Counter()
    for seed in range(40):
        plan = make_plan(profile(*cells, seed=seed, concurrency=[1]), variants=["arq"])
        for lease in plan.leases:
            if any(trial.cell.load == "closed" for trial in lease.trials):
                beside[lease.trials[0].cell.scenario.name] += 1
    assert min(beside["add"], beside["payload"]) > 30


def test_a_share_of_an_earlier_rounds_drain_needs_no_drain_in_its_round():
    plan = make_plan(profile(ADD_DRAIN, PAYLOAD_DRAIN, OPEN, concurrency=[1]), variants=["arq"])
    cells = [cell for cell in plan.cells if cell.relative]
    (lease,) = round_of_leases(cells, 9, 1, random.Random(1))
    assert len(lease.trials) == 2


def test_no_parameter_is_another_for_being_written_without_a_fraction():
    drain, open_ = ADD_DRAIN | {"service_s": 0}, OPEN | {"service_s": 0.0}
    plan = make_plan(profile(drain, open_, concurrency=[1]), variants=["arq"])
    assert len({cell.drained for cell in plan.cells}) == 1


@pytest.mark.parametrize(
    ("cell", "instead"),
    [(OPEN, ", or give rate_per_s = [N, ...] instead"), (SATURATION, "")],
    ids=["open", "saturation"],
)
def test_a_drain_needs_the_rounds_of_what_takes_shares_of_it(cell, instead):
    few = profile(ADD_DRAIN | {"rounds": 2}, cell, concurrency=[1], baseline="arq")
    with pytest.raises(UsageError) as caught:
        make_plan(few, variants=["arq"], platform="linux")
    assert str(caught.value) == (
        f"the profile test drains in 2 of the 3 rounds of arq c=1 add {cell['load']}: its rates "
        "are shares of what is drained in the same round, so give the drain rounds = 3, or this "
        f"cell rounds = 2{instead}"
    )
    enough = profile(ADD_DRAIN | {"rounds": 2}, cell | {"rounds": 2}, concurrency=[1])
    assert make_plan(enough, variants=["arq"]).trials


def test_more_rounds_than_the_drain_has_of_its_own_are_refused():
    wanted = profile(ADD_DRAIN | {"rounds": 4}, OPEN, concurrency=[1])
    assert make_plan(wanted, variants=["arq"], rounds=4).trials
    with pytest.raises(UsageError, match="drains in 4 of the 9 rounds of arq c=1 add open"):
        make_plan(wanted, variants=["arq"], rounds=9)


def test_a_backlog_has_a_lease_of_its_own_for_it_is_left_half_done():
    plan = make_plan(profile(BACKLOG, ADD_DRAIN, ADD_CLOSED, concurrency=[4]), variants=["arq"])
    loads = [[t.cell.load for t in lease.trials] for lease in plan.leases if lease.round == 1]
    assert sorted(map(len, loads)) == [1, 1, 2]
    assert loads.count(["backlog"]) == 2
    assert sorted({cell.tasks for cell in plan.cells if cell.load == "backlog"}) == [1000, 5000]


def test_a_list_of_values_makes_a_cell_of_each():
    sweep = CHAIN | {"length": [2, 3], "service_s": [0.0, 0.1]}
    plan = make_plan(profile(sweep, concurrency=[1]), variants=["arq"])
    assert [cell.params for cell in plan.cells] == [
        {"length": length, "service_s": service_s} for length in (2, 3) for service_s in (0.0, 0.1)
    ]


# --- cells -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "baseline"),
    [("win32", "celery:solo"), ("linux", "rq:fork"), ("darwin", "rq:fork")],
)
def test_windows_has_a_baseline_of_its_own(platform, baseline):
    plan = make_plan(profile(baseline="rq:fork"), platform=platform)
    assert plan.baseline == baseline


def test_what_is_known_to_do_no_work_is_run_only_where_it_was_named_itself():
    assert "celery:prefork" not in make_plan(profile()).selection.named
    assert "celery:prefork" in make_plan(profile(variants=["celery:prefork", "rq"])).selection.named
    assert "celery:prefork" in make_plan(profile(), variants=["celery:prefork"]).selection.named
    assert "arq" in make_plan(profile()).selection.named, "it is the only one of that name"
    asked = profile(variants=["celery:prefork+winloop"])
    assert "celery:prefork" in make_plan(asked, platform="win32").selection.named


def test_parameters_are_the_scenarios_defaults_but_for_what_the_cell_sets():
    plan = make_plan(profile(CHAIN | {"length": 3}), variants=["arq"])
    assert plan.cells[0].params == {"length": 3, "service_s": 0.0}


def tasks(spec, variant, concurrency=1):
    plan = make_plan(profile(spec, concurrency=[concurrency]), variants=[variant])
    return plan.cells[0].tasks


def drain_for(seconds, **more):
    return {"scenario": "add", "load": "drain", "for_s": seconds, **more}


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_drain_of_a_queue_whose_rate_does_not_grow_is_rate_times_seconds(concurrency):
    rate = choose("celery:gevent")[0].variant.nominal_tasks_per_s
    assert tasks(drain_for(2.0), "celery:gevent", concurrency) == 2 * rate


def test_a_drain_of_a_queue_whose_rate_grows_is_sized_by_its_concurrency():
    rate = choose("rq:fork")[0].variant.nominal_tasks_per_s
    assert tasks(drain_for(2.0), "rq:fork", 1) == 2 * rate
    assert tasks(drain_for(2.0), "rq:fork", 8) == 16 * rate


def test_a_drain_of_slow_tasks_is_no_longer_than_slots_can_do_in_the_time():
    """4 slots of half a second each do 8 tasks in a second."""
    assert tasks(drain_for(5.0, service_s=0.5), "celery:gevent", 4) == 40


def test_a_drain_has_at_least_ten_tasks():
    assert tasks(drain_for(0.001), "arq") == 10


def test_a_count_in_the_profile_is_taken_as_it_is():
    assert tasks(drain_for(100.0, tasks=3), "rq:fork") == 3


def test_a_closed_load_has_more_items_than_it_can_use():
    assert tasks(ADD_CLOSED | {"for_s": 0.5}, "arq") == 1000


def test_a_plan_is_made_of_cells_of_the_registry():
    cell = make_plan(profile(CHAIN), variants=["arq"]).cells[0]
    assert isinstance(cell, Cell)
    assert cell.scenario is all_scenarios()["chain"]
    assert cell.choice == choose("arq")[0]


# --- windows ---------------------------------------------------------------------------------


def test_a_drain_of_several_windows_says_so_and_others_are_described_as_before():
    plain, several = (
        make_plan(profile(cell, concurrency=[4], variants=["arq"])).cells[0]
        for cell in (ADD_DRAIN, ADD_DRAIN | {"windows": 3})
    )
    assert (plain.windows, several.windows) == (1, 3)
    assert plain.tasks == several.tasks == 30
    assert describe(several) == describe(plain) | {"windows": 3}
    assert several.drained == plain.drained


# --- variants of a cell, options that are native ---------------------------------------------

SOLO, THREADS = "celery:solo+winloop", "celery:threads+winloop"


def names_of(plan: Plan) -> list[str]:
    return sorted({cell.choice.name for cell in plan.cells})


def test_a_cell_may_name_variants_of_its_own():
    asked = profile(ADD_CLOSED, ADD_DRAIN | {"variants": [THREADS, "arq"]}, rounds=1)
    plan = make_plan(asked, platform="linux")
    drained = {cell.choice.name for cell in plan.cells if cell.load == "drain"}
    assert drained == {THREADS, "arq"}
    assert len({cell.choice.name for cell in plan.cells if cell.load == "closed"}) > 4


def test_what_is_asked_for_narrows_a_cells_own_variants():
    own = ADD_DRAIN | {"variants": [SOLO, THREADS, f"{THREADS}+prefetch-1"]}
    for asked, left in (
        (["celery:threads"], [THREADS, f"{THREADS}+prefetch-1"]),
        ([THREADS], [THREADS]),
        (["celery"], sorted(own["variants"])),
    ):
        plan = make_plan(profile(own, rounds=1), variants=asked, platform="linux")
        assert names_of(plan) == left
    with pytest.raises(UsageError, match="nothing to run"):
        make_plan(profile(own, rounds=1), variants=["arq"])


def test_an_option_that_is_how_things_are_is_no_option_there():
    names = [SOLO, f"{THREADS}+prefetch-1", "celery:threads+prefetch-1", "celery:gevent"]
    asked = profile(ADD_DRAIN, variants=names, baseline=SOLO, baseline_windows=SOLO)
    assert names_of(make_plan(asked, platform="linux")) == sorted(names)
    there = make_plan(asked, platform="win32")
    assert names_of(there) == ["celery:gevent", "celery:solo", "celery:threads+prefetch-1"]
    assert there.baseline == "celery:solo"


def test_a_library_is_not_asked_for_what_an_option_takes_from_it():
    plan = make_plan(profile(ADD_DRAIN, ADD_CLOSED, variants=["celery:solo+no-results"]))
    assert {cell.load for cell in plan.cells} == {"drain"}
