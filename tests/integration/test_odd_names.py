"""What must work although it looks odd: a password that needs escaping, folders with spaces."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from support import (
    files_with,
    redis_with_password,
    run_bench,
    run_folders,
    write_profile,
)

from backends import choose

pytestmark = pytest.mark.integration


ODD_PASSWORD = "p@ss:w0rd/#?%&+"
ODD_PASSWORD_ESCAPED = "p%40ss%3Aw0rd%2F%23%3F%25%26%2B"
SPELLINGS = (ODD_PASSWORD, ODD_PASSWORD_ESCAPED, ODD_PASSWORD_ESCAPED.lower(), "w0rd")
EVERY_LIBRARY = ("celery:threads", "celery:gevent", "dramatiq", "rq:simple", "arq")


def test_password_that_needs_escaping_works_and_stays_hidden(
    tmp_path: Path, made_environments: Callable[..., None]
) -> None:
    """With every library, to the end, in folders with spaces, from another folder."""
    variants = [*EVERY_LIBRARY, "fake:leaky-log"]
    variants = [name for name in variants if choose(name)[0].variant.unsupported_reason() is None]
    made_environments(*variants)
    home = tmp_path / "a folder with spaces"
    home.mkdir()
    profile = write_profile(
        home / "my profile.toml",
        'scenario = "add"; load = "drain"; tasks = 4',
        'scenario = "chain"; load = "closed"; tasks = 1; for_s = 1.0; length = 2',
        variants=" ".join(variants),
    )
    results = home / "the results"
    with redis_with_password(ODD_PASSWORD, tmp_path / "server") as port:
        url = f"redis://:{ODD_PASSWORD_ESCAPED}@127.0.0.1:{port}/3"
        done = run_bench(
            *("run", profile, "--redis-url", url, "--out", results), cwd=home, within_s=120
        )
        with redis.Redis("127.0.0.1", port, password=ODD_PASSWORD) as client:
            assert client.info("keyspace") == {}
    (run,) = run_folders(results)
    told = {t["variant"]: (t["status"], t["reason"], t["log_tail"]) for t in run.read_trials()}
    assert told == dict.fromkeys(variants, ("ok", "", []))
    assert done.code == 0, done.all
    assert [text for text in SPELLINGS if text in done.all] == []
    assert files_with(results, *SPELLINGS) == []
    assert run.read_run()["redis"]["url"] == f"redis://:***@127.0.0.1:{port}/3"
    assert "--redis-url" in run.read_run()["argv"]
    assert (run.path / "report.md").is_file()


def test_results_go_where_it_is_started(tmp_path: Path, tiny: Path, server_program: Path) -> None:
    done = run_bench("run", tiny, cwd=tmp_path)
    assert done.code == 0, done.all
    assert len(run_folders(tmp_path / "results")) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such paths")
def test_a_path_that_is_not_utf_8(tmp_path: Path, tiny: Path, server_program: Path) -> None:
    results = tmp_path / os.fsdecode(b"caf\xe9")
    done = run_bench("run", tiny, "--out", results, cwd=tmp_path)
    assert done.code == 0, done.all
    (run,) = run_folders(results)
    assert run.read_run()["argv"][-1] == str(results)
    assert run_bench("report", run.path, cwd=tmp_path).code == 0
