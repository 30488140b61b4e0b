"""Commands carried out by real processes: each with its own log, readiness, signal and end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import wait_until

from backends.spec import Backend, Command, Readiness, Semantics, Variant
from bench.system import processes
from bench.system.guests import HERE, Guests
from bench.system.platforms import here
from bench.workers.logs import BOT_API, PRODUCER, TAIL_LINES, Logs, names_of
from bench.workers.producer import LeaseFailed
from bench.workers.workers import Workers, facts

READY = Readiness("ready")
VARIANT = Variant("", "s", "c", Semantics("late", "at least once", "r", "r", "c"))

#: Says what it is told to, then waits for a signal: of each it ends with the code beside it.
SAY_AND_WAIT = """
import signal, sys, time
for pair in sys.argv[2].split():
    name, code = pair.split("=")
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), lambda *_, code=code: sys.exit(int(code)))
print(sys.argv[1], flush=True)
while True:
    time.sleep(0.05)
"""


def saying(
    text: str, ends: str = "SIGTERM=0 SIGBREAK=0 SIGINT=0", readiness: Readiness = READY, **more
) -> Command:
    return Command(("-c", SAY_AND_WAIT, text, ends), readiness, **more)


class Queue(Backend):
    commands: tuple[Command, ...] = ()

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        return self.commands


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Callable[..., Workers]]:
    """Starts commands; they are gone after the test."""
    log_files = Logs(tmp_path, "redis://:pa55@h/0")
    made: list[Workers] = []

    def workers(*commands: Command, guests: Guests = HERE) -> Workers:
        backend = Queue("queue", "queue", "", ())
        object.__setattr__(backend, "commands", commands)
        made.append(
            Workers(
                backend,
                VARIANT,
                2,
                python=Path(sys.executable),
                variables=processes.clean_environment({}),
                log_files=log_files,
                guests=guests,
            )
        )
        made[-1].start()
        return made[-1]

    yield workers
    for one in made:
        one.stop(0.2)
    log_files.close()


def soon(seconds: float = 60.0) -> float:
    return time.monotonic() + seconds


#: A request to stop is followed at once, as soon as the machine lets it.
STOP_WITHIN_S = 60.0


def never(probe: Callable[..., int]) -> int:
    raise AssertionError("nothing is to be probed")


def test_each_command_has_a_log_that_names_its_role():
    worker, scheduler = Command((), READY), Command((), READY, role="scheduler")
    assert names_of([worker]) == ["worker.log"]
    assert names_of([worker, scheduler]) == ["worker.log", "scheduler.log"]
    assert names_of([worker, scheduler, worker]) == [
        "worker-1.log",
        "scheduler.log",
        "worker-2.log",
    ]


def test_a_command_that_says_it_twice_does_not_stand_for_another(workers, tmp_path):
    started = workers(saying("ready ready"), saying("booting"))
    log = tmp_path / "worker-1.log"
    wait_until(lambda: len(log.read_text().split()) == 2, "the first has said it twice")
    with pytest.raises(LeaseFailed, match="the worker was not ready"):
        started.await_ready(soon(0.5), never)
    assert started.ready_s is None
    assert (tmp_path / "worker-1.log").read_text().split() == ["ready", "ready"]


def test_all_are_ready_when_each_has_said_so(workers):
    started = workers(
        saying("ready ready", readiness=Readiness("ready", times=2)),
        saying("due tasks are looked for", readiness=Readiness("due"), role="scheduler"),
    )
    started.await_ready(soon(), never)
    assert started.ready_s is not None


def test_a_scheduler_that_is_late_is_called_so(workers, tmp_path):
    started = workers(saying("ready"), saying("booting", role="scheduler"))
    wait_until(lambda: (tmp_path / "worker.log").read_text().strip(), "the worker is ready")
    with pytest.raises(LeaseFailed, match="the scheduler was not ready"):
        started.await_ready(soon(0.2), never)


def test_what_logs_nothing_is_probed_for(workers):
    """Commands of one probe are ready together: it counts the signs of all of them."""
    counts = iter([0, 1, 1, 2, 2, 2, 2])

    def registered(redis, namespace):
        raise AssertionError("asked by the one who has the client")

    asked = []

    def probe(given):
        asked.append(given)
        return next(counts)

    silent = Readiness(probe=registered)
    started = workers(saying("", readiness=silent), saying("", readiness=silent))
    started.await_ready(soon(), probe)
    assert set(asked) == {registered}
    assert next(counts) == 2  # the second of them was asked for twice as much


def test_one_that_ended_is_told_by_its_role(workers):
    started = workers(
        saying("ready"), Command(("-c", "raise SystemExit(3)"), READY, role="scheduler")
    )
    with pytest.raises(LeaseFailed, match="the scheduler ended by itself with exit code 3"):
        started.await_ready(soon(), never)
    stopped = started.stop(STOP_WITHIN_S)
    assert stopped is not None
    assert (stopped.how, stopped.abnormal) == ("by itself", [])


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-Break is the only way to ask there")
def test_each_is_asked_by_its_own_signal_and_may_end_in_its_own_way(workers):
    started = workers(
        saying("ready", "SIGTERM=7 SIGINT=0", stop_signal="SIGINT"),
        saying("ready", "SIGINT=7", role="scheduler", exit_codes=frozenset({0, -15})),
    )
    started.await_ready(soon(), never)
    stopped = started.stop(STOP_WITHIN_S)
    assert stopped is not None
    assert (stopped.how, stopped.exit_codes, stopped.abnormal) == ("gracefully", [0, -15], [])


asks = pytest.mark.skipif(bool(here.emulated_by()), reason="Wine cannot send Ctrl-Break")


@asks
def test_an_end_in_disorder_is_told_though_it_came_in_time(workers):
    started = workers(saying("ready", "SIGTERM=3 SIGBREAK=3"), saying("ready"))
    started.await_ready(soon(), never)
    told = facts(started.stop(STOP_WITHIN_S))
    assert told["stopped"] == "gracefully"
    assert told["exit_codes"] == [3, 0]
    assert told["abnormal_stops"] == ["asked to stop, the worker ended with exit code 3"]


@asks
def test_one_that_has_no_handler_ended_on_the_spot_and_not_gracefully(workers):
    """Celery and arq on Windows: Ctrl-Break ends them with all that they were doing."""
    started = workers(saying("ready", "SIGINT=0"))
    started.await_ready(soon(), never)
    told = facts(started.stop(STOP_WITHIN_S))
    assert told["stopped"] == "on the spot"
    (sentence,) = told["abnormal_stops"]
    assert sentence.startswith("asked to stop, the worker ended on the spot with all that it did, ")


#: Waits for a file, then ends in order.
WAIT_FOR_FILE = """
import pathlib, sys, time
print("ready", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
"""
#: Asks all who wait for that file to stop, and counts how often it was run.
TOUCH = "import sys; print(1, file=open(sys.argv[1], 'a'))"


@pytest.mark.parametrize("reach", [pytest.param(True, marks=asks), False])
def test_where_no_signal_reaches_the_librarys_own_command_asks(
    workers, tmp_path, monkeypatch, reach
):
    monkeypatch.setattr(here, "SIGNALS_REACH", reach)
    path = tmp_path / "stop"
    words = ("-c", TOUCH, str(path))
    command = Command(("-c", WAIT_FOR_FILE, str(path)), READY, stop_words=words)
    started = workers(command, command)
    started.await_ready(soon(), never)
    told = facts(started.stop(STOP_WITHIN_S))
    if reach:
        assert told["stopped"] == "on the spot"
        assert not path.exists()
    else:
        assert (told["stopped"], told["exit_codes"]) == ("gracefully", [0, 0])
        assert path.read_text().split() == ["1"], "asked once for both"


def test_who_cannot_be_asked_is_not_waited_for(workers, monkeypatch):
    """On Windows without a console that both share."""

    def refuse(process, stop_signal):
        raise OSError("no console")

    monkeypatch.setattr(here, "ask_to_stop", refuse)
    started = workers(saying("ready"), saying("ready"))
    started.await_ready(soon(), never)
    told = facts(started.stop(STOP_WITHIN_S))
    assert told["stopped"] == "unasked"
    assert told["stop_s"] < STOP_WITHIN_S / 2


def test_guests_that_no_signal_reaches_are_not_sent_one(workers):
    """It would end them on the spot, which says nothing of how they stop when they are asked."""
    deaf = replace(HERE, signals_reach=False)
    started = workers(saying("ready", "SIGTERM=3 SIGBREAK=3"), guests=deaf)
    started.await_ready(soon(), never)
    told = facts(started.stop(30))
    assert told["stopped"] == "unasked"
    assert told["stop_s"] < 10
    assert 3 not in told["exit_codes"]


def test_in_haste_nobody_waits_for_a_command(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(here, "SIGNALS_REACH", False)
    path = tmp_path / "stop"
    words = ("-c", TOUCH, str(path))
    started = workers(Command(("-c", WAIT_FOR_FILE, str(path)), READY, stop_words=words))
    started.await_ready(soon(), never)
    started.stop(0.3)
    assert not path.exists()


# --- several logs ---------------------------------------------------------------------------


@pytest.fixture
def log_files(tmp_path: Path) -> Logs:
    for name in ("worker-1.log", "worker-2.log", "worker-10.log", "scheduler.log"):
        lines = [f"{name} {number}" for number in range(20)]
        (tmp_path / name).write_text("\n".join([*lines, "at redis://:pa55@h/0"]), encoding="utf-8")
    for name in (PRODUCER, BOT_API):
        (tmp_path / name).write_text(f"{name} with pa55\n", encoding="utf-8")
    return Logs(tmp_path, "redis://:pa55@h/0")


def test_the_tail_has_the_end_of_each_log_under_its_name(log_files):
    tail = log_files.tail()
    heads = [line for line in tail if line.endswith(".log:")]
    assert heads == ["worker-1.log:", "worker-2.log:", "scheduler.log:", "worker-10.log:"]
    assert tail[1:4] == ["worker-1.log 18", "worker-1.log 19", "at redis://:***@h/0"]
    assert tail[-1] == "producer.log with ***"
    assert len(tail) == 4 * (1 + 3) + 1


def test_the_tail_of_a_single_log_has_no_head(tmp_path):
    (tmp_path / "worker.log").write_text("\n".join(map(str, range(30))), encoding="utf-8")
    assert Logs(tmp_path, "").tail() == [str(number) for number in range(30 - TAIL_LINES, 30)]


def test_every_log_is_masked(log_files, tmp_path):
    log_files.mask()
    assert len(list(tmp_path.glob("*.log"))) == 6
    assert not [path for path in tmp_path.glob("*.log") if "pa55" in path.read_text()]
