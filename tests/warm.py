"""Commands in processes that have imported everything already.

To import what ``bench run`` needs takes longer than to refuse a mistake. So commands that are
refused are forked off a process that has done it once; all else of them is as ever.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from support import PATIENCE_S, Done, bench_environment, run_bench


def refuse(
    *arguments: str | Path, cwd: Path, within_s: float = PATIENCE_S, **variables: str
) -> Done:
    """``python -m bench ...``, which is not to start anything, to its end."""
    if sys.platform != "linux":  # Windows cannot fork, and macOS not safely what has imported much
        return run_bench(*arguments, cwd=cwd, within_s=within_s, **variables)
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _warm().Process(
            target=_command,
            args=([str(a) for a in arguments], cwd, bench_environment(**variables), out, err),
        )
        process.start()
        process.join(within_s)
        code = process.exitcode
        process.kill()
        process.join()
        process.close()
        told = [path.read_text(encoding="utf-8") for path in (out, err)]
    assert code is not None, f"it did not end within {within_s:g} s:\n{told}"
    return Done(code, *told)


@cache
def _warm() -> Any:
    from bench.cli.lazy import COMMANDS

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"bench.cli.{module}" for _, module, _ in COMMANDS])
    return context


def _command(
    arguments: list[str], cwd: Path, environment: dict[str, str], out: Path, err: Path
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for number, path in enumerate((Path(os.devnull), out, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.argv = ["bench", *arguments]
    from bench.__main__ import main

    main()
