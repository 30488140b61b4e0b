from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from backends.kit import events as kinds
from bench.record.events import read_raw
from bench.workers import bot_api
from bench.workers.bot_api import TOKEN, BotApi
from scenarios.notification import FAULTS, faults

SEED = 20261121
METHOD = f"/bot{TOKEN}/sendMessage"


@contextmanager
def serving(share=0.0, *, latency_s=0.0, timeout_s=0.02) -> Iterator[BotApi]:
    server = BotApi(latency_s, timeout_s, share, SEED)
    server.daemon_threads = False  # so that closing waits for answers on their way
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def post(server, body, path=METHOD):
    """One request; status and content of the answer, or the exception's name."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except ConnectionError:
        return "closed", None
    finally:
        connection.close()


def sleeping(monkeypatch):
    """How long the server slept, which takes no time; others of this process sleep as ever."""
    slept = []
    monkeypatch.setattr(bot_api, "time", SimpleNamespace(sleep=slept.append, time=time.time))
    return slept


def message(task_id):
    return json.dumps({"chat_id": 5, "text": f"New product #{task_id}: Scarf is now in the shop"})


def ledger(folder):
    """The events as (kind, task, value)."""
    table = read_raw(folder)
    return list(zip(table["kind"], table["task_id"], table["value"], strict=True))


# --- messages --------------------------------------------------------------------------------


def test_a_message_is_answered_as_telegram_does(events_folder):
    with serving() as server:
        status, answer = post(server, message(7))
    assert status == 200
    assert set(answer) == {"ok", "result"}
    assert answer["ok"] is True
    result = answer["result"]
    assert isinstance(result.pop("date"), int)
    assert result == {
        "message_id": 1,
        "chat": {"id": 5, "type": "private"},
        "text": "New product #7: Scarf is now in the shop",
    }


def test_message_ids_count_up(events_folder):
    with serving() as server:
        ids = [post(server, message(n))[1]["result"]["message_id"] for n in (4, 4, 9)]
    assert ids == [1, 2, 3]


def test_a_delivered_message_is_in_the_ledger(events_folder):
    task_id = kinds.task_id(3, 7)
    with serving() as server:
        post(server, message(task_id))
    assert ledger(events_folder) == [(kinds.REQUEST, task_id, 0), (kinds.DELIVERED, task_id, 200)]


def test_a_message_sent_twice_is_delivered_twice(events_folder):
    with serving() as server:
        post(server, message(1))
        post(server, message(1))
    assert [kind for kind, *_ in ledger(events_folder)] == 2 * [kinds.REQUEST, kinds.DELIVERED]


def test_an_answer_takes_the_latency_asked_for(events_folder, monkeypatch):
    slept = sleeping(monkeypatch)
    with serving(latency_s=30.0) as server:
        assert post(server, message(1))[0] == 200
    assert slept == [30.0]


def test_one_connection_serves_several_messages(events_folder):
    with serving() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        for n in range(3):
            connection.request("POST", METHOD, message(n))
            answer = connection.getresponse()
            assert json.loads(answer.read())["result"]["message_id"] == n + 1
            assert not answer.will_close
        connection.close()


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "description"),
    [
        ("/bot4242:wrong/sendMessage", 401, "Unauthorized"),
        ("/sendMessage", 401, "Unauthorized"),
        (f"/bot{TOKEN}/getMe", 404, "Not Found"),
    ],
)
def test_a_wrong_token_or_method_is_refused(events_folder, path, status, description):
    with serving() as server:
        found = post(server, message(1), path)
    assert found == (status, {"ok": False, "error_code": status, "description": description})
    assert ledger(events_folder) == []


@pytest.mark.parametrize(
    "body",
    [
        *("", "no json", "[]", "null", "{}", '{"text": 5}', '{"text": ""}'),
        *('{"text": "no number"}', b"\xff\xfe"),
    ],
)
def test_a_message_that_is_none_is_a_bad_request(events_folder, body):
    with serving() as server:
        status, answer = post(server, body)
    assert status == 400
    assert answer == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: message text is empty",
    }
    assert ledger(events_folder) == []


# --- faults ----------------------------------------------------------------------------------


def meeting(fault):
    """A message whose first attempt meets this fault and no other one after it."""
    return next(n for n in range(10_000) if faults(SEED, n, 0.3) == (fault,))


@pytest.mark.parametrize(
    ("fault", "answered", "recorded"),
    [("429", 429, 429), ("500", 500, 500), ("503", 503, 503), ("reset", "closed", 0)],
)
def test_a_planned_fault_is_met_once_and_then_the_message_goes_through(
    events_folder, fault, answered, recorded
):
    task_id = kinds.task_id(2, meeting(fault))
    with serving(0.3) as server:
        first, second = post(server, message(task_id)), post(server, message(task_id))
    assert (first[0], second[0]) == (answered, 200)
    assert ledger(events_folder) == [
        (kinds.REQUEST, task_id, 0),
        (kinds.REJECTED, task_id, recorded),
        (kinds.REQUEST, task_id, 0),
        (kinds.DELIVERED, task_id, 200),
    ]


def test_a_planned_timeout_answers_nothing_for_longer_than_the_client_waits(
    events_folder, monkeypatch
):
    slept = sleeping(monkeypatch)
    task_id = meeting("timeout")
    with serving(0.3, timeout_s=60.0) as server:
        assert post(server, message(task_id))[0] == "closed"
    assert slept == [90.0]
    assert ledger(events_folder) == [(kinds.REQUEST, task_id, 0), (kinds.REJECTED, task_id, -1)]


def test_too_many_requests_say_when_to_come_again(events_folder):
    with serving(0.3) as server:
        status, answer = post(server, message(meeting("429")))
    assert (status, answer["ok"], answer["error_code"]) == (429, False, 429)
    assert answer["parameters"] == {"retry_after": 1}


def test_faults_come_in_the_order_planned_per_message_and_trial():
    with serving(0.6) as server:
        for n in range(40):
            planned = [*faults(SEED, n, 0.6), None]
            for trial in (1, 2):
                task_id = kinds.task_id(trial, n)
                assert [server.next_fault(task_id) for _ in planned] == planned
                assert server.next_fault(task_id) is None


def test_every_fault_of_the_plan_can_be_met():
    assert {fault: meeting(fault) for fault in FAULTS}.keys() == FAULTS.keys()


# --- settings --------------------------------------------------------------------------------


def test_of_a_leases_settings_it_takes_its_own():
    settings = {
        "notification.latency_s": 0.1,
        "notification.timeout_s": 0.5,
        "notification.fault_share": 0.2,
        "notification.retry_delay_s": 9,
        "add.service_s": 8,
    }
    found = bot_api.settings_of(settings)
    assert found == {"latency_s": 0.1, "timeout_s": 0.5, "fault_share": 0.2}
    BotApi(**found, seed=1).server_close()


def test_it_listens_on_loopback_only():
    with serving() as server:
        assert server.server_address[0] == "127.0.0.1"
