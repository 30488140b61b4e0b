"""Mistakes and missing pieces: one line that says what to do, exit code 2, and nothing left behind.

Also what must work although it looks odd: a password that needs escaping, folders with spaces.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support import (
    Done,
    bench_environment,
    bench_process,
    files_with,
    redis_with_password,
    run_bench,
    run_folders,
    wait_until,
    write_profile,
)

from backends import choose
from bench.server.redis_server import Server
from bench.system import processes

pytestmark = pytest.mark.integration

KEPT = Path(__file__).parents[2] / "results" / "reference"
ADD = 'scenario = "add"; load = "drain"; tasks = 20'


@pytest.fixture
def tiny(tmp_path: Path, made_environments: Callable[..., None]) -> Path:
    """A profile that would run at once."""
    made_environments("fake:honest")
    return write_profile(tmp_path / "tiny.toml", ADD)


def _one_line(done: Done, *told: str) -> str:
    """The only line of output, which must be on stderr and have every one of these texts."""
    assert done.code == 2, done
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("bench: ")
    assert "Traceback" not in line
    for text in told:
        assert text in line
    return line


def _nothing_left(folder: Path) -> None:
    """No run folder, and no temporary one."""
    assert run_folders(folder / "results") == []
    assert list(folder.glob("**/tqb-*")) == []


def _run(folder: Path, *arguments: str | Path, **variables: str) -> Done:
    (folder / "tmp").mkdir(exist_ok=True)
    return run_bench(
        *("run", "--out", folder / "results", *arguments),
        cwd=folder,
        TMPDIR=str(folder / "tmp"),
        **variables,
    )


# --- names and profiles ---------------------------------------------------------------------


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
    _one_line(_run(tmp_path, *([] if own_profile else [tiny]), *arguments), *told)
    _nothing_left(tmp_path)


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
    message = _one_line(_run(tmp_path, tiny), *told)
    if "not valid TOML" not in message:  # which tells line and column itself
        assert f"{tiny}:{where}: " in message
    _nothing_left(tmp_path)


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
    _one_line(_run(tmp_path, tiny), told)
    _nothing_left(tmp_path)


def test_rounds_without_end(tmp_path: Path) -> None:
    done = run_bench("run", "--rounds", "1000000000", "--dry-run", cwd=tmp_path, within_s=20)
    _one_line(done, "trials, more than the 100,000 that a run may have: ask for fewer rounds")


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
    line = _one_line(run_bench(*arguments, cwd=tmp_path))
    assert len(line) < 1500
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a folder that is in use")
@pytest.mark.parametrize(
    "arguments", ["run tiny.toml", "run ../tiny.toml", "micro -b floor", "doctor"]
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
    _one_line(Done(done.returncode, done.stdout, done.stderr))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.toml"]


# --- the server -----------------------------------------------------------------------------


def _refuse(port: int) -> str:
    return f"redis://:hidden-word@127.0.0.1:{port}/0"


def test_nobody_at_the_url(tmp_path: Path, tiny: Path) -> None:
    with socket.socket() as unused:  # bound and not listening: whoever connects is refused
        unused.bind(("127.0.0.1", 0))
        done = _run(tmp_path, tiny, "--redis-url", _refuse(unused.getsockname()[1]))
    _one_line(done, "no Redis at redis://:***@127.0.0.1:", "start it, or leave --redis-url")
    assert "hidden-word" not in done.all
    _nothing_left(tmp_path)


def test_wrong_password(tmp_path: Path, tiny: Path, server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])
    done = _run(tmp_path, tiny, REDIS_URL=_refuse(port))
    _one_line(done, "refused the password", "expected redis://:PASSWORD@host:port/db")
    assert "hidden-word" not in done.all
    done = _run(tmp_path, tiny, "--redis-url", f"redis://127.0.0.1:{port}/0")
    _one_line(done, "wants a password, and the URL has none", "expected redis://:PASSWORD@host")
    _nothing_left(tmp_path)


def test_database_out_of_range(tmp_path: Path, tiny: Path, server: Server) -> None:
    done = _run(tmp_path, tiny, "--redis-url", server.url.removesuffix("/0") + "/9999")
    _one_line(done, "/9999 has no database of that number", "out of range")
    _nothing_left(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("form", ["terminal", "md", "csv"])
def test_output_that_cannot_be_written(tmp_path: Path, form: str) -> None:
    run = shutil.copytree(KEPT, tmp_path / "run")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bench", "report", run, "--format", form],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=bench_environment(),
        )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line == "bench: cannot write the output: No space left on device: send it somewhere else"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "code"), [("list profiles", 0), ("--help", 0), ("nothing", 2), ("report .", 2)]
)
def test_a_standard_stream_that_is_closed(
    tmp_path: Path, arguments: str, code: int, closed: str
) -> None:
    """Whoever closes it wants to hear nothing; what is left open says what it would say."""
    command = f'"{sys.executable}" -m bench {arguments}'
    done, usual = (
        subprocess.run(
            ["sh", "-c", f"{command} {ends}"],
            cwd=tmp_path,
            env=bench_environment(),
            capture_output=True,
            text=True,
        )
        for ends in (closed, "")
    )
    assert done.returncode == usual.returncode == code, done.stderr
    assert done.stdout == ("" if ">&-" in closed.split() else usual.stdout)
    assert done.stderr == ("" if "2>&-" in closed else usual.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_a_run_whose_output_is_closed(tmp_path: Path, tiny: Path, server_program: Path) -> None:
    """No log or socket gets the number of a stream, and nothing is written where it should not."""
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m bench run "{tiny}" <&- >&- 2>&-'],
        cwd=tmp_path,
        env=bench_environment(TMPDIR=str(tmp_path / "tmp")),
    )
    assert done.returncode == 0
    (run,) = run_folders(tmp_path / "results")
    assert run.read_run()["status"] == "complete"
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such paths")
def test_a_path_that_is_not_utf_8(tmp_path: Path, tiny: Path, server_program: Path) -> None:
    results = tmp_path / os.fsdecode(b"caf\xe9")
    done = run_bench("run", tiny, "--out", results, cwd=tmp_path)
    assert done.code == 0, done.all
    (run,) = run_folders(results)
    assert run.read_run()["argv"][-1] == str(results)
    assert run_bench("report", run.path, cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://:hidden-word@127.0.0.1:6379/0", "expected redis://"),
        ("hidden-word@127.0.0.1", "expected redis://"),
        ("redis://:hidden-word@127.0.0.1:port/0", "not a Redis URL"),
        ("redis://:hidden-word@127.0.0.1:6379/first", "not a Redis URL"),
        ("redis://:hidden-word@no-such-host.invalid:6379/0", "no Redis at"),
        ("redis://:hidden-word@127.0.0.1:99999/0", ""),
        ("redis://[::1:hidden-word@127.0.0.1/0", "not a Redis URL"),
        ("redis://:hidden@hidden/word@127.0.0.1/0", "special characters of a password are %-enc"),
        ("redis://:hidden-word@127.0.0.1:1/0?foo=bar", "unknown argument 'foo'"),
    ],
)
def test_bad_url(tmp_path: Path, tiny: Path, url: str, told: str) -> None:
    done = _run(tmp_path, tiny, "--redis-url", url)
    _one_line(done, told)
    assert "hidden" not in done.all
    _nothing_left(tmp_path)


@contextlib.contextmanager
def _http_server() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield web.server_port
        finally:
            web.shutdown()
            thread.join()


@contextlib.contextmanager
def _silent_server() -> Iterator[int]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("other", "told"),
    [(_http_server, "is not Redis"), (_silent_server, "within 3 s: is it a Redis server?")],
    ids=["http", "silent"],
)
def test_something_that_is_not_redis(
    tmp_path: Path,
    tiny: Path,
    other: Callable[[], contextlib.AbstractContextManager[int]],
    told: str,
) -> None:
    with other() as port:
        done = _run(tmp_path, tiny, "--redis-url", _refuse(port))
    _one_line(done, told)
    assert "hidden-word" not in done.all
    _nothing_left(tmp_path)


def test_port_in_use(tmp_path: Path, tiny: Path, server_program: Path) -> None:
    with _silent_server() as port:
        done = _run(tmp_path, tiny, "--redis-port", str(port))
    _one_line(done, f"--redis-port {port}: the port is in use", "choose another")
    _nothing_left(tmp_path)


def test_server_program_that_is_none(tmp_path: Path, tiny: Path) -> None:
    done = _run(tmp_path, tiny, "--redis-server", sys.executable)
    _one_line(done, "the embedded Redis did not start")
    _nothing_left(tmp_path)


@pytest.mark.skipif(not shutil.which("yes"), reason="needs yes")
def test_a_server_program_that_never_stops_talking(tmp_path: Path, tiny: Path) -> None:
    pytest.importorskip("resource")
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, "run", tiny, "--redis-server", shutil.which("yes")],
        cwd=tmp_path,
        env=bench_environment(TMPDIR=str(tmp_path / "tmp")),
        capture_output=True,
        text=True,
        timeout=60,
    )
    line, peak = done.stderr.splitlines()
    assert line.startswith("bench: the embedded Redis did not start: -: start one with 'docker")
    assert int(peak) < 300 * 2**20
    assert processes.working_in(tmp_path) == []
    _nothing_left(tmp_path)


#: Runs the command line and tells the most memory that it held, in bytes. Linux's ru_maxrss counts
#: what the process was before it became this program, too: the tests' own.
_PEAK = """
import pathlib, re, resource, sys
from bench.cli.app import run_cli
assert run_cli(sys.argv[1:]) == 2
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
status = pathlib.Path("/proc/self/status")
if status.exists():
    peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
print(peak, file=sys.stderr)
"""


# --- folders and disk -----------------------------------------------------------------------


def test_out_is_a_file(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "results").write_text("mine", encoding="utf-8")
    _one_line(_run(tmp_path, tiny), "cannot write results to", "is not a folder")
    assert (tmp_path / "results").read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="root and Windows may write everywhere",
)
def test_out_cannot_be_written(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "results").mkdir(mode=0o500)
    _one_line(_run(tmp_path, tiny), "cannot write results to", "no permission")


def test_report_of_what_is_not_a_run(tmp_path: Path) -> None:
    for path, told in (
        (tmp_path / "nowhere", "is not a folder"),
        (tmp_path, "it has no run.json"),
        (Path(__file__), "is not a folder"),
    ):
        _one_line(run_bench("report", path, cwd=tmp_path), told)
    (tmp_path / "run.json").write_text("{half", encoding="utf-8")
    _one_line(run_bench("report", tmp_path, cwd=tmp_path), "cannot read")
    (tmp_path / "run.json").write_text('{"schema_version": 99}', encoding="utf-8")
    _one_line(run_bench("report", tmp_path, cwd=tmp_path), "schema_version 99", "update")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Gives a folder on a file system of that many MB."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def small_disk(megabytes: int) -> Path:
        if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
            pytest.skip("mounting a small file system needs Linux and root")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"cannot mount a small file system: {done.stderr.strip()}")
        return folder

    yield small_disk
    if folder.is_mount():
        subprocess.run(["umount", folder], check=True)


def test_too_little_space_at_the_start(
    tmp_path: Path, tiny: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(10)
    done = run_bench("run", tiny, "--out", disk / "results", cwd=tmp_path)
    _one_line(done, "only 10 MB are free", "choose another --out")
    assert list(disk.iterdir()) == []


def test_disk_full_in_the_middle(
    tmp_path: Path,
    small_disk: Callable[[int], Path],
    server_program: Path,
    made_environments: Callable[..., None],
) -> None:
    made_environments("fake")
    disk = small_disk(64)
    profile = write_profile(tmp_path / "long.toml", ADD, rounds=20)
    results = disk / "results"
    (tmp_path / "tmp").mkdir()
    with bench_process(
        *("run", profile, "--out", results), cwd=tmp_path, TMPDIR=str(tmp_path / "tmp")
    ) as bench:
        token = bench.token()
        finished = wait_until(lambda: list(results.glob("*/trials/*.json")), "a trial is finished")
        with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4096))
        done = bench.end()
    assert done.code == 2, done.all
    assert "Traceback" not in done.all
    *_, last = done.err.splitlines()
    (run,) = run_folders(results)
    assert last == (
        f"bench: no space left at {run.path}: finished trials are kept; free some space and go on "
        f"with: bench run --resume {run.path}"
    )
    assert done.out == ""
    assert processes.carrying(token) == []
    assert processes.working_in(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert all(path.exists() for path in finished)
    assert run.read_trials()
    # With space again, the reports can still be made.
    (disk / "filler").unlink()
    assert run_bench("report", run.path, cwd=tmp_path).code in (0, 1)
    assert (run.path / "report.md").is_file()
    left = run_bench("run", "--resume", run.path, "--dry-run", cwd=tmp_path)
    assert left.out.splitlines()[-1].startswith(f"{20 - len(run.finished())} trials in ")


# --- environments ---------------------------------------------------------------------------


def _environment_failed(done: Done, *told: str) -> None:
    """One line says what is being made, which takes a while; the other that it failed."""
    assert (done.code, done.out) == (2, ""), done
    making, line = done.err.splitlines()
    assert making == "making environments (once): celery"
    assert "Traceback" not in line
    for text in ("bench: cannot make", *told):
        assert text in line


def test_cache_is_a_file(tmp_path: Path, tiny: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("", encoding="utf-8")
    done = _run(tmp_path, tiny, "-b", "celery:solo", TASK_QUEUE_BENCH_CACHE=str(cache))
    _environment_failed(done, str(cache), "set TASK_QUEUE_BENCH_CACHE to a folder")
    _nothing_left(tmp_path)


@pytest.mark.parametrize(
    "variables",
    [
        {"UV_OFFLINE": "1"},
        {"UV_INDEX_URL": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"},
    ],
    ids=["offline", "index-unreachable"],
)
def test_packages_cannot_be_had(tmp_path: Path, tiny: Path, variables: dict[str, str]) -> None:
    cache = tmp_path / "cache"
    done = _run(
        tmp_path,
        *(tiny, "-b", "celery:solo"),
        TASK_QUEUE_BENCH_CACHE=str(cache),
        UV_CACHE_DIR=str(tmp_path / "uv"),
        **variables,
    )
    _environment_failed(done, "the environment of celery: uv pip", "check the version, the network")
    # Nothing half-made is taken for an environment later.
    assert list((cache / "environments").iterdir()) == []
    _nothing_left(tmp_path)


# --- what must work -------------------------------------------------------------------------

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
        import redis

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


def test_piped_output_has_no_control_codes(
    tmp_path: Path, tiny: Path, server_program: Path
) -> None:
    done = _run(tmp_path, tiny)
    assert done.code == 0, done.all
    assert "\x1b" not in done.all
    assert "\r" not in done.all
    assert done.out.strip()


def test_reader_that_goes_away_is_no_error(
    tmp_path: Path, tiny: Path, server_program: Path
) -> None:
    """``bench run | head -0``"""
    with bench_process("run", tiny, "--out", tmp_path / "results", cwd=tmp_path) as bench:
        assert bench.process.stdout is not None
        bench.process.stdout.close()
        bench.process.stdout = None
        done = bench.end()
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    assert "Exception ignored" not in done.err
    (run,) = run_folders(tmp_path / "results")
    assert (run.path / "report.md").is_file()
