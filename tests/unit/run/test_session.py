from __future__ import annotations

from types import SimpleNamespace

import pytest

from backends import Choice
from backends.spec import Backend, KnownDefect, Semantics, Variant
from bench.record.store import create_run
from bench.run import session


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


def test_a_run_keeps_what_is_known_of_each_variant(tmp_path):
    promised = Semantics("late", "at most once", "r", "r", "c")
    one, two = (Variant(name, "s", "c", promised) for name in ("one", "two"))
    defects = (
        KnownDefect("retry_delay", "queue retries early", "NOTES.md"),
        KnownDefect("lost", "queue loses tasks", "NOTES.md", frozenset({"two"}), always=False),
    )
    queue = Backend("queue", "queue", "", (one, two), known_defects=defects)
    server = SimpleNamespace(facts={}, embedded=True, url="redis://h/0")
    choices = [Choice(queue, variant, None) for variant in (one, two)]
    facts = session.surroundings(session.Options(tmp_path), server, [], choices)["variants"]
    early = {"check": "retry_delay", "told": "queue retries early", "where": "NOTES.md"}
    lost = {"check": "lost", "told": "queue loses tasks", "where": "NOTES.md"}
    assert facts["queue:one"]["known_defects"] == [early]
    assert facts["queue:two"]["known_defects"] == [early, lost]
    assert facts["queue:two"]["semantics"]["delivery"] == "at most once"
