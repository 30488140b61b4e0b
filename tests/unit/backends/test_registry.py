from __future__ import annotations

import re

import pytest

from backends import UnknownVariant, all_backends, choose, known_variants
from backends.abilities import ABILITIES
from backends.keys import unlink
from backends.spec import (
    Backend,
    Capabilities,
    KnownDefect,
    Option,
    Probe,
    Readiness,
    Semantics,
    Setting,
    Variant,
)
from bench.errors import unknown
from bench.plan.cells import file_name
from scenarios import all_scenarios

# --- choosing --------------------------------------------------------------------------------


def test_the_suites_own_variants_are_compared():
    """Others may be there as well: a backend is a folder, and no test lists them all."""
    known = known_variants()
    assert {"arq", "celery:prefork", "celery:threads", "floor:one", "rq:fork"} <= set(known)
    assert len(known) == len(set(known))


def test_hidden_variants_are_known_to_those_who_ask():
    hidden = set(known_variants(hidden=True)) - set(known_variants())
    assert "fake:honest" in hidden
    assert {choose(name)[0].backend.hidden for name in hidden} == {True}
    assert not any(choose(name)[0].backend.hidden for name in known_variants())


@pytest.mark.parametrize("name", known_variants(hidden=True))
def test_every_known_name_chooses_itself_alone(name):
    assert [choice.name for choice in choose(name)] == [name]


@pytest.mark.parametrize(("text", "count"), [("celery", 5), ("rq", 2), ("arq", 1), (" rq ", 2)])
def test_a_backends_name_chooses_all_its_variants(text, count):
    chosen = choose(text)
    assert len(chosen) == count
    assert {choice.backend.name for choice in chosen} == {text.strip()}


@pytest.mark.parametrize(
    ("text", "version", "name"),
    [
        ("celery@5.3.4:threads", "5.3.4", "celery@5.3.4:threads"),
        ("arq@0.26", "0.26", "arq@0.26"),
        ("arq@1!2.0rc1+local.1", "1!2.0rc1+local.1", "arq@1!2.0rc1+local.1"),
        ("arq", None, "arq"),
    ],
)
def test_a_version_can_be_pinned(text, version, name):
    (choice,) = choose(text)
    assert (choice.version, choice.name) == (version, name)


def test_a_pin_holds_for_all_variants_of_a_backend():
    assert [choice.name for choice in choose("rq@2.0")] == ["rq@2.0:fork", "rq@2.0:simple"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "nope", "Celery", "celery:", "celery:nope", "celery:prefork:solo", "arq:fork"),
        *("rq@", "rq@:fork", "@2.0", ":fork", "celery prefork", "rq:fork@2.0", "kit", "spec"),
        # What would lead out of the folder of environments, or mean several versions.
        *("rq@../x", "rq@a/b", "rq@a\\b", "rq@>=2", "rq@*", "rq@.", "rq@2;x", "rq@-r"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_are_known(text):
    with pytest.raises(UnknownVariant) as caught:
        choose(text)
    assert caught.value.wanted == text
    assert caught.value.known == known_variants()


# --- options ---------------------------------------------------------------------------------


def quiet(name="quiet", value="1", **more):
    return Option(name, "less is told", settings=(Setting("level", value, "2", "why"),), **more)


@pytest.fixture
def optional(monkeypatch):
    """A backend that declares options, among those that are found."""
    semantics = Semantics("late", "at least once", "r", "r", "c")
    options = (
        quiet(),
        quiet("loud", "3"),
        Option("fast", "speed", settings=(Setting("s", "9", "1", "why"),), speed=3.0),
        Option("both", "two of them", includes=("quiet", "fast")),
        Option("only-b", "for b", variants=frozenset({"b"})),
    )
    variants = tuple(
        Variant(name=name, summary="s", concurrency="c", semantics=semantics) for name in "ab"
    )
    made = Queue("opt", "", "", variants, options=options)
    monkeypatch.setattr("backends.all_backends", lambda: {"opt": made})
    return made


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("opt:a+quiet", ["opt:a+quiet"]),
        ("opt+quiet", ["opt:a+quiet", "opt:b+quiet"]),
        ("opt:a+fast+quiet", ["opt:a+quiet+fast"]),
        ("opt:a+quiet+quiet", ["opt:a+quiet"]),
        ("opt+only-b", ["opt:b+only-b"]),
        ("opt@2.0:a+fast", ["opt@2.0:a+fast"]),
        ("opt@2.0+local:a+fast", ["opt@2.0+local:a+fast"]),
        ("opt:a", ["opt:a"]),
    ],
)
def test_options_are_part_of_the_name_in_the_order_of_their_declaration(text, names, optional):
    assert [choice.name for choice in choose(text)] == names


def test_a_local_version_is_told_from_options(optional):
    choice, _ = choose("opt@2.0+local+quiet")
    assert (choice.version, choice.variant.named) == ("2.0+local", ("quiet",))


@pytest.mark.parametrize(
    "text",
    [
        *("opt:a+qiet", "opt+qiet", "opt:a+", "opt:a+quiet+nope", "opt:a+only-b", "opt:c+quiet"),
        # They set the same.
        *("opt:a+quiet+loud", "opt:a+both+loud"),
    ],
)
def test_what_is_no_option_of_the_variant_is_refused(text, optional):
    with pytest.raises(UnknownVariant) as caught:
        choose(text)
    assert all(choose(name) for name in caught.value.known)


def test_the_nearest_option_that_exists_is_told_in_one_line(optional):
    with pytest.raises(UnknownVariant) as caught:
        choose("opt:a+qiet")
    message = str(unknown("variant", "opt:a+qiet", caught.value.known))
    assert "did you mean 'opt:a+quiet'?" in message
    assert "\n" not in message


def test_an_option_brings_what_it_includes_and_is_named_alone(optional):
    (choice,) = choose("opt:a+both")
    assert choice.name == "opt:a+both"
    assert [option.name for option in choice.variant.chosen] == ["quiet", "fast", "both"]
    assert choice.variant.has("fast")
    assert not choice.variant.has("loud")
    assert [setting.name for setting in choice.variant.own_settings] == ["level", "s"]
    assert choice.variant.nominal_rate(1) == 1500


def test_a_name_with_options_is_safe_as_a_files_on_windows(optional):
    (choice,) = choose("opt@2.0:a+quiet+fast")
    assert not set(file_name(choice.name)) & set('<>:"/\\|?*')
    assert not file_name(choice.name).endswith((".", " "))


# --- the floor -------------------------------------------------------------------------------


def test_the_floor_is_no_queue_to_choose_and_there_is_one():
    (floor,) = (backend for backend in all_backends().values() if backend.is_floor)
    assert not floor.hidden
    assert floor.capabilities.lacks("drain") is None
    assert floor.capabilities.lacks("closed", {"retries", "chains"}) == (
        "has no chains, keeps no results, does not retry"
    )


def test_one_process_or_as_many_as_tasks_at_once():
    floor = all_backends()["floor"]
    one, many = floor.variants
    assert [len(floor.worker_commands(one, n)) for n in (1, 4)] == [1, 1]
    assert [len(floor.worker_commands(many, n)) for n in (1, 4)] == [1, 4]


# --- what variants compute -------------------------------------------------------------------


def variant(**more):
    semantics = Semantics("late", "at least once", "r", "r", "c")
    return Variant(name="v", summary="s", concurrency="c", semantics=semantics, **more)


def test_a_variant_runs_everywhere_unless_it_says_where():
    assert variant().unsupported_reason("win32") is None
    limited = variant(platforms=frozenset({"linux", "darwin"}))
    assert limited.unsupported_reason("linux") is None
    assert limited.unsupported_reason("win32") == "needs darwin or linux, this is win32"


def test_a_variant_works_where_it_runs_unless_it_says_why_not():
    assert variant().broken_reason("win32") is None
    broken = variant(breaks_on={"win32": "no task is done"})
    assert broken.broken_reason("win32") == "no task is done"
    assert broken.broken_reason("linux") is None
    assert broken.unsupported_reason("win32") is None
    assert hash(broken) == hash(variant()), "it can be a key"


def test_a_defect_of_one_platform_is_known_there_alone():
    everywhere = KnownDefect("lost", "queue loses tasks", "NOTES.md")
    there = KnownDefect("stop", "queue ends", "NOTES.md", platforms=frozenset({"win32"}))
    backend = Backend("queue", "queue", "", (variant(),), known_defects=(everywhere, there))
    assert backend.defects_of(variant(), "win32") == (everywhere, there)
    assert backend.defects_of(variant(), "darwin") == (everywhere,)


def test_a_nominal_rate_grows_with_concurrency_where_it_is_said_to():
    assert variant(nominal_tasks_per_s=60).nominal_rate(4) == 60
    assert variant(nominal_tasks_per_s=60, nominal_grows=True).nominal_rate(4) == 240


def test_a_defect_is_of_all_variants_unless_it_names_some():
    everywhere = KnownDefect("lost", "queue loses tasks", "NOTES.md")
    elsewhere = KnownDefect("order", "queue shuffles", "NOTES.md", frozenset({"w"}))
    queue = Backend("queue", "queue", "", (), known_defects=(everywhere, elsewhere))
    assert queue.defects_of(variant()) == (everywhere,)


@pytest.mark.parametrize("given", [{}, {"pattern": "ready", "probe": lambda redis, name: 1}])
def test_readiness_is_told_in_one_way(given):
    with pytest.raises(ValueError, match="give one of the two"):
        Readiness(**given)


def test_when_a_task_is_forgotten_and_what_a_kill_does_are_two_things():
    """A library may keep a task until it is done and yet give it up with its worker."""
    promised = Semantics("late", "at most once", "r", "r", "c")
    assert (promised.ack, promised.delivery) == ("late", "at most once")


# --- what a library can do -------------------------------------------------------------------

NOTHING = Capabilities(results=False, retries=False, chains=False)


@pytest.mark.parametrize(
    ("capabilities", "load", "asks", "reason"),
    [
        (Capabilities(), "closed", {"retries", "chains"}, None),
        (NOTHING, "drain", set(), None),
        (NOTHING, "closed", set(), "keeps no results"),
        (NOTHING, "burst", {"retries"}, "does not retry"),
        (NOTHING, "burst", {"chains"}, "has no chains"),
        (NOTHING, "closed", {"chains"}, "has no chains, keeps no results"),
        (Capabilities(results=False), "burst", {"retries", "chains"}, None),
        (Capabilities(retries=False), "closed", {"chains"}, None),
    ],
)
def test_a_library_lacks_what_is_needed_and_it_cannot(capabilities, load, asks, reason):
    assert capabilities.lacks(load, asks) == reason


def test_asking_for_what_no_library_knows_is_a_mistake():
    with pytest.raises(KeyError):
        Capabilities().lacks("burst", {"miracles"})


def test_a_library_that_does_all_lacks_nothing_for_any_scenario():
    for scenario in all_scenarios().values():
        for load in scenario.loads:
            assert Capabilities().lacks(load, scenario.asks) is None


# --- the broker's keys -----------------------------------------------------------------------


class Stream:
    """Entries 1 to ``length``; each group is (last delivered, not acknowledged, lag)."""

    def __init__(self, length, *groups):
        self.ids = range(1, length + 1)
        self.groups = [
            {"last-delivered-id": str(last).encode(), "pending": pending, "lag": lag}
            for last, pending, lag in groups
        ]


class Redis:
    """As much of a client as counting and removing needs."""

    def __init__(self, **keys):
        self.keys = keys
        self.batches = []

    def type(self, key):
        kinds = {list: b"list", dict: b"hash", set: b"set", float: b"zset", str: b"string"}
        kinds[Stream] = b"stream"
        return kinds[type(self.keys[key])] if key in self.keys else b"none"

    def llen(self, key):
        return len(self.keys[key])

    hlen = scard = llen

    def zcard(self, key):
        return int(self.keys[key])

    def xlen(self, key):
        return len(self.keys[key].ids)

    def xinfo_groups(self, key):
        return self.keys[key].groups

    def xrange(self, key, min):
        assert min.startswith("(")
        return [number for number in self.keys[key].ids if number > int(min[1:])]

    def scan_iter(self, match, count):
        pattern = re.escape(match).replace(r"\*", ".*")
        return iter([key for key in self.keys if re.fullmatch(pattern, key)])

    def unlink(self, *keys):
        self.batches.append(len(keys))
        for key in keys:
            del self.keys[key]


class Queue(Backend):
    def queue_keys(self, namespace):
        return (f"{namespace}:queue", f"{namespace}:late:*", f"{namespace}:none")


@pytest.fixture
def queue():
    return Queue("queue", "queue", "", ())


def test_pending_adds_up_lists_hashes_sets_and_sorted_sets(queue):
    redis = Redis(
        **{"n:queue": [1, 2, 3], "n:late:a": {1: 1, 2: 2}, "n:late:b": {4}, "n:late:c": 5.0},
        **{"n:late:text": "is no queue", "other:queue": [1]},
    )
    assert queue.pending(redis, "n", None) == 3 + 2 + 1 + 5


@pytest.mark.parametrize(
    ("stream", "left"),
    [
        (Stream(5), 5),  # nobody reads it yet
        (Stream(5, (0, 0, 5)), 5),
        (Stream(5, (3, 2, 2)), 4),  # 2 to be given, 2 given and not acknowledged
        (Stream(5, (5, 0, 0)), 0),  # acknowledged entries stay in the stream
        (Stream(5, (3, 1, None)), 3),  # the server cannot tell how far behind: counted
        (Stream(5, (5, 1, 0), (2, 0, 3)), 4),  # each group has the stream to itself
    ],
)
def test_of_a_stream_is_pending_what_a_group_has_left(queue, stream, left):
    assert queue.pending(Redis(**{"n:queue": stream}), "n", None) == left


def test_nothing_is_pending_where_there_are_no_keys(queue):
    assert queue.pending(Redis(), "n", None) == 0


def test_a_sweep_removes_the_keys_that_name_the_lease_and_no_others(queue):
    redis = Redis(**{"n1:queue": [], "result:n1:7": "", "n2:queue": []})
    queue.sweep(redis, "n1")
    assert list(redis.keys) == ["n2:queue"]


def test_keys_are_removed_in_batches():
    redis = Redis(**{f"k{n}": [] for n in range(2500)})
    unlink(redis, list(redis.keys))
    assert (redis.batches, redis.keys) == ([1000, 1000, 500], {})


def test_what_a_probe_is_to_tell_may_differ_on_windows_or_be_left_to_chance():
    probe = Probe("graceful_stop", frozenset("ab"), frozenset("b"), by_chance=frozenset("c"))
    told = {name: (probe.expected(name, "linux"), probe.expected(name, "win32")) for name in "abcd"}
    assert told == {
        "a": (True, False),
        "b": (True, True),
        "c": (None, None),
        "d": (False, False),
    }
    assert Probe("graceful_stop", frozenset("a")).expected("a", "win32") is True


def test_every_probe_is_of_an_ability_and_of_variants_that_there_are():
    for backend in all_backends().values():
        names = {variant.name for variant in backend.variants}
        for probe in backend.abilities:
            assert probe.ability in ABILITIES
            assert probe.can | (probe.can_on_windows or set()) | probe.by_chance <= names
            assert (backend.folder / "abilities.py").is_file()


def test_what_an_option_changes_of_the_promises_is_promised():
    plain, early = (choose(f"celery:threads{options}")[0] for options in ("", "+early-ack"))
    assert (plain.variant.semantics.ack, plain.variant.semantics.delivery) == (
        "late",
        "at least once",
    )
    assert (early.variant.semantics.ack, early.variant.semantics.delivery) == (
        "early",
        "at most once",
    )
    (none,) = choose("celery:threads+no-results")
    assert none.backend.capabilities_of(none.variant).lacks("closed") == "keeps no results"
    assert plain.backend.capabilities_of(plain.variant).lacks("closed") is None
