from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from backends import Choice, choose
from backends.spec import Backend, KnownDefect, Semantics, Setting, Variant
from bench.record.store import create_run
from bench.run import session
from bench.server.redis_server import Server
from bench.workers.environments import environment


def test_tables_that_an_interrupt_cut_short_are_made(tmp_path, monkeypatch):
    run = create_run(tmp_path, "small", {"status": "running"})
    calls = []

    def analyse(folder):
        calls.append(folder.read_run()["status"])
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(session, "analyse", analyse)
    with pytest.raises(KeyboardInterrupt):
        session._close(run, {"profile": "small"}, "complete")
    assert calls == ["complete", "interrupted"]


@pytest.mark.parametrize(("embedded", "told"), [(True, ["always"]), (False, ["always", "there"])])
def test_only_what_was_really_set_is_told(embedded, told):
    """What a lease needs among strangers is not set in a database of its own."""
    settings = (Setting("always", "1", "2", "w"), Setting("there", "1", "2", "w", True))
    found = session._settings(settings, Server("redis://127.0.0.1:1/0", embedded, {}))
    assert [setting["name"] for setting in found] == told
    assert found[0] == {"name": "always", "value": "1", "default": "2", "why": "w"}


def test_what_an_option_sets_is_told_under_the_variants_whole_name():
    (choice,) = choose("celery:solo+warning-log+prefetch-1")
    server = Server("redis://127.0.0.1:1/0", True, {})
    facts = session.surroundings(
        session.Options(Path("results")), server, [environment(choice.backend)], [choice]
    )
    told = facts["variants"]["celery:solo+warning-log+prefetch-1"]["settings"]
    assert [(s["name"], s["value"]) for s in told] == [
        ("--loglevel", "WARNING"),
        ("worker_prefetch_multiplier", "1"),
    ]
    names = [setting["name"] for setting in facts["backends"]["celery"]["settings"]]
    assert "global_keyprefix" not in names


def test_a_run_keeps_what_is_known_of_each_variant(tmp_path):
    promised = Semantics("late", "at most once", "r", "r", "c")
    one, two = (Variant(name, "s", "c", promised) for name in ("one", "two"))
    defects = (
        KnownDefect("retry_delay", "queue retries early", "NOTES.md"),
        KnownDefect(
            "lost",
            "queue loses tasks",
            "NOTES.md",
            variants=frozenset({"two"}),
            scenarios=frozenset({"payload", "add"}),
        ),
    )
    queue = Backend("queue", "queue", "", (one, two), known_defects=defects)
    server = SimpleNamespace(facts={}, embedded=True, url="redis://h/0")
    choices = [Choice(queue, variant, None) for variant in (one, two)]
    facts = session.surroundings(session.Options(tmp_path), server, [], choices)["variants"]
    early = {"check": "retry_delay", "told": "queue retries early", "where": "NOTES.md"}
    lost = {"check": "lost", "told": "queue loses tasks", "where": "NOTES.md"}
    early["scenarios"] = []
    lost["scenarios"] = ["add", "payload"]
    assert facts["queue:one"]["known_defects"] == [early]
    assert facts["queue:two"]["known_defects"] == [early, lost]
    assert facts["queue:two"]["semantics"]["delivery"] == "at most once"
