"""``bench list``: what there is, for people and for programs."""

from __future__ import annotations

import json
import sys

from backends import all_backends
from bench.cli import list_


def test_a_variants_options_are_listed_by_name_and_in_full_for_programs(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    list_.list_(list_.Kind.BACKENDS, as_json=True)
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    (fast,) = rows["arq"]["options"]
    assert (fast["name"], fast["includes"]) == ("fast-poll", [])
    assert fast["source"]
    assert [(s["name"], s["value"]) for s in fast["settings"]] == [("poll_delay", "0.05")]
    assert rows["rq:simple"]["options"] == []
    list_.list_(list_.Kind.BACKENDS, as_json=False)
    assert "winloop, warning-log, prefetch-1, prefetch-16, prefetch-64," in capsys.readouterr().out


def test_what_starts_and_does_no_work_here_is_told_so(capsys, monkeypatch):
    (prefork, *_) = all_backends()["celery"].variants
    told = prefork.broken_reason("win32")
    assert told is not None
    assert list_._here(prefork) == ("yes" if sys.platform != "win32" else f"no: {told}")
    monkeypatch.setattr(type(prefork), "broken_reason", lambda self: told)
    assert list_._here(prefork).startswith("no: its workers start, but no task is done")


def test_other_lists_have_no_such_column(capsys):
    list_.list_(list_.Kind.SCENARIOS, as_json=True)
    assert all("options" not in row for row in json.loads(capsys.readouterr().out))
