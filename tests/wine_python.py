"""A Windows CPython under Wine, to run the harness and its tests on: Windows' own code paths.

``BENCH_TEST_WINE`` names a folder with ``prefix/`` (Wine's) and ``cp312/python.exe``, which has
this project's dependencies and those of its tests. ``python tests/wine_python.py --make`` makes it:
a minute, and as much disk as the environments under Wine. ``python tests/wine_python.py
[ARGUMENTS]`` runs pytest there, without arguments for the unit and the contract tests, against a
server that it starts on this side: some minutes.

Wine cannot send Ctrl-Break, and tells neither other processes' CPU times nor context switches.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

HOME = "BENCH_TEST_WINE"
#: numpy 2 calls what Wine 8 does not have; the others go with numpy 1. Windows has no time zones.
PINS = ("numpy<2", "pandas<3", "pyarrow<20", "tzdata")
ROOT = Path(__file__).resolve().parent.parent


def why_not() -> str:
    """What is missing to run it; empty where nothing is."""
    if sys.platform == "win32":
        return "this is Windows"
    if shutil.which("wine") is None:
        return "needs Wine (Debian: wine64 and wine)"
    home = os.environ.get(HOME)
    if not home:
        return f"needs {HOME}, the folder of a Windows CPython (see tests/wine_python.py)"
    return (
        "" if (Path(home) / "cp312" / "python.exe").is_file() else f"{home} has no Windows CPython"
    )


def windows_path(path: Path) -> str:
    """A path as a program under Wine names it."""
    return "Z:" + str(path.resolve()).replace("/", "\\")


def command(*arguments: str) -> list[str]:
    """What starts that interpreter with these arguments."""
    return ["wine", str(Path(os.environ[HOME]) / "cp312" / "python.exe"), *arguments]


def environment(**more: str) -> dict[str, str]:
    """The environment to start it in."""
    home = Path(os.environ[HOME])
    dropped = ("PYTHONPATH", "VIRTUAL_ENV", "REDIS_URL", "PYTHONHOME")
    return {name: value for name, value in os.environ.items() if name not in dropped} | {
        "WINEPREFIX": str(home / "prefix"),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree=;mshtml=;winedbg.exe=d",
        "PYTHONIOENCODING": "utf-8",
        "TASK_QUEUE_BENCH_CACHE": windows_path(home / "cache"),
        **more,
    }


@contextlib.contextmanager
def own_prefix(folder: Path) -> Iterator[dict[str, str]]:
    """Variables of a prefix in that folder, made of that home's: nobody else uses or ends its
    server. One program stays in it, so that each further one starts ten times as fast; what runs
    there is ended after."""
    from bench.system import wine
    from bench.workers import wine_environment

    prefix = wine.prefix_in(folder)
    wine.lay_out(replace(wine_environment.guests(), home=Path(os.environ[HOME])), prefix)
    variables = wine.variables_of(prefix)
    stays = "print(1, flush=True); import time; time.sleep(900)"
    try:
        with started("-c", stays, **variables) as idle:
            assert idle.stdout is not None
            assert idle.stdout.readline()
            yield variables
    finally:
        wine.end(prefix)


@contextlib.contextmanager
def started(*arguments: str, cwd: Path = ROOT, **more: str) -> Iterator[subprocess.Popen[str]]:
    """That interpreter at work; its output, both kinds of it, goes through a pipe: Wine's programs
    cannot have plain files there."""
    process = subprocess.Popen(
        command(*arguments),
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def make(home: Path) -> None:
    """Make that folder: the interpreter that guests have, and what the harness needs there."""
    from bench.system import wine
    from bench.workers import environments, wine_environment

    guests = wine_environment.guests()
    environments.make(wine_environment.Ground(guests))
    shutil.copytree(guests.base_python.parent, home / "cp312")
    wine.lay_out(guests, home / "prefix")
    platform = ("--python-platform", "x86_64-pc-windows-msvc", "--only-binary", ":all:")
    environments.uv_run(
        "the harness",
        *("pip", "install", "--python", sys.executable, *platform),
        *("--python-version", wine_environment.PYTHON_VERSION),
        *("--target", str(home / "cp312" / "Lib" / "site-packages")),
        *("-r", str(ROOT / "pyproject.toml"), "--extra", "dev", *PINS),
    )


def main(arguments: Sequence[str]) -> int:
    """The nightly check."""
    from bench.server.redis_server import embedded

    if list(arguments) == ["--make"]:
        make(Path(os.environ[HOME]))
        return 0
    if reason := why_not():
        print(reason, file=sys.stderr)  # noqa: T201
        return 2
    chosen = arguments or ["-q", "-p", "no:cacheprovider", "tests/unit", "tests/contract"]
    token = f"tqb-wine-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder, embedded(token, Path(folder)) as server:
        url = server.url
        with started("-m", "pytest", *chosen, BENCH_TEST_REDIS_URL=url, CI="") as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line.replace(url, "***"), end="", flush=True)  # noqa: T201
            return process.wait()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
