from __future__ import annotations

import pytest

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
