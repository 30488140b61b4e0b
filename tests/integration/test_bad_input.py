"""Mistakes in names and profiles: one line that says what to do, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from refused import nothing_left, one_line, run_in
from support import (
    Done,
    bench_environment,
    run_bench,
)
from warm import refuse

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("quik",), ("unknown profile 'quik'", "did you mean 'quick'?")),
        (("-b", "celery:treads"), ("unknown variant 'celery:treads'", "'celery:threads'?")),
        (("-b", "dramatic"), ("unknown variant 'dramatic'", "did you mean 'dramatiq'?")),
        (("-s", "chains"), ("unknown scenario 'chains'", "did you mean 'chain'?")),
        (("missing.toml",), ("cannot read the profile missing.toml", "No such file")),
        (("--rounds", "0"), ("Invalid value for '--rounds'", "1")),
        (("--backends", "rq"), ("No such option", "--backend")),
        (("--redis-server", "no-such-program"), ("--redis-server no-such-program",)),
        (("--precision", "5"), ("--precision '5'", "such as 5% or 0.05")),
        (("--precision", "5%", "--budget", "30"), ("--budget '30'", "such as 90s, 30m or 1h")),
        (("--budget", "30m"), ("--budget is of the rounds that --precision adds",)),
    ],
    ids=lambda value: "-".join(value).strip("-") if value and isinstance(value[0], str) else None,
)
def test_wrong_argument(
    tmp_path: Path, tiny: Path, arguments: tuple[str, ...], told: tuple[str, ...]
) -> None:
    own_profile = arguments[0] in ("quik", "missing.toml")
    one_line(run_in(tmp_path, *([] if own_profile else [tiny]), *arguments), *told)
    nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("line", "change", "told"),
    [
        (2, "runds = 3", ("unknown key 'runds'", "rounds")),
        (2, 'rounds = "3"', ("rounds = '3'", "integer")),
        (2, "rounds = 0", ("rounds = 0", "greater than or equal to 1")),
        (2, "rounds = = 3", ("not valid TOML", "line 2")),
        (1, 'variants = ["celery:thread"]', ("'celery:thread'", "did you mean 'celery:threads'?")),
        (1, "variants = []", ("variants", "at least 1 item")),
        (7, 'scenario = "ad"', ("unknown scenario 'ad'", "did you mean 'add'?")),
        (8, 'load = "drained"', ("'drained'", "allowed: drain, closed")),
        (9, "tasks = 2.5", ("tasks = 2.5", "integer")),
        (9, "tasks = 20\nretries = 3", ("unknown key 'retries' for add", "service_s")),
        (9, 'tasks = 20\nservice_s = "long"', ("service_s = 'long'", "a number is expected")),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_wrong_profile(
    tmp_path: Path, tiny: Path, line: int, change: str, told: tuple[str, ...]
) -> None:
    lines = tiny.read_text(encoding="utf-8").splitlines()
    lines[line - 1] = change
    tiny.write_text("\n".join(lines) + "\n", encoding="utf-8")
    where = line + change.count("\n")
    message = one_line(run_in(tmp_path, tiny), *told)
    if "not valid TOML" not in message:  # which tells line and column itself
        assert f"{tiny}:{where}: " in message
    nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed = " + "9" * 5000, "a number in it has too many digits"),
        ("seed = " + "[" * 5000 + "]" * 5000, "brackets are nested too deeply"),
        ("seed = " + "{a = " * 5000 + "1" + "}" * 5000, "brackets are nested too deeply"),
        ("trial_timeout_s = " + "9" * 400, "input should be a valid number"),
        ("rounds = 1000000", "1,000,000 trials, more than the 100,000 that a run may have"),
    ],
    ids=["digits", "brackets", "braces", "too large for a float", "rounds"],
)
def test_a_profile_that_would_never_end(tmp_path: Path, tiny: Path, text: str, told: str) -> None:
    content = tiny.read_text(encoding="utf-8").replace("rounds = 1\n", "")
    tiny.write_text(f"{text}\n{content}", encoding="utf-8")
    one_line(run_in(tmp_path, tiny), told)
    nothing_left(tmp_path)


def test_rounds_without_end(tmp_path: Path) -> None:
    done = refuse("run", "--rounds", "1000000000", "--dry-run", cwd=tmp_path)
    one_line(done, "trials, more than the 100,000 that a run may have: ask for fewer rounds")


def test_a_command_tells_the_same_in_a_process_that_had_to_import_everything(
    tmp_path: Path,
) -> None:
    """What all these tests rest on: see ``warm.py``."""
    for arguments in (("run", "quik"), ("run", "quick", "--dry-run", "-b", "celery:solo")):
        assert refuse(*arguments, cwd=tmp_path) == run_bench(*arguments, cwd=tmp_path)


LONG = "x" * 5000


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links and POSIX's limits")
@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "tiny.toml", "--out", LONG),
        ("run", "tiny.toml", "--out", "dangling"),
        ("run", "tiny.toml", "--out", "dangling/sub"),
        ("run", "tiny.toml", "--out", "loop"),
        ("run", f"{LONG}.toml"),
        ("run", "-b", LONG),
        ("run", "--resume", LONG),
        ("run", "tiny.toml", "--redis-server", LONG),
        ("report", LONG),
        ("report", "loop"),
        ("compare", f"{LONG}/", "b"),
        ("micro", "--run", LONG),
        ("micro", "-b", "floor", "--out", LONG),
        ("doctor", "--out", LONG),
        ("new", "backend", LONG),
    ],
    ids=lambda arguments: " ".join(a if len(a) < 99 else "..." for a in arguments),
)
def test_a_name_that_leads_nowhere(tmp_path: Path, tiny: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "at all")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = sorted(tmp_path.iterdir())
    line = one_line(refuse(*arguments, cwd=tmp_path))
    assert len(line) < 1500
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a folder that is in use")
@pytest.mark.parametrize(
    "arguments",
    [
        "run tiny.toml",
        "doctor",
        pytest.param("run ../tiny.toml", marks=pytest.mark.slow),
        pytest.param("micro -b floor", marks=pytest.mark.slow),
    ],
)
def test_a_working_directory_that_is_gone(tmp_path: Path, tiny: Path, arguments: str) -> None:
    (tmp_path / "gone").mkdir()
    done = subprocess.run(
        ["sh", "-c", f'rmdir ../gone; "{sys.executable}" -m bench {arguments}'],
        cwd=tmp_path / "gone",
        env=bench_environment(),
        capture_output=True,
        text=True,
    )
    one_line(Done(done.returncode, done.stdout, done.stderr))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.toml"]
