from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.plan.planner import make_plan
from bench.plan.profile import builtin_profiles, load_profile, profile_of

#: Its lines are counted in the tests below.
GOOD = """\
description = "for tests"
rounds = 2
variants = ["arq"]
concurrency = [1, 4]

[[cells]]
scenario = "add"
load = "drain"
for_s = 1

[[cells]]
scenario = "flaky"
load = "burst"
tasks = 10
retry_delay_s = 0.5
concurrency = [2]
"""


@pytest.fixture
def load(tmp_path):
    """Load a profile with this text."""

    def load(text):
        path = tmp_path / "mine.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_profile(str(path))

    return load


def changed(before, after):
    assert GOOD.count(before) == 1, "the test changes nothing, or too much"
    return GOOD.replace(before, after)


# --- good profiles ---------------------------------------------------------------------------


def test_there_is_a_quick_profile():
    assert "quick" in builtin_profiles()


@pytest.mark.parametrize("name", sorted(builtin_profiles()))
def test_every_profile_that_comes_with_the_suite_loads_and_can_be_planned(name):
    profile = load_profile(name)
    assert profile.name == name
    assert profile.description
    plan = make_plan(profile)
    assert {cell.scenario.name for cell in plan.cells} == {c.scenario for c in profile.cells}
    assert plan.trials


@pytest.mark.parametrize("name", sorted(builtin_profiles()))
def test_a_profile_that_comes_with_the_suite_has_its_baselines_among_its_variants(name):
    profile = load_profile(name)
    names = {cell.choice.name for cell in make_plan(profile).cells}
    assert {profile.baseline, profile.baseline_windows} <= names


@pytest.mark.parametrize("name", ["quick", "standard"])
def test_failures_are_spread_over_a_second_and_retried_after_whole_ones(name):
    """Else whether rq, which keeps whole seconds, is caught too early is a matter of luck."""
    (spec,) = (cell for cell in load_profile(name).cells if cell.scenario == "flaky")
    (cell,) = (
        cell
        for cell in make_plan(load_profile(name), variants=["rq:fork"]).cells
        if cell.scenario.name == "flaky"
    )
    assert (spec.load, cell.params["arrival"]) == ("open", "constant")
    assert cell.tasks / cell.params["rate_per_s"] > 1
    assert cell.params["retry_delay_s"].is_integer()


def test_a_file_is_loaded_by_its_path_and_named_by_its_stem(load):
    profile = load(GOOD)
    assert profile.name == "mine"
    assert (profile.rounds, profile.variants, profile.concurrency) == (2, ["arq"], [1, 4])
    add, flaky = profile.cells
    assert (add.for_s, add.tasks, add.own_parameters()) == (1.0, None, {})
    assert (flaky.tasks, flaky.concurrency) == (10, [2])
    assert flaky.own_parameters() == {"retry_delay_s": [0.5]}


def test_a_variant_and_the_same_with_an_option_are_two_variants_of_a_plan(load):
    plan = make_plan(load(changed('["arq"]', '["arq", "arq+fast-poll"]')))
    assert {cell.choice.name for cell in plan.cells} == {"arq", "arq+fast-poll"}
    assert {lease.choice.name for lease in plan.leases} == {"arq", "arq+fast-poll"}
    assert len({lease.id for lease in plan.leases}) == len(plan.leases)


def test_what_a_profile_does_not_say_has_a_default(load):
    profile = load(GOOD)
    assert (profile.seed, profile.trial_timeout_s) == (1, 60.0)
    assert (profile.baseline, profile.baseline_windows) == ("celery:prefork", "celery:solo")


def test_a_parameter_may_be_exactly_its_minimum(load):
    assert load(changed("retry_delay_s = 0.5", "retry_delay_s = 0.001")).cells[1]


def test_a_whole_number_does_for_a_parameter_with_a_fraction(load):
    profile = load(changed("retry_delay_s = 0.5", "retry_delay_s = 2"))
    assert profile.cells[1].own_parameters() == {"retry_delay_s": [2]}


# --- mistakes --------------------------------------------------------------------------------

CELL = "for_s = 1\n"
FLAKY_KEYS = "retry_delay_s, scenario, load, concurrency, rounds, for_s, tasks"

MISTAKES = {
    # top level
    "wrong key": (
        changed("rounds = 2", "runds = 2"),
        2,
        r"unknown key 'runds': allowed are description, rounds, seed, baseline, baseline_windows, "
        r"variants, concurrency, trial_timeout_s, repeat_disturbed, quick_rounds, cells$",
    ),
    "text for a count": (
        changed("rounds = 2", 'rounds = "2"'),
        2,
        r"rounds = '2': input should be a valid integer",
    ),
    "fraction for a count": (
        changed("rounds = 2", "rounds = 2.5"),
        2,
        r"rounds = 2\.5: input should be a valid integer",
    ),
    "bool for a count": (
        changed("rounds = 2", "rounds = true"),
        2,
        r"rounds = True: input should be a valid integer",
    ),
    "no rounds": (
        changed("rounds = 2", "rounds = 0"),
        2,
        r"rounds = 0: input should be greater than or equal to 1",
    ),
    "text for a list": (
        changed('["arq"]', '"arq"'),
        3,
        r"variants = 'arq': input should be a valid list",
    ),
    "empty list": (
        changed('["arq"]', "[]"),
        3,
        r"variants = \[\]: list should have at least 1 item",
    ),
    "second of a list": (
        changed("[1, 4]", "[1, 0]"),
        4,
        r"concurrency\.2 = 0: input should be greater than or equal to 1",
    ),
    "missing variants": (changed('variants = ["arq"]\n', ""), 1, r"the key 'variants' is missing"),
    "missing cells": (
        'variants = ["arq"]\nrounds = 1\n',
        1,
        r"the key 'cells' is missing",
    ),
    "unknown variant": (
        changed('["arq"]', '["arq", "rq:frok"]'),
        3,
        r"unknown variant 'rq:frok': did you mean 'rq:fork'\? known are ",
    ),
    "unknown option": (
        changed('["arq"]', '["arq", "arq+fast-pol"]'),
        3,
        r"unknown variant 'arq\+fast-pol': did you mean 'arq\+fast-poll'\? known are ",
    ),
    "unknown baseline": (
        changed("rounds = 2", 'baseline = "cellery"'),
        2,
        r"unknown variant 'cellery': did you mean 'celery:",
    ),
    "endless timeout": (
        changed("rounds = 2", "trial_timeout_s = inf"),
        2,
        r"trial_timeout_s = inf: input should be a finite number",
    ),
    # in a cell
    "missing load": (changed('load = "drain"\n', ""), 6, r"the key 'cells\.1\.load' is missing"),
    "missing load in the second cell": (
        changed('load = "burst"\n', ""),
        11,
        r"the key 'cells\.2\.load' is missing",
    ),
    "text for a number": (
        changed(CELL, 'for_s = "1"\n'),
        9,
        r"cells\.1\.for_s = '1': input should be a valid number",
    ),
    "no time": (
        changed(CELL, "for_s = 0\n"),
        9,
        r"cells\.1\.for_s = 0: input should be greater than 0",
    ),
    "no end of time": (
        changed(CELL, "for_s = inf\n"),
        9,
        r"cells\.1\.for_s = inf: input should be a finite number",
    ),
    "no tasks": (
        changed("tasks = 10", "tasks = 0"),
        14,
        r"cells\.2\.tasks = 0: input should be greater than or equal to 1",
    ),
    "key of both levels in a cell": (
        changed("concurrency = [2]", "concurrency = [2000]"),
        16,
        r"cells\.2\.concurrency\.1 = 2000: input should be less than or equal to 1024",
    ),
    "unknown scenario": (
        changed('"flaky"', '"flakey"'),
        12,
        r"unknown scenario 'flakey': did you mean 'flaky'\? known are add, chain, compute,",
    ),
    "load that does not fit": (
        changed('"burst"', '"drain"'),
        13,
        r"load 'drain' does not fit flaky: allowed: burst, open$",
    ),
    "neither tasks nor time": (
        changed(CELL, ""),
        7,
        r"a cell needs tasks = N or for_s = SECONDS$",
    ),
    "closed without time": (
        changed('"drain"\nfor_s = 1', '"closed"\ntasks = 5'),
        8,
        r"load 'closed' needs for_s = SECONDS \(tasks = N may limit it further\)$",
    ),
    "unknown parameter": (
        changed("retry_delay_s = 0.5", "retry_delay = 0.5"),
        15,
        rf"unknown key 'retry_delay' for flaky: allowed are {FLAKY_KEYS}$",
    ),
    "parameter of another scenario": (
        changed(CELL, "for_s = 1\nlength = 2\n"),
        10,
        r"unknown key 'length' for add: allowed are service_s, scenario, ",
    ),
    "open without time": (
        changed('"drain"\nfor_s = 1', '"open"\noffered = [0.5]'),
        8,
        r"load 'open' needs for_s = SECONDS$",
    ),
    "open without a rate": (
        changed('"drain"\nfor_s = 1', '"open"\nfor_s = 1'),
        8,
        r"load 'open' needs rate_per_s = \[N, \.\.\.\] or offered = \[SHARE, \.\.\.\] of the drain",
    ),
    "share that is no list": (
        changed('"drain"\nfor_s = 1', '"open"\nfor_s = 1\noffered = 0.5'),
        10,
        r"cells\.1\.offered = 0\.5: input should be a valid list$",
    ),
    "share of more than twice": (
        changed('"drain"\nfor_s = 1', '"open"\nfor_s = 1\noffered = [50]'),
        10,
        r"offered\.1 = 50: input should be less than or equal to 2$",
    ),
    "share that is no number": (
        changed('"drain"\nfor_s = 1', '"open"\nfor_s = 1\noffered = [0.5, nan]'),
        10,
        r"offered\.2 = nan: input should be a finite number$",
    ),
    "rate that is no number": (
        changed('"drain"\nfor_s = 1', '"open"\nfor_s = 1\nrate_per_s = [nan]'),
        10,
        r"rate_per_s\.1 = nan: input should be a finite number$",
    ),
    "unknown arrival": (
        changed('"drain"\nfor_s = 1', '"open"\nfor_s = 1\noffered = [0.5]\narrival = "bursty"'),
        11,
        r"arrival = 'bursty': input should be 'poisson' or 'constant'$",
    ),
    "backlog without its sizes": (
        changed('"drain"\nfor_s = 1', '"backlog"\nfor_s = 1'),
        8,
        r"load 'backlog' needs backlog = \[N, \.\.\.\]$",
    ),
    "key of another load": (
        changed(CELL, "for_s = 1\noffered = [0.5]\n"),
        10,
        r"load 'drain' does not know 'offered': allowed are for_s, tasks, windows$",
    ),
    "bound of another load": (
        changed(CELL, "for_s = 1\np99_bound_ms = 50\n"),
        10,
        r"load 'drain' does not know 'p99_bound_ms': allowed are for_s, tasks, windows$",
    ),
    "no value in a list": (
        changed("retry_delay_s = 0.5", "retry_delay_s = []"),
        15,
        r"retry_delay_s = \[\]: expected at least one value \(fixed delay",
    ),
    "wrong value in a list": (
        changed("retry_delay_s = 0.5", 'retry_delay_s = [1.0, "2"]'),
        15,
        r"retry_delay_s = '2': a number is expected",
    ),
    "text for a parameter": (
        changed("retry_delay_s = 0.5", 'retry_delay_s = "0.5"'),
        15,
        r"retry_delay_s = '0\.5': a number is expected \(fixed delay before a retry, seconds\)",
    ),
    "bool for a parameter": (
        changed("retry_delay_s = 0.5", "retry_delay_s = true"),
        15,
        r"retry_delay_s = True: a number is expected",
    ),
    "fraction for a whole parameter": (
        GOOD + '[[cells]]\nscenario = "chain"\nload = "closed"\nfor_s = 1\nlength = 2.5\n',
        21,
        r"length = 2\.5: an integer is expected \(tasks in a chain\)",
    ),
    "parameter below its minimum": (
        changed("retry_delay_s = 0.5", "retry_delay_s = 0"),
        15,
        r"retry_delay_s = 0: at least 0\.001 \(fixed delay",
    ),
    "parameter that is no number": (
        changed("retry_delay_s = 0.5", "retry_delay_s = nan"),
        15,
        r"retry_delay_s = nan: a number is expected",
    ),
    "parameter without end": (
        changed("retry_delay_s = 0.5", "retry_delay_s = inf"),
        15,
        r"retry_delay_s = inf: a number is expected",
    ),
    "mistake below a header with a comment": (
        changed('[[cells]]\nscenario = "flaky"', '[[ cells ]] # retries\nscenario = "flakey"'),
        12,
        r"unknown scenario 'flakey'",
    ),
}


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_file_line_and_what_is_allowed(load, tmp_path, text, line, message):
    with pytest.raises(UsageError) as caught:
        load(text)
    told = str(caught.value)
    assert told.startswith(f"{tmp_path / 'mine.toml'}:{line}: ")
    assert re.search(message, told)
    assert "\n" not in told


def test_a_parameter_below_its_minimum_names_the_minimum(load):
    text = changed("retry_delay_s = 0.5", "retry_delay_s = -1")
    with pytest.raises(UsageError, match=r":15: retry_delay_s = -1: at least 0\.001 "):
        load(text)


def test_the_name_of_a_profile_is_its_files_and_no_key(load):
    profile = load(GOOD)
    assert profile.name == "mine"
    assert "name" not in profile.model_dump()


def test_bad_toml_is_told_with_its_line(load):
    text = changed("rounds = 2", "rounds = = 2")
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(text)
    with pytest.raises(UsageError, match=r"mine\.toml: not valid TOML: .*line 2"):
        load(text)


def test_a_key_twice_is_bad_toml(load):
    with pytest.raises(UsageError, match=r"not valid TOML: .*line 3"):
        load(changed("rounds = 2", "rounds = 2\nrounds = 3"))


def test_a_file_that_is_not_utf_8_is_told(load):
    with pytest.raises(UsageError, match=r"mine\.toml is not UTF-8 text: expected a TOML prof"):
        load(GOOD.replace("for tests", "für Tests").encode("latin-1"))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the profile .*none\.toml: No such file"):
        load_profile(str(tmp_path / "none.toml"))


def test_a_folder_is_no_profile(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageError, match=r"cannot read the profile .*folder\.toml: "):
        load_profile(str(tmp_path / "folder.toml"))


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(UsageError, match=r"unknown profile 'quik': did you mean 'quick'\?"):
        load_profile("quik")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('name = "mine"', "unknown key 'name'"),
        ('baseline = "celery"', "the baseline 'celery' is several variants"),
    ],
)
def test_a_name_and_a_baseline_of_several_variants_are_refused(
    tmp_path: Path, line: str, problem: str
) -> None:
    path = tmp_path / "mine.toml"
    cell = '[[cells]]\nscenario = "add"\nload = "drain"\ntasks = 1\n'
    path.write_text(f'variants = ["arq"]\n{line}\n{cell}', encoding="utf-8")
    with pytest.raises(UsageError, match=rf"mine\.toml:2: {problem}"):
        load_profile(str(path))


def test_a_share_above_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    cell = '[[cells]]\nscenario = "notification"\nload = "burst"\ntasks = 1\nfault_share = 1.5\n'
    path.write_text(f'variants = ["arq"]\n{cell}', encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.toml:6: fault_share = 1.5: at most 1"):
        load_profile(str(path))


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    cell = '[[cells]]\nscenario = "add"\nload = "drain"\ntasks = 1\n'
    path.write_text(f'variants = ["arq"]\n{cell}', encoding="utf-8-sig")
    assert load_profile(str(path)).name == "mine"


# --- the quick sample ------------------------------------------------------------------------


def test_a_sample_has_the_cells_that_say_so_with_what_they_change(load):
    text = GOOD.replace("rounds = 2", "rounds = 2\nquick_rounds = 1", 1)
    text += '[[cells]]\nscenario = "chain"\nload = "closed"\nfor_s = 3.0\nlength = [2, 5]\n'
    sample = load(text + "quick = { for_s = 0.5, length = 2 }\n").sample()
    (cell,) = sample.cells
    assert (sample.name, sample.rounds) == ("mine-quick", 1)
    assert (cell.scenario, cell.for_s, cell.own_parameters()) == ("chain", 0.5, {"length": [2]})
    assert profile_of(sample.as_data(), Path("x")).cells == sample.cells


def test_a_profile_without_a_sample_says_so(load):
    with pytest.raises(UsageError, match="the profile mine has no quick sample"):
        load(GOOD).sample()


def test_a_sample_that_changes_what_a_cell_has_not_is_refused(load):
    text = '[[cells]]\nscenario = "add"\nload = "drain"\ntasks = 5\nquick = { taskss = 1 }\n'
    with pytest.raises(UsageError, match="unknown key 'taskss'"):
        load(GOOD + text).sample()
