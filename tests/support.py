"""What the contract and integration tests share: waiting, small runs, runs as a process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import redis

from bench.analysis.tables import Tables, analyse
from bench.plan.cells import LeasePlan, TrialPlan
from bench.plan.planner import Plan, make_plan
from bench.plan.profile import load_profile
from bench.record.store import RunFolder, create_run
from bench.run.runner import Runner
from bench.run.trial import Outcome
from bench.server import redis_server
from bench.system import processes
from bench.workers.environments import environment

ROOT = Path(__file__).resolve().parent.parent

#: A server for the tests where none can be started, on Windows: its databases are emptied.
OUTSIDE_REDIS = "BENCH_TEST_REDIS_URL"

#: Variables that would change what a run under test does.
_NOT_OURS = ("REDIS_URL", "BENCH_RUN", "FORCE_COLOR", "PYTHONPATH")

T = TypeVar("T")


#: For how long is waited for what comes by itself: who waits longer waits for something that hangs.
#: On a quiet machine all of it comes in some seconds; nothing is measured by it.
PATIENCE_S = 90.0


def wait_until(condition: Callable[[], T], what: str, within_s: float = PATIENCE_S) -> T:
    """The first true value of ``condition``; fails the test when ``within_s`` is over."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"within {within_s:g} s it did not come true: {what}")
        time.sleep(0.005)
    return value


# --- runs inside the test's own process -----------------------------------------------------


class Silent:
    """An observer that keeps the outcomes it is told of."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def trials_planned(self, todo: Sequence[TrialPlan], finished: int) -> None:
        pass

    def trial_started(self, trial: TrialPlan) -> None:
        pass

    def trial_ended(self, trial: TrialPlan, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def probing(self, variant: str) -> None:
        pass


@dataclass
class Ran:
    """A finished run."""

    plan: Plan
    folder: RunFolder
    tables: Tables
    took_s: float

    @property
    def trials(self) -> list[dict[str, Any]]:
        return self.folder.read_trials()

    def failed_checks(self) -> set[str]:
        verdicts = self.tables.verdicts
        return set(verdicts[verdicts["verdict"] == "fail"]["check"])

    def violations(self, check: str) -> int:
        verdicts = self.tables.verdicts
        return int(verdicts[verdicts["check"] == check]["violations"].sum())

    def value(self, metric: str) -> float:
        rounds = self.tables.rounds
        return float(rounds[rounds["metric"] == metric]["value"].iloc[0])

    def lease_file(self, name: str) -> Path:
        """A file of the run's only lease."""
        (path,) = self.folder.leases.glob(f"*/{name}")
        return path


def profile_text(*cells: str, variants: str = "fake:honest", **keys: Any) -> str:
    """A profile's TOML. Each cell is its lines, divided by ``;``.

    What else the machine does must not add trials to those that a test counts.
    """
    quoted = ", ".join(f'"{name}"' for name in variants.split())
    head = {"rounds": 1, "seed": 1, "repeat_disturbed": "false"} | keys
    lines = [f"variants = [{quoted}]", *(f"{key} = {value}" for key, value in head.items())]
    for cell in cells:
        lines += ["", "[[cells]]", *(part.strip() for part in cell.split(";"))]
    return "\n".join(lines) + "\n"


def write_profile(path: Path, *cells: str, variants: str = "fake:honest", **keys: Any) -> Path:
    path.write_text(profile_text(*cells, variants=variants, **keys), encoding="utf-8")
    return path


def run_profile(profile: Path, server: redis_server.Server, folder: Path, token: str) -> Ran:
    """Run every trial of a profile on ``server`` and analyse it, as ``execute`` does."""
    plan = make_plan(load_profile(str(profile)))
    run = create_run(folder / "results", plan.profile.name)
    run.write_run({"profile": plan.profile.name})
    environments = {cell.choice.name: environment(cell.choice.backend) for cell in plan.cells}
    scratch = folder / "scratch"
    started = time.monotonic()
    Runner(plan, run, server, environments, token=token, scratch=scratch, observer=Silent()).run()
    took_s = time.monotonic() - started
    return Ran(plan, run, analyse(run), took_s)


def in_time(run: Callable[[], Ran]) -> Ran:
    """The first of some runs in which the schedule of every open load was kept.

    A busy machine keeps the sender from it; that trial is invalid, and tells nothing of the queue.
    """
    for _ in range(5):
        ran = run()
        if not any(t["reason"].startswith("the generator ran late") for t in ran.trials):
            break
    return ran


def only_lease(profile: Path) -> LeasePlan:
    """The lease of a profile that needs only one."""
    (lease,) = make_plan(load_profile(str(profile))).leases
    return lease


# --- runs as processes ----------------------------------------------------------------------


def bench_environment(**extra: str) -> dict[str, str]:
    """The environment of ``python -m bench``, from whatever folder it is started."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    if outside := os.environ.get(OUTSIDE_REDIS):
        kept["REDIS_URL"] = outside
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"} | extra


def default_signals() -> None:
    """For a child: whoever started the tests may have had them ignore signals, ``nohup ... &``."""
    for name in ("SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


class Bench:
    """``python -m bench ...`` as a process, its output piped.

    Args:
        before: a shell's command line that ends in ``exec "$@"``, to start it.
    """

    def __init__(
        self, *arguments: str | Path, cwd: Path, before: str = "", **variables: str
    ) -> None:
        shell = ["sh", "-c", before, "sh"] if before else []
        self.process = subprocess.Popen(
            [*shell, sys.executable, "-m", "bench", *map(str, arguments)],
            cwd=cwd,
            env=bench_environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            preexec_fn=None if sys.platform == "win32" else default_signals,
        )
        self._token: str | None = None

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def token(self) -> str:
        """The run's token, as soon as a child carries it."""
        if self._token is None:
            self._token = wait_until(self._find_token, "a child carries the run's token")
        return self._token

    def _find_token(self) -> str | None:
        if not self.running:
            raise AssertionError(f"it ended too early: {self.end()}")
        for child in processes.tree(self.process.pid)[1:]:
            with contextlib.suppress(psutil.Error, OSError):
                if token := child.environ().get(processes.TOKEN_VARIABLE):
                    return token
        return None

    def members(self, role: str) -> list[psutil.Process]:
        """The run's processes that have been started in this role, their children included."""
        found = []
        for member in processes.carrying(self.token()):
            with contextlib.suppress(psutil.Error, OSError):
                if member.environ().get("BENCH_ROLE") == role:
                    found.append(member)
        return found

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Within it the harness does nothing, so that it cannot come to its end; POSIX only."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def end(self, within_s: float = PATIENCE_S) -> Done:
        """Wait for the end."""
        try:
            out, err = self.process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            out, err = self.process.communicate()
            raise AssertionError(f"it did not end within {within_s:g} s:\n{out}\n{err}") from None
        return Done(self.process.returncode, out, err)


@contextlib.contextmanager
def bench_process(*arguments: str | Path, cwd: Path, **variables: str) -> Iterator[Bench]:
    """A :class:`Bench` that is gone after the test, whatever happens in it."""
    bench = Bench(*arguments, cwd=cwd, **variables)
    try:
        yield bench
    finally:
        if bench.running:
            bench.process.kill()
            bench.process.communicate()


def run_bench(
    *arguments: str | Path, cwd: Path, within_s: float = PATIENCE_S, **variables: str
) -> Done:
    """Run ``python -m bench ...`` to its end."""
    with bench_process(*arguments, cwd=cwd, **variables) as bench:
        return bench.end(within_s)


def run_folders(results: Path) -> list[RunFolder]:
    """The runs in a results folder."""
    return [RunFolder(path) for path in sorted(results.glob("*"))] if results.is_dir() else []


# --- servers --------------------------------------------------------------------------------


@contextlib.contextmanager
def redis_with_password(password: str, folder: Path) -> Iterator[int]:
    """A server with this password on loopback; gives its port."""
    program = redis_server.find_binary()
    folder.mkdir(parents=True, exist_ok=True)
    port = redis_server._free_port()
    process = subprocess.Popen(
        [program, "-"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    assert process.stdin is not None
    settings = f'bind 127.0.0.1\nport {port}\nrequirepass "{password}"\nsave ""\nappendonly no\n'
    process.stdin.write(settings.encode())
    process.stdin.close()
    try:
        with redis.Redis("127.0.0.1", port, password=password) as client:

            def answers() -> bool:
                with contextlib.suppress(redis.ConnectionError):
                    return bool(client.ping())
                return False

            wait_until(answers, "the server answers")
        yield port
    finally:
        process.kill()
        process.wait()


def snapshot(server: redis_server.Server) -> dict[bytes, bytes]:
    """Every key and its whole content."""
    with server.client() as client:
        return {key: client.dump(key) or b"" for key in client.scan_iter(count=1000)}


def files_with(folder: Path, *texts: str) -> list[Path]:
    """Files below ``folder`` that hold one of the texts."""
    wanted = [text.encode() for text in texts]
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(text in path.read_bytes() for text in wanted)
    ]
