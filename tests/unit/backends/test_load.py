from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest

from backends.kit import events as kinds
from backends.kit import load
from backends.kit.client import NoResult, NothingKept, Step, TaskFailed
from bench.record.events import read_raw


class Script:
    """What a queue in memory does: by task id, an exception or a result; otherwise the id."""

    def __init__(self, *, refuses=(), outcomes=None):
        self.refuses = set(refuses)
        self.outcomes = outcomes or {}
        self.sent: list[list[Step]] = []
        self.timeouts: list[float] = []
        self.closed = False

    def take(self, steps):
        if steps[0].kwargs["task_id"] in self.refuses:
            raise RuntimeError("full")
        self.sent.append(steps)
        return steps[-1].kwargs["task_id"]

    def give(self, handle, timeout_s):
        self.timeouts.append(timeout_s)
        outcome = self.outcomes.get(handle, handle)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class PlainClient:
    def __init__(self, script):
        self.script = script

    def send(self, steps):
        return self.script.take(steps)

    def result(self, handle, timeout_s):
        return self.script.give(handle, timeout_s)

    def close(self):
        self.script.closed = True


class AsyncClient:
    """Suspends in each call, as a client that talks to a socket does."""

    def __init__(self, script):
        self.script = script

    async def send(self, steps):
        await asyncio.sleep(0)
        return self.script.take(steps)

    async def result(self, handle, timeout_s):
        await asyncio.sleep(0)
        return self.script.give(handle, timeout_s)

    async def close(self):
        self.script.closed = True


def plain(script, *commands):
    session = load.Session(load.SyncClient(PlainClient(script)), load.in_threads)
    return [load.drive(session.handle(command)) for command in commands]


def on_a_loop(script, *commands):
    session = load.Session(AsyncClient(script), load.in_tasks, asyncio.sleep)

    async def run():
        return [await session.handle(command) for command in commands]

    return asyncio.run(run())


@pytest.fixture(params=[plain, on_a_loop])
def handle(request, events_folder):
    """Run commands in one session with either kind of client; return the answers."""
    return request.param


@pytest.fixture
def told(events_folder):
    """The recorded events as (kind, task, value)."""

    def told(*of):
        table = read_raw(events_folder)
        rows = zip(table["kind"], table["task_id"], table["value"], strict=True)
        return [row for row in rows if not of or row[0] in of]

    return told


def items(*ids):
    return [[Step("add", {"x": 1, "y": 2, "task_id": n})] for n in ids]


def send(*ids):
    return {"op": "send", "items": items(*ids)}


def warm(*ids, lanes=4):
    return {"op": "warm", "items": items(*ids), "lanes": lanes}


def closed(*ids, lanes=1, limit_s=60.0):
    return {
        "op": "closed",
        "items": items(*ids),
        "lanes": lanes,
        "limit_s": limit_s,
        "timeout_s": 9.0,
    }


COLLECT = {"op": "collect", "timeout_s": 10.0}


# --- send and collect ------------------------------------------------------------------------


def test_sending_enqueues_every_item_in_order_and_fetches_nothing(handle, told):
    script = Script()
    assert handle(script, send(5, 6)) == [{"sent": 2}]
    assert script.sent == items(5, 6)
    assert told() == [
        (kinds.SEND, 5, 0),
        (kinds.SENT, 5, 0),
        (kinds.SEND, 6, 0),
        (kinds.SENT, 6, 0),
    ]


def test_collecting_fetches_the_outcome_of_all_that_was_sent(handle, told):
    assert handle(Script(), send(5, 6), COLLECT) == [{"sent": 2}, {}]
    assert told(kinds.RESULT) == [(kinds.RESULT, 5, 5), (kinds.RESULT, 6, 6)]


def test_what_was_collected_is_not_collected_again(handle, told):
    handle(Script(), send(5), COLLECT, COLLECT)
    assert told(kinds.RESULT) == [(kinds.RESULT, 5, 5)]


def test_a_later_send_is_collected_alone(handle, told):
    handle(Script(), send(5), send(6), COLLECT)
    assert told(kinds.RESULT) == [(kinds.RESULT, 6, 6)]


def test_a_refused_task_is_told_and_not_collected(handle, told):
    assert handle(Script(refuses=[6]), send(5, 6, 7), COLLECT)[0] == {"sent": 2}
    assert told(kinds.REFUSED) == [(kinds.REFUSED, 6, 0)]
    assert [task for _, task, _ in told(kinds.SENT)] == [5, 7]
    assert [task for _, task, _ in told(kinds.RESULT)] == [5, 7]


@pytest.mark.parametrize(
    ("outcome", "event"),
    [
        (TaskFailed("for good"), (kinds.FAILURE, 5, 0)),
        (NoResult(), (kinds.NO_RESULT, 5, 0)),
        (600, (kinds.RESULT, 5, 600)),
        (None, (kinds.RESULT, 5, kinds.ODD_VALUE)),
        ("600", (kinds.RESULT, 5, 3)),
    ],
)
def test_what_the_library_says_of_a_task_is_recorded(handle, told, outcome, event):
    handle(Script(outcomes={5: outcome}), send(5), COLLECT)
    assert told()[2:] == [event]


def test_of_a_library_that_keeps_no_results_no_outcome_is_recorded(handle, told):
    """It is no failing of the task's: a check of outcomes has nothing to look at."""
    handle(Script(outcomes={5: NothingKept(), 6: NoResult()}), send(5, 6), COLLECT)
    assert told()[4:] == [(kinds.NO_RESULT, 6, 0)]


def test_a_chain_is_sent_by_its_first_step_and_fetched_by_its_last(handle, told):
    chain = [Step("add", {"x": 1, "y": 2, "task_id": 8}), Step("add", {"y": 3, "task_id": 9})]
    handle(Script(), {"op": "send", "items": [chain]}, COLLECT)
    assert told() == [(kinds.SEND, 8, 0), (kinds.SENT, 8, 0), (kinds.RESULT, 9, 9)]


def test_all_collecting_shares_one_time_but_each_task_is_looked_at(handle):
    script = Script()
    handle(script, send(1, 2, 3), {"op": "collect", "timeout_s": 0.0})
    assert script.timeouts == [0.01, 0.01, 0.01]


def test_a_task_is_waited_for_no_longer_than_is_left(handle, monkeypatch):
    waits_s, clock = 4.0, [100.0]

    class Waiting(Script):
        def give(self, handle, timeout_s):
            clock[0] += waits_s
            return super().give(handle, timeout_s)

    monkeypatch.setattr(load, "perf_counter", lambda: clock[0])
    script = Waiting()
    handle(script, send(1, 2, 3, 4), COLLECT)
    assert script.timeouts == [10.0, 6.0, 2.0, 0.01]


def test_an_error_of_the_client_that_says_nothing_of_the_task_is_an_error(handle):
    with pytest.raises(ZeroDivisionError):
        handle(Script(outcomes={1: ZeroDivisionError()}), send(1), COLLECT)


def test_an_unknown_command_is_refused(handle):
    with pytest.raises(ValueError, match="unknown op 'stop'"):
        handle(Script(), {"op": "stop"})


# --- closed ----------------------------------------------------------------------------------


def test_a_lane_sends_its_next_task_when_its_last_is_back(handle, told):
    assert handle(Script(), closed(5, 6)) == [{"sent": 2}]
    assert told() == [
        *((kinds.SEND, 5, 0), (kinds.SENT, 5, 0), (kinds.RESULT, 5, 5)),
        *((kinds.SEND, 6, 0), (kinds.SENT, 6, 0), (kinds.RESULT, 6, 6)),
    ]


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_lanes_share_the_items_and_each_is_sent_once(handle, told, lanes):
    assert handle(Script(), closed(*range(40), lanes=lanes)) == [{"sent": 40}]
    for kind in (kinds.SEND, kinds.SENT, kinds.RESULT):
        assert Counter(task for _, task, _ in told(kind)) == dict.fromkeys(range(40), 1)


def test_when_the_time_is_over_a_lane_has_had_two_round_trips_and_no_more(handle, told):
    assert handle(Script(), closed(1, 2, 3, limit_s=0.0)) == [{"sent": 2}]
    assert told(kinds.SEND, kinds.RESULT) == [
        (kinds.SEND, 1, 0),
        (kinds.RESULT, 1, 1),
        (kinds.SEND, 2, 0),
        (kinds.RESULT, 2, 2),
    ]


def test_each_result_is_waited_for_as_long_as_asked(handle):
    script = Script()
    handle(script, closed(1, 2))
    assert script.timeouts == [9.0, 9.0]


def test_a_lane_goes_on_after_refusals_failures_and_silence(handle, told):
    script = Script(refuses=[1], outcomes={2: TaskFailed(), 3: NoResult()})
    handle(script, closed(1, 2, 3, 4))
    assert told(kinds.REFUSED, kinds.FAILURE, kinds.NO_RESULT, kinds.RESULT) == [
        (kinds.REFUSED, 1, 0),
        (kinds.FAILURE, 2, 0),
        (kinds.NO_RESULT, 3, 0),
        (kinds.RESULT, 4, 4),
    ]


def test_what_a_closed_load_sent_is_not_left_to_collect(handle, told):
    handle(Script(), closed(1), COLLECT)
    assert len(told(kinds.RESULT)) == 1


def test_a_lane_that_breaks_is_heard(handle):
    with pytest.raises(ZeroDivisionError):
        handle(Script(outcomes={3: ZeroDivisionError()}), closed(1, 2, 3, 4, lanes=2))


# --- how many at once ------------------------------------------------------------------------


def test_threads_keep_as_many_tasks_in_flight_as_there_are_lanes(events_folder):
    """Results come back only when all lanes wait for one: fewer would wait forever."""
    lanes, flying, most = 4, set(), []
    lock, together = threading.Lock(), threading.Barrier(4)

    class Client(PlainClient):
        def send(self, steps):
            handle = super().send(steps)
            with lock:
                flying.add(handle)
                most.append(len(flying))
            return handle

        def result(self, handle, timeout_s):
            together.wait(60)
            with lock:
                flying.remove(handle)
            return handle

    session = load.Session(load.SyncClient(Client(Script())), load.in_threads)
    assert load.drive(session.handle(closed(*range(20), lanes=lanes))) == {"sent": 20}
    assert max(most) == lanes


def test_coroutines_keep_as_many_tasks_in_flight_as_there_are_lanes(events_folder):
    flying, most = set(), []

    class Client(AsyncClient):
        async def send(self, steps):
            handle = await super().send(steps)
            flying.add(handle)
            most.append(len(flying))
            return handle

        async def result(self, handle, timeout_s):
            for _ in range(5):
                await asyncio.sleep(0)
            flying.remove(handle)
            return handle

    session = load.Session(Client(Script()), load.in_tasks)
    assert asyncio.run(session.handle(closed(*range(20), lanes=4))) == {"sent": 20}
    assert max(most) == 4


# --- plain clients as coroutines -------------------------------------------------------------


def test_a_coroutine_that_never_suspends_is_driven_to_its_end():
    async def double(number):
        return 2 * number

    assert load.drive(double(21)) == 42


def test_a_coroutine_that_suspends_cannot_be_driven():
    coroutine = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="a synchronous client must not suspend"):
        load.drive(coroutine)
    coroutine.close()


def test_closing_reaches_the_client():
    script = Script()
    load.drive(load.SyncClient(PlainClient(script)).close())
    assert script.closed


def test_items_are_given_out_once_and_then_no_more():
    shared = load.Shared(items(1, 2))
    assert [shared.next() for _ in range(4)] == [*items(1, 2), None, None]


# --- open ------------------------------------------------------------------------------------


def open_load(*ids, every_ms=5.0, lanes=2):
    offsets = [round(i * every_ms * 1e6) for i in range(len(ids))]
    return {"op": "open", "items": items(*ids), "offsets_ns": offsets, "lanes": lanes}


def test_an_open_load_records_its_intentions_before_it_sends_anything(handle, told, events_folder):
    assert handle(Script(), open_load(1, 2, 3)) == [{"sent": 3}]
    table = read_raw(events_folder).set_index("task_id")
    intended = table.loc[table["kind"] == kinds.SCHEDULED, "t_ns"]
    assert (intended.diff().dropna() == 5_000_000).all()
    # Lanes that wake together may send in any order.
    sent = table.loc[table["kind"] == kinds.SEND, "t_ns"].reindex(intended.index)
    assert (sent >= intended).all()


def test_an_open_load_goes_on_while_a_call_is_held_up(events_folder, told):
    """The first call returns only when the third task has been sent, by the other lane."""
    third = threading.Event()

    class HeldUp(Script):
        def take(self, steps):
            task_id = steps[0].kwargs["task_id"]
            if task_id == 1:
                assert third.wait(60)
            if task_id == 3:
                third.set()
            return super().take(steps)

    assert plain(HeldUp(), open_load(1, 2, 3)) == [{"sent": 3}]
    assert sorted(task for _, task, _ in told(kinds.SEND)) == [1, 2, 3]


def test_an_open_load_counts_what_was_refused_and_collects_the_rest(handle, told):
    answers = handle(Script(refuses=[2]), open_load(1, 2, 3), COLLECT)
    assert answers == [{"sent": 2}, {}]
    assert [task for _, task, _ in told(kinds.REFUSED)] == [2]
    assert sorted(task for _, task, _ in told(kinds.RESULT)) == [1, 3]


# --- warm lanes ------------------------------------------------------------------------------


def test_a_warm_up_sends_everything_and_records_nothing(handle, told):
    script = Script()
    (answer,) = handle(script, warm(1, 2, 3, 4, 5, 6, 7, 8))
    assert answer == {"sent": 8}
    assert sorted(steps[0].kwargs["task_id"] for steps in script.sent) == [*range(1, 9)]
    assert told() == []


def test_a_refused_warm_up_is_not_counted_and_no_failure(handle, told):
    (answer,) = handle(Script(refuses=(2,)), warm(1, 2, 3, 4))
    assert answer == {"sent": 3}
    assert told() == []


def test_every_thread_of_an_open_load_has_sent_before_it(events_folder):
    """What a library makes per thread is made in the warm-up: the schedule meets no new thread."""

    class Client(PlainClient):
        def send(self, steps):
            threads[steps[0].kwargs["task_id"]] = threading.get_ident()
            return super().send(steps)

    threads: dict[int, int] = {}
    session = load.Session(
        load.SyncClient(Client(Script())), load.in_threads, staying=load.InStayingThreads()
    )
    offers = [scheduled(*(100 * turn + n for n in range(20))) for turn in (1, 2)]
    for command in (warm(1, 2, 3, 4, 5, 6, 7, 8), *offers):
        load.drive(session.handle(command))
    warmed = Counter(thread for n, thread in threads.items() if n < 100)
    assert [*warmed.values()] == [2, 2, 2, 2]
    assert {thread for n, thread in threads.items() if n >= 100} <= warmed.keys()


def test_what_fails_in_a_thread_that_stays_is_raised():
    async def lane():
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        load.drive(load.InStayingThreads()(lane, 3))


def scheduled(*ids, lanes=4):
    offsets = [n * 1_000_000 for n in range(len(ids))]
    return {"op": "open", "items": items(*ids), "offsets_ns": offsets, "lanes": lanes}
