"""Start, watch and stop process trees on Linux, macOS and Windows.

Every process that the harness starts, and so every process that those start, carries the run's
token in its environment (``BENCH_RUN``). Whatever still carries it after a stop is a straggler.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from bench.system.platforms import here

#: Variables of the harness's environment that a worker may see; the rest is not its business.
PASSED = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
    *("TMPDIR", "TEMP", "TMP", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA"),
    *("USERPROFILE", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
)

TOKEN_VARIABLE = "BENCH_RUN"


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The variables a child process gets: the needed ones of ours, and ``extra``."""
    base = {name: os.environ[name] for name in PASSED if name in os.environ}
    return base | {"PYTHONIOENCODING": "utf-8"} | dict(extra)


def start(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: IO[bytes] | int,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    apart: bool = False,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a process group of its own, so that Ctrl-C reaches the harness only.

    Args:
        apart: it shall outlive the harness and the window that this runs in.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        env=dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=log if stdout is None else stdout,
        stderr=log,
        **(here.apart_options() if apart else here.group_options()),
    )


def ask_to_stop(process: subprocess.Popen[bytes], stop_signal: str = "SIGTERM") -> bool:
    """Ask for a graceful stop: by the signal of that name, on Windows by Ctrl-Break.

    Returns:
        Whether it could be asked: without a console that both share it cannot.
    """
    try:
        here.ask_to_stop(process, stop_signal)
    except OSError:
        return False
    return True


def stop_all(
    processes: Sequence[subprocess.Popen[bytes]],
    within_s: float,
    signals: Sequence[str] = (),
    asked: bool = False,
) -> bool | None:
    """Stop processes gracefully, then with SIGKILL, trees included.

    Args:
        signals: the name of each process's stop signal; SIGTERM for those without.
        asked: they have been asked already, in another way.

    Returns:
        Whether all of them stopped by themselves within ``within_s`` seconds; ``None`` where one
        could not be asked to.
    """
    trees = [tree(process.pid) for process in processes]
    names = [*signals, *["SIGTERM"] * (len(processes) - len(signals))]
    reached = [
        asked or ask_to_stop(process, name) or process.poll() is not None
        for process, name in zip(processes, names, strict=True)
    ]
    deadline = time.monotonic() + (within_s if all(reached) else 0)
    graceful: bool | None = True if all(reached) else None
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            graceful = graceful and False
    kill([p for members in trees for p in members])
    for process in processes:
        process.kill()
        process.wait()
    return graceful


def tree(pid: int) -> list[psutil.Process]:
    """The process and all its descendants; empty if it is gone."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def hold(pids: Sequence[int], within_s: float = 2.0) -> None:
    """Stop processes and their descendants where they stand, parents first, until
    :func:`let_go`. None of them runs when this returns.

    Raises:
        TimeoutError: one of them still runs.
    """
    held: dict[int, psutil.Process] = {}
    deadline = time.monotonic() + within_s
    # What was started while its parent was being stopped is found by looking again.
    while fresh := [p for pid in pids for p in tree(pid) if p.pid not in held]:
        for process in fresh:
            with contextlib.suppress(psutil.Error):
                process.suspend()
            held[process.pid] = process
        while any(here.acts(process) for process in fresh):
            if time.monotonic() > deadline:
                raise TimeoutError("a process cannot be held")
            time.sleep(0.001)


def let_go(pids: Sequence[int]) -> None:
    """Let processes that :func:`hold` stopped go on, children first."""
    for process in reversed([p for pid in pids for p in tree(pid)]):
        with contextlib.suppress(psutil.Error):
            process.resume()


def kill(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL those that still run, and wait until they are gone."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    # Not psutil.wait_procs: it waits for zombies that are not ours to reap, and takes the exit
    # codes of those that are.
    deadline = time.monotonic() + 5
    while any(_runs(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.005)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def carrying(token: str, variable: str = TOKEN_VARIABLE) -> list[psutil.Process]:
    """Every running process whose environment has ``variable=token``, without this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            carries = process.environ().get(variable) == token
            alive = process.status() != psutil.STATUS_ZOMBIE
            if carries and alive and process.pid != os.getpid():
                found.append(process)
    return found


def working_in(folder: Path) -> list[psutil.Process]:
    """Every running process whose working directory is ``folder`` or in it."""
    wanted = folder.resolve()
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(wanted):
                found.append(process)
    return found


def kill_carrying(token: str, variable: str = TOKEN_VARIABLE) -> int:
    """Kill every process with that token until none is left; return how many there were."""
    total = 0
    for _ in range(20):
        members = carrying(token, variable)
        if not members:
            break
        total += len(members)
        kill([p for member in members for p in (tree(member.pid) or [member])])
    return total
