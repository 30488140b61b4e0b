"""A copy of the checkout, for tests that change it, and what is run there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from support import ROOT, Done, bench_environment

#: What runs, tools and git leave in a checkout.
LEFT_BEHIND = (".*cache*", "__pycache__", ".git", "*.egg-info", "build", "dist", ".venv")

#: To run tests there: in one process, for others run beside it already, and nothing kept of it.
PYTEST = ("pytest", "-n0", "-p", "no:cacheprovider")


def copy_checkout(target: Path, *without: str) -> Path:
    """The checkout as it is, changed or not, but for what was left in it and these names."""
    return shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*LEFT_BEHIND, *without))


def run_python(checkout: Path, *arguments: str, within_s: float = 300.0) -> Done:
    """``python -m ARGUMENTS`` in a checkout, which finds itself, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=checkout,
        env=bench_environment(PYTHONPATH=str(checkout)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=within_s,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def python(checkout: Path, *arguments: str, within_s: float = 300.0) -> str:
    """What it printed; it must have ended well."""
    done = run_python(checkout, *arguments, within_s=within_s)
    assert done.code == 0, f"{arguments}:\n{done.out[-8000:]}\n{done.err}"
    return done.out
