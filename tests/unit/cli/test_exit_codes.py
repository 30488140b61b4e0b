"""What was found is no reason to end with 1; what could not be measured is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from small_runs import SmallRun

from backends import choose
from backends.spec import Variant
from bench.cli import micro
from bench.cli.run import exit_code
from bench.record.micro_files import FOLDER, MERGED
from bench.report.model import load_report

WRONG = {"lost": ["task 1: never ran"]}


@pytest.mark.parametrize(
    ("cell", "code", "strict"),
    [
        ({"values": [1.0]}, 0, 0),
        ({"values": [1.0], "failed": WRONG}, 0, 1),
        ({"bad": [("unsupported", "needs linux")]}, 0, 0),
        ({"bad": [("failed", "exit code 3")]}, 1, 1),
        ({"bad": [("timeout", "not done within 6 s")]}, 1, 1),
        ({"bad": [("invalid", "the generator ran late")]}, 1, 1),
        ({"values": [1.0], "rounds": 2}, 1, 1),
    ],
)
def test_the_exit_code(tmp_path, cell: dict[str, Any], code: int, strict: int):
    report = load_report(SmallRun(tmp_path / "run").cell("slow:base", **cell).write())
    assert exit_code(report, strict=False) == code
    assert exit_code(report, strict=True) == strict


@pytest.mark.parametrize(("can_run", "code"), [(True, 1), (False, 0)])
def test_microbenchmarks_that_cannot_run_here_are_no_failure(tmp_path, monkeypatch, can_run, code):
    folder = SmallRun(tmp_path / "run", baseline="").write()
    (folder.path / FOLDER).mkdir()
    content = {"benchmarks": [], "problems": {"fake:honest": "why"}}
    (folder.path / FOLDER / MERGED).write_text(json.dumps(content), encoding="utf-8")
    reason = None if can_run else "needs another platform"
    monkeypatch.setattr(Variant, "unsupported_reason", lambda self: reason)
    assert micro._show(folder, choose("fake:honest")) == code
