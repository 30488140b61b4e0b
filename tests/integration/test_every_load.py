"""Every load there is, from the command line to the report's last line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import run_bench, run_folders, write_profile

from scenarios.loads import LOADS

pytestmark = pytest.mark.integration

#: ``flaky`` is what a burst is for.
SCENARIOS = {"burst": "flaky"}
CELLS = {
    "drain": "tasks = 60",
    "closed": "for_s = 0.3",
    "burst": "tasks = 5; retry_delay_s = 0.1",
    "surge": "for_s = 0.5; tasks = 40",
    "open": "for_s = 0.5; rate_per_s = [40]",
    "saturation": "for_s = 0.2; p99_bound_ms = 1000",
    "backlog": "for_s = 0.3; backlog = [300]",
    "idle": "for_s = 0.3",
}


def test_every_load_is_measured_reported_and_read_again(
    tmp_path: Path, server_program: Path, made_environments: Callable[..., None]
) -> None:
    assert CELLS.keys() == LOADS.keys()
    made_environments("fake:honest", "celery:solo")
    cells = [
        f"scenario = '{SCENARIOS.get(load, 'add')}'; load = '{load}'; {more}"
        for load, more in CELLS.items()
    ]
    profile = write_profile(tmp_path / "loads.toml", *cells, variants="celery:solo")
    out = tmp_path / "with spaces"
    done = run_bench("run", str(profile), "--out", str(out), cwd=tmp_path)
    assert done.code in (0, 1), done.all  # a busy machine's generator may be late: told, not failed
    assert "is damaged" not in done.all
    assert "In short" in done.out
    (folder,) = run_folders(out)
    run = folder.path
    for command in (("report", str(run)), ("run", "--resume", str(run))):
        again = run_bench(*command, cwd=tmp_path)
        assert again.code in (0, 1), again.all
        assert "is damaged" not in again.all
    text = (run / "report.md").read_text(encoding="utf-8")
    assert [load for load in CELLS if f", {load}" not in text] == []
