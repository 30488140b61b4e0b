"""Wine: Windows programs on Linux. What its commands are, how its processes are found, and how it
is started and ended for one run.

A run has a prefix (registry, drives, server) of its own, so that what ends it ends nobody else's:
the registry is copied, Windows' files are those of the prefix that was prepared.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bench.errors import EnvironmentFailed, UsageError
from bench.system import processes
from bench.system.guests import Guests

NAME = "wine"

#: In a prefix, what its programs write; the rest is only read, so all prefixes share it.
_REGISTRY = ("system.reg", "user.reg", "userdef.reg", ".update-timestamp")

#: Where nothing is said, Wine asks to install .NET and a browser, and shows crashes in a window.
_QUIET = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree=;mshtml=;winedbg.exe=d"}

#: Kept running: the first program of a prefix takes seconds to start, further ones a fraction. It
#: tells its clock when asked.
_IDLE = "import sys, time\nfor _ in sys.stdin: print(time.perf_counter_ns(), flush=True)"

#: Those that ``perf_counter_ns`` may be, the likeliest first.
_CLOCKS = ("CLOCK_MONOTONIC_RAW", "CLOCK_MONOTONIC", "CLOCK_BOOTTIME")

#: Where Wine's servers have their folders, wherever the temporary folder is.
SERVERS = Path("/tmp")

_ENDS_WITHIN_S = 10.0


def program() -> str:
    """The path of Wine's loader.

    Raises:
        UsageError: not Linux on x86_64, or Wine is not installed.
    """
    here = f"{sys.platform} on {platform.machine()}"
    if here != "linux on x86_64":
        raise UsageError(f"--platform {NAME} needs Linux on x86_64, this is {here}: leave it out")
    found = shutil.which("wine")
    if found is None or shutil.which("wineserver") is None:
        raise UsageError(
            f"--platform {NAME} needs Wine, which is not installed: on Debian and Ubuntu type "
            "apt-get install --no-install-recommends wine wine64"
        )
    return found


@functools.cache
def version() -> str:
    """``8.0``."""
    done = subprocess.run(
        [program(), "--version"], env=_environment({}), capture_output=True, text=True, timeout=60
    )
    words = done.stdout.split()
    if done.returncode or not words:
        raise UsageError(f"{program()} --version gives no version: install Wine again")
    return words[0].removeprefix("wine-")


@dataclass(frozen=True)
class Wine(Guests):
    """Guests under Wine.

    Attributes:
        home: the folder of what was prepared: ``python`` and ``prefix``.
        prefix: the prefix that runs; ``None`` before the start.
        beside: pids of what Wine runs of its own accord.
    """

    home: Path = Path()
    prefix: Path | None = None
    beside: tuple[int, ...] = ()

    @property
    def base_python(self) -> Path:
        """The interpreter that virtual environments are made of."""
        return self.home / "python" / "python.exe"

    def roots(self, pid: int) -> list[int]:
        """A process that a Windows program starts is no child of it, but stays in its session."""
        members = [other for other in psutil.pids() if _session_of(other) == pid]
        return [pid, *(m for m in members if m != pid and _parent_of(m) not in members)]

    def accounts(self, roles: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
        """One sum for all: Wine's server works for everybody, and for whom it does not say."""
        return {"guests": [*self.beside, *(pid for pids in roles.values() for pid in pids)]}


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _parent_of(pid: int) -> int:
    try:
        return psutil.Process(pid).ppid()
    except psutil.Error:
        return -1


# --- a prefix that runs ----------------------------------------------------------------------


@contextlib.contextmanager
def started(wine: Wine, token: str, folder: Path) -> Iterator[Wine]:
    """Wine with a prefix of its own, ready to start programs at once; it is ended after.

    Args:
        token: carried by every process.
        folder: a temporary one that gets the prefix.

    Raises:
        EnvironmentFailed: a Windows Python cannot be started, or its clock is none that is known.
    """
    prefix = prefix_in(folder)
    lay_out(wine, prefix)
    running = replace(wine, prefix=prefix, variables=variables_of(prefix), launcher=(program(),))
    try:
        with _idle(running, token) as idle:
            clock = _clock_of(idle, wine.base_python)
            beside = (p.pid for p in processes.carrying(str(prefix), "WINEPREFIX"))
            yield replace(running, clock=clock, beside=tuple(beside))
    finally:
        end(prefix)


def prefix_in(folder: Path) -> Path:
    """The prefix of a run with that temporary folder."""
    return folder / "prefix"


def variables_of(prefix: Path) -> dict[str, str]:
    """What every program in that prefix needs in its environment.

    By Debian's Wine the temporary folder decides, too, which server a program finds: one that
    differs would start a second for the same prefix.
    """
    return _QUIET | {"WINEPREFIX": str(prefix), "TMPDIR": str(prefix.parent)}


def run(prefix: Path, *words: str | Path, cwd: Path | None = None) -> None:
    """Run a Windows program in a prefix to its end.

    Raises:
        EnvironmentFailed: it failed; its last line is in the message.
    """
    done = subprocess.run(
        [program(), *map(str, words)],
        env=_environment(variables_of(prefix)),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no reason given"])[-1]
        raise EnvironmentFailed(
            f"under Wine {Path(words[0]).name} ended with exit code {done.returncode}: {last[:200]}"
            " - check the disk, then run the same command again"
        )


def end(prefix: Path) -> None:
    """End whatever runs in a prefix, and what its server keeps outside of it."""
    server = shutil.which("wineserver")
    if server is not None and prefix.exists():
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [server, "-k"],
                env=_environment(variables_of(prefix)),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_ENDS_WITHIN_S,
            )
    processes.kill(processes.carrying(str(prefix), "WINEPREFIX"))
    forget(prefix)


def forget(prefix: Path) -> None:
    """Remove the folder that Wine's server had for a prefix.

    Debian's server makes one of a random name in the temporary folder, and keeps the name in the
    prefix; others name one, which lies where no run's folders do, by the prefix's device and inode.
    """
    with contextlib.suppress(OSError):
        status = prefix.stat()
        name = f"server-{status.st_dev:x}-{status.st_ino:x}"
        shutil.rmtree(SERVERS / f".wine-{os.getuid()}" / name, ignore_errors=True)
        own = (prefix / "wineserver").read_text(encoding="ascii", errors="replace").strip("\0\n ")
        if re.fullmatch(r"wine-\w+", own, re.ASCII):
            shutil.rmtree(prefix.parent / own, ignore_errors=True)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    return processes.clean_environment(_QUIET | dict(extra))


def lay_out(wine: Wine, prefix: Path) -> None:
    """Make a prefix beside the one that was prepared, with its files and a registry of its own."""
    source = wine.home / "prefix"
    drive = prefix / "drive_c"
    drive.mkdir(parents=True)
    for name in _REGISTRY:
        shutil.copy(source / name, prefix / name)
    for path in (source / "drive_c").iterdir():
        if path.name == "users":  # temporary files of guests go there
            shutil.copytree(path, drive / "users", symlinks=True)
        else:
            (drive / path.name).symlink_to(path)
    devices = prefix / "dosdevices"
    devices.mkdir()
    (devices / "c:").symlink_to("../drive_c")
    (devices / "z:").symlink_to("/")


@contextlib.contextmanager
def _idle(wine: Wine, token: str) -> Iterator[subprocess.Popen[bytes]]:
    process = processes.start(
        [*wine.launcher, wine.base_python, "-c", _IDLE],
        env=_environment({processes.TOKEN_VARIABLE: token, **(wine.variables or {})}),
        cwd=wine.home,
        log=subprocess.DEVNULL,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        processes.kill(processes.tree(process.pid))
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _clock_of(idle: subprocess.Popen[bytes], python: Path) -> str:
    """The clock of the system that gives a time before and one after that of a guest."""
    assert idle.stdin is not None
    assert idle.stdout is not None

    def read() -> dict[str, int]:
        return {name: time.clock_gettime_ns(getattr(time, name)) for name in _CLOCKS}

    possible = set(_CLOCKS)
    with contextlib.suppress(OSError, ValueError):
        for _ in range(5):
            before = read()
            idle.stdin.write(b"\n")
            idle.stdin.flush()
            told, after = int(idle.stdout.readline()), read()
            # It counts in steps of 100 ns.
            possible &= {name for name in _CLOCKS if before[name] - 100 <= told <= after[name]}
        for name in _CLOCKS:
            if name in possible:
                return name
        raise EnvironmentFailed(
            f"the clock of Wine {version()} is none of {', '.join(_CLOCKS)}: its times cannot be "
            "compared with the harness's; try another version of Wine"
        )
    raise EnvironmentFailed(
        f"the Windows Python at {python} does not start under Wine {version()}: remove it with "
        "'bench env clean', then make it again with 'bench env sync --platform wine'"
    )
