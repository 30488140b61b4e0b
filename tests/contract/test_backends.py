"""One contract for every variant: a backend's folder is enough to be held to it.

Each variant gets one lease in a database of its own, on which everything happens once; the tests
look at what was seen. Each backend's first variant gets another among strangers, as at a URL.
``pytest tests/contract -k rq:fork`` checks one variant. What a library is known to break
(``known_defects``) is expected to fail, see ``conftest.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from support import (
    OUTSIDE_REDIS,
    PATIENCE_S,
    ROOT,
    files_with,
    only_lease,
    snapshot,
    wait_until,
    write_profile,
)

from backends import Choice, choose, known_variants
from backends.kit import events as kinds
from backends.spec import Capabilities
from bench.measure.attempts import attempts, retry_gaps
from bench.measure.checks import CLOCK_TOLERANCE_MS, Finding, trial_checks
from bench.measure.trace import Events, Trace
from bench.measure.truth import of_items
from bench.record.events import read_lease
from bench.run.trial import Outcome, run_trial
from bench.server.redis_server import Server
from bench.server.url import secrets_of
from bench.system import processes
from bench.system.platforms import here
from bench.workers.environments import Environment
from bench.workers.lease import Lease
from bench.workers.workers import ASKED_WITHIN_S
from scenarios import all_scenarios
from scenarios.spec import Item, Params

pytestmark = pytest.mark.integration

VARIANTS = [*known_variants(), "fake:honest"]
OWN, AMONG_OTHERS = "its own database", "among others"
#: Of the server's databases the one that plays a URL's: leases take theirs from the other end.
SHARED_DATABASE = 15


def _why_not_here(choice: Choice) -> str | None:
    return choice.variant.unsupported_reason() or choice.variant.broken_reason()


def _leases() -> list[Any]:
    """Each variant in a database of its own, each backend's first among strangers too."""
    works = sorted(VARIANTS, key=lambda name: _why_not_here(choose(name)[0]) is not None)
    first = {choose(name)[0].backend.name: name for name in reversed(works)}
    cases = [(name, OWN) for name in VARIANTS]
    cases += [(name, AMONG_OTHERS) for name in VARIANTS if name in first.values()]
    ids = {OWN: "", AMONG_OTHERS: ",among-others"}
    return [pytest.param((name, keys), id=f"{name}{ids[keys]}") for name, keys in cases]


CONCURRENCY = 2
RETRY_DELAY_S = 0.3
PAYLOAD_KB = 10
#: The number of the trial that is made here, by hand.
MIXED = 1000
LIMIT_S = 90.0

#: What others may have in the same Redis, among it the libraries' own default names.
FOREIGN = {
    "celery": "list",
    "default": "list",
    "dramatiq:default": "list",
    "rq:queue:default": "list",
    "_kombu.binding.celery": "set",
    "rq:queues": "set",
    "rq:workers": "set",
    "rq:worker:of-others": "hash",
    "rq:worker:of-others:executions": "set",
    "rq:clean_groups": "string",
    "unacked": "hash",
    "dramatiq:default.msgs": "hash",
    "arq:queue": "zset",
    "unacked_index": "zset",
    "tqb-": "string",
    "celery-task-meta-of-others": "string",
}


class Watched(Lease):
    """Also notes what the broker holds just before the workers start."""

    queued = -1

    def start_workers(self, deadline: float) -> None:
        if self.queued < 0:
            self.queued = self.pending()
        super().start_workers(deadline)


@dataclass
class Seen:
    """Everything that was observed of a variant."""

    choice: Choice
    keys: str
    env: Environment
    lease: Lease
    outcome: Outcome
    drained: list[Item]
    queued: int
    mixed: dict[str, list[Item]]
    sent: int
    #: What the broker was said to hold while tasks were to be done, and when it was asked.
    waiting: list[tuple[float, int]] = field(default_factory=list)
    pending_after: int = -1
    keys_during: set[bytes] = field(default_factory=set)
    #: As the library wrote them: the harness masks them at the end of the lease.
    logs: dict[str, str] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)
    before: dict[bytes, bytes] = field(default_factory=dict)
    after: dict[bytes, bytes] = field(default_factory=dict)
    left_running: list[psutil.Process] = field(default_factory=list)
    events: pd.DataFrame = field(default_factory=pd.DataFrame)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def capabilities(self) -> Capabilities:
        return self.choice.backend.capabilities_of(self.choice.variant)

    def needs(self, *asks: str, load: str = "burst") -> None:
        """Skip a test of what this library does not claim to do."""
        reason = self.capabilities.lacks(load, asks)
        if reason is not None:
            pytest.skip(f"{self.choice.name} {reason}")

    def trial(self, number: int) -> pd.DataFrame:
        return self.events[self.events["task_id"] // 2**32 == number]

    def results(self) -> dict[int, int]:
        """What the caller was given, by task."""
        rows = self.trial(MIXED)
        rows = rows[rows["kind"] == kinds.RESULT]
        return dict(zip(rows["task_id"], rows["value"], strict=True))

    def told(self, kind: int) -> set[int]:
        rows = self.trial(MIXED)
        return set(rows[rows["kind"] == kind]["task_id"])


@pytest.fixture(scope="session", params=_leases())
def seen(
    request: pytest.FixtureRequest,
    server: Server,
    open_lease: Callable[..., Lease],
    environment_of: Callable[..., Environment],
    tmp_path_factory: pytest.TempPathFactory,
    lease_folders: dict[tuple[str, str], Path],
) -> Seen:
    """One lease of a variant from start to stop."""
    name, keys = request.param
    (choice,) = choose(name)
    reason = _why_not_here(choice)
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("lease")
    profile = write_profile(
        folder / "contract.toml",
        'scenario = "add"; load = "drain"; tasks = 10',
        f'scenario = "flaky"; load = "burst"; tasks = 5; retry_delay_s = {RETRY_DELAY_S}',
        variants=name,
        concurrency=[CONCURRENCY],
        trial_timeout_s=LIMIT_S,
    )
    plan = only_lease(profile)
    if keys == AMONG_OTHERS:
        server = dataclasses.replace(
            server, url=server.url.removesuffix("/0") + f"/{SHARED_DATABASE}", embedded=False
        )
        _plant(server)
    lease = open_lease(plan, folder, Watched, server)
    lease_folders[name, keys] = lease.folder
    before = snapshot(server)
    mixed = _mixed_items(choice.backend.capabilities)
    with lease:
        outcome = run_trial(lease, plan.trials[0])
        found = Seen(
            choice=choice,
            keys=keys,
            env=environment_of(choice.backend),
            lease=lease,
            outcome=outcome,
            drained=plan.trials[0].cell.items(plan.trials[0].number),
            queued=lease.queued,
            mixed=mixed,
            sent=0,
            before=before,
        )
        _run_mixed(lease, found)
        found.commands = [
            member.cmdline() for member in processes.carrying(lease.namespace, "BENCH_NAMESPACE")
        ]
        found.logs = {
            path.name: path.read_text(encoding="utf-8") for path in lease.folder.glob("*.log")
        }
        found.keys_during = set(snapshot(server)) - set(before)
    found.left_running = processes.carrying(lease.namespace, "BENCH_NAMESPACE")
    found.after = snapshot(server)
    found.events = read_lease(lease.folder)
    found.facts = json.loads((lease.folder / "lease.json").read_text(encoding="utf-8"))
    return found


def _plant(server: Server) -> None:
    with server.client() as redis:
        for key, kind in FOREIGN.items():
            redis.delete(key)
            if kind == "list":
                redis.rpush(key, "a", "b")
            elif kind == "set":
                redis.sadd(key, "rq:worker:of-others", "rq:queue:default")
            elif kind == "hash":
                redis.hset(key, mapping={"queues": "default", "id": "1"})
            elif kind == "zset":
                redis.zadd(key, {"of-others": 4e12})
            else:
                redis.set(key, "of others")


def _mixed_items(capabilities: Capabilities) -> dict[str, list[Item]]:
    """Tasks that fail 0 to 4 times, chains of 2 and of 5, plain additions and payloads; of these
    what the library claims to do."""
    first = MIXED << 32
    wanted: dict[str, tuple[str, int, int, Params]] = {
        "flaky": ("flaky", first, 5, {"retry_delay_s": RETRY_DELAY_S}),
        "chain2": ("chain", first + 5, 1, {"length": 2}),
        "chain5": ("chain", first + 7, 1, {"length": 5}),
        "add": ("add", first + 12, 4, {}),
        "payload": ("payload", first + 16, 2, {"argument_kb": PAYLOAD_KB, "result_kb": PAYLOAD_KB}),
    }
    scenarios = all_scenarios()
    return {
        group: scenarios[name].items(first_id, count, params, 1)
        for group, (name, first_id, count, params) in wanted.items()
        if capabilities.lacks("burst", scenarios[name].asks) is None
    }


def _run_mixed(lease: Lease, found: Seen) -> None:
    """Send them all at once, so that their waits overlap, and fetch what became of them."""
    items = [item for group in found.mixed.values() for item in group]
    wire = [[(w.task, {**w.kwargs, "task_id": w.task_id}) for w in item] for item in items]
    deadline = time.monotonic() + LIMIT_S
    found.sent = lease.ask(deadline, op="send", items=wire)["sent"]
    expected = sum(work.expected.attempts for item in items for work in item)

    def all_ended() -> bool:
        left = lease.pending()
        lease.check_alive()
        lease.tail.poll()
        ended = lease.tail.count(MIXED, kinds.END, kinds.FAIL)
        if ended < expected:  # there was something to do when the broker was asked
            found.waiting.append((time.monotonic(), left))
        return ended >= expected

    # What does not come true is for the tests to tell, each by its check.
    with contextlib.suppress(AssertionError):
        wait_until(all_ended, f"{expected} attempts have ended", LIMIT_S)
    lease.ask(time.monotonic() + LIMIT_S, op="collect", timeout_s=LIMIT_S / 2)
    with contextlib.suppress(AssertionError):
        wait_until(lambda: lease.pending() == 0, "the broker holds nothing any more")
    found.pending_after = lease.pending()


# --- what became of the tasks -----------------------------------------------------------------

check = pytest.mark.check


def each(*checks: str, of: str = "") -> pytest.MarkDecorator:
    """Parametrises a test by the checks it makes, one after the other; ``of`` is its scenario."""
    scenario = (of,) if of else ()
    marked = [pytest.param(one, marks=check(one, *scenario)) for one in checks]
    return pytest.mark.parametrize("name", marked)


@check("enqueued")
def test_takes_every_task(seen: Seen) -> None:
    assert seen.sent == sum(len(group) for group in seen.mixed.values())


@check("drain")
def test_drain_trial_is_ok(seen: Seen) -> None:
    outcome = seen.outcome
    assert outcome.status == "ok", "\n".join([outcome.reason, *outcome.log_tail])
    assert outcome.sent == len(seen.drained)


@each("enqueued", "lost", "repeated", "results", "outcome", of="add")
def test_drained_tasks_pass(seen: Seen, name: str) -> None:
    found = _checks(seen, seen.drained[0][0].task_id >> 32, seen.drained)
    assert name in found or (name == "outcome" and not seen.capabilities.results)
    _assert_passed(found, name)


@each("enqueued", "lost", "repeated", "attempts", "results", "outcome", "retry_delay")
def test_mixed_tasks_pass(seen: Seen, name: str) -> None:
    made = set()
    for items in seen.mixed.values():
        found = _checks(seen, MIXED, items)
        made |= set(found)
        _assert_passed(found, name)
    if name not in made:
        pytest.skip(f"{seen.choice.name} is given nothing that this checks")


@check("results", "add")
def test_results_are_right(seen: Seen) -> None:
    seen.needs(load="closed")
    works = [item[0] for item in seen.mixed["add"]]
    assert {w.task_id: seen.results().get(w.task_id) for w in works} == {
        w.task_id: w.kwargs["x"] + w.kwargs["y"] for w in works
    }


@check("results", "payload")
def test_large_arguments_and_results_are_carried_whole(seen: Seen) -> None:
    """What is recorded of a text is its length."""
    works = [item[0] for item in seen.mixed["payload"]]
    ids = {w.task_id for w in works}
    assert {len(w.kwargs["data"]) for w in works} == {PAYLOAD_KB * 1000}
    rows = seen.trial(MIXED)
    done = rows[rows["task_id"].isin(ids) & (rows["kind"] == kinds.END)]
    assert dict(zip(done["task_id"], done["value"], strict=True)) == dict.fromkeys(
        ids, PAYLOAD_KB * 1000
    )
    if seen.capabilities.results:
        assert {i: seen.results().get(i) for i in ids} == dict.fromkeys(ids, PAYLOAD_KB * 1000)


@check("outcome")
def test_the_caller_is_told_of_every_task_or_of_none(seen: Seen) -> None:
    """Of none where no results are kept: then it is not said that one did not come, either."""
    asked = {item[-1].task_id for group in seen.mixed.values() for item in group}
    told = set().union(*map(seen.told, (kinds.RESULT, kinds.FAILURE, kinds.NO_RESULT)))
    assert told == (asked if seen.capabilities.results else set())


@check("results", "chain")
@pytest.mark.parametrize(("name", "value"), [("chain2", 600), ("chain5", 1500)])
def test_chain_hands_results_on(seen: Seen, name: str, value: int) -> None:
    seen.needs("chains", load="closed")
    ((*_, last),) = seen.mixed[name]
    assert seen.results().get(last.task_id) == value


@check("outcome", "flaky")
def test_failure_for_good_is_told_as_failure(seen: Seen) -> None:
    seen.needs("retries", load="closed")
    (always,) = seen.mixed["flaky"][4]
    assert always.task_id not in seen.results()
    if not seen.capabilities.sees_failure:
        pytest.skip("this library cannot tell a failure from a missing result")
    assert seen.told(kinds.FAILURE) == {always.task_id}
    asked = {item[-1].task_id for item in seen.mixed["flaky"]}
    assert seen.told(kinds.NO_RESULT) & asked == set()


@check("attempts", "flaky")
@pytest.mark.parametrize(("fails", "expected"), [(0, 1), (2, 3), (3, 4), (4, 4)])
def test_attempts_are_exactly(seen: Seen, fails: int, expected: int) -> None:
    seen.needs("retries")
    table = attempts(_trace(seen, MIXED, [seen.mixed["flaky"][fails]]))
    assert len(table.ok) == expected
    assert table.ok.tolist() == [number >= fails for number in range(expected)]


@check("retry_delay", "flaky")
def test_no_retry_is_early(seen: Seen) -> None:
    seen.needs("retries")
    gap_ns = retry_gaps(attempts(_trace(seen, MIXED, seen.mixed["flaky"]))).gap_ns
    assert len(gap_ns) == 1 + 2 + 3 + 3
    assert gap_ns.min() / 1e6 >= RETRY_DELAY_S * 1e3 - CLOCK_TOLERANCE_MS


# --- what the broker holds --------------------------------------------------------------------


@check("pending", "add")
def test_pending_counts_what_is_queued(seen: Seen) -> None:
    assert seen.queued == len(seen.drained)


@check("pending", "flaky")
def test_pending_counts_what_waits_for_a_retry(seen: Seen) -> None:
    seen.needs("retries")
    # A moment of nothing is allowed: while a task runs, some keep it nowhere, and the parts are
    # read one after the other while it moves between them. To wait for a retry takes longer.
    assert len(seen.waiting) > 5
    assert _longest_empty_s(seen.waiting) < RETRY_DELAY_S / 2


@check("pending")
def test_pending_is_zero_when_all_is_done(seen: Seen) -> None:
    assert seen.pending_after == 0
    assert seen.outcome.left == 0


# --- how it ends, and what it leaves ------------------------------------------------------------


@check("stop")
def test_stops_gracefully_in_time(seen: Seen) -> None:
    if here.emulated_by() and not _asked_by_command(seen):
        pytest.skip("Wine cannot send Ctrl-Break")
    assert seen.facts["stopped"] == "gracefully"
    by_command = _asked_by_command(seen) and not here.SIGNALS_REACH
    patience_s = seen.choice.backend.stop_within_s + (ASKED_WITHIN_S if by_command else 0)
    assert seen.facts["stop_s"] <= patience_s
    assert seen.facts["abnormal_stops"] == []
    assert len(seen.facts["exit_codes"]) == len(seen.facts["commands"])


def _asked_by_command(seen: Seen) -> bool:
    commands = seen.choice.backend.worker_commands(seen.choice.variant, CONCURRENCY)
    return all(command.stop_words for command in commands)


@check("processes")
def test_leaves_no_process(seen: Seen) -> None:
    assert seen.left_running == []
    assert seen.facts["stragglers"] == 0


@check("keys")
def test_leaves_the_keyspace_as_it_was(seen: Seen) -> None:
    assert seen.facts["keys_left"] == []
    assert set(seen.after) == set(seen.before)
    assert seen.after == seen.before


@check("keys")
def test_its_keys_can_be_told_apart(seen: Seen) -> None:
    """What does not name the lease must be removed by the backend's own sweep."""
    if seen.keys == OWN:
        pytest.skip("the database is its own")
    nameless = {key for key in seen.keys_during if seen.lease.namespace.encode() not in key}
    assert nameless & set(seen.after) == set()


@check("keys")
def test_a_librarys_own_names_are_used_where_nobody_else_is(seen: Seen) -> None:
    """No key names the lease: a prefix would be work that the library's user does not have."""
    if seen.keys == AMONG_OTHERS:
        pytest.skip("its keys name it")
    assert {key for key in seen.keys_during if seen.lease.namespace.encode() in key} == set()
    if seen.choice.backend.distribution and seen.capabilities.results:
        assert seen.keys_during


@check("keys")
def test_changes_nothing_of_others(seen: Seen) -> None:
    if seen.keys == OWN:
        pytest.skip("there are no others")
    planted = {key.encode() for key in FOREIGN}
    assert planted <= set(seen.after)


@check("secrets")
def test_password_is_nowhere(seen: Seen, server: Server) -> None:
    secrets = secrets_of(server.url)
    if not secrets and OUTSIDE_REDIS in os.environ:
        pytest.skip("the server that the tests were given has no password")
    assert secrets
    assert len(seen.commands) >= 2
    assert set(seen.logs) == {*seen.facts["logs"], "producer.log"}
    for secret in secrets:
        assert not [command for command in seen.commands if secret in " ".join(command)]
        assert [name for name, text in seen.logs.items() if secret in text] == []
        assert files_with(seen.lease.folder, secret) == []


@check("library")
def test_library_comes_from_its_environment(seen: Seen) -> None:
    """The interpreter of the workers, started where they are started, finds the installed one."""
    backend = seen.choice.backend
    if not backend.distribution:
        pytest.skip("no library: the standard library alone")
    modules = {command[2] for command in seen.facts["commands"]}  # python -m MODULE ...
    ours = {name for name in modules if name.startswith("backends.")}
    wanted = sorted({*backend.imports, *(modules - ours)})
    code = f"""
import importlib.util, json
print(json.dumps({{name: importlib.util.find_spec(name).origin for name in {wanted!r}}}))
"""
    done = subprocess.run(
        [seen.env.python, "-c", code],
        cwd=ROOT,
        env=processes.clean_environment({}),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    origins = json.loads(done.stdout)
    assert set(origins) == set(wanted)
    for name, origin in origins.items():
        assert Path(origin).is_relative_to(seen.env.folder), name
    assert seen.env.library_version


@check("known")
def test_known_defects_are_still_there(
    seen: Seen, broke: dict[tuple[tuple[str, str], str], list[bool]]
) -> None:
    """The last of a lease's tests: what the others saw, of those that ran."""
    lease = (seen.choice.name, seen.keys)
    mended = [
        f"not seen any more: {defect.told}; take it out of known_defects"
        for defect in seen.choice.backend.defects_of(seen.choice.variant)
        if defect.always and not any(broke.get((lease, defect.check), [True]))
    ]
    assert mended == []


def _longest_empty_s(waiting: list[tuple[float, int]]) -> float:
    """For how long on end nothing was seen, as far as that can be told from samples."""
    longest = 0.0
    since: float | None = None
    for at, left in waiting:
        if left:
            since = None
        else:
            since = at if since is None else since
            longest = max(longest, at - since)
    return longest


def _trace(seen: Seen, number: int, items: list[Item]) -> Trace:
    """What a trial's events tell of these items."""
    rows = seen.trial(number)
    return Trace(Events(*(rows[name].to_numpy() for name in Events._fields)), of_items(items))


def _checks(seen: Seen, number: int, items: list[Item]) -> dict[str, Finding]:
    """What each check that applies found, by its name."""
    trace = _trace(seen, number, items)
    found = trial_checks(
        trace, attempts(trace), sees_failure=seen.capabilities.sees_failure, fifo=False
    )
    return {finding.check: finding for finding in found}


def _assert_passed(found: dict[str, Finding], name: str) -> None:
    """Prints all that was violated, however much it is."""
    violations = found[name].violations if name in found else []
    assert not violations, "\n".join([f"{name}, expected: {found[name].expected}", *violations])
