from __future__ import annotations

from pathlib import Path

import pytest

from backends import choose
from backends.spec import Setting
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
