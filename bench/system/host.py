"""Facts about this machine and this code, stored with every run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from bench.system.places import ROOT
from bench.system.platforms import here


def machine() -> dict[str, Any]:
    """Processor, memory, operating system, Python."""
    return {
        "cpu": _cpu_name(),
        "cores": _usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "os": platform.platform() + here.emulated_by(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _usable_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        found = _output("sysctl", "-n", "machdep.cpu.brand_string")
        return found or platform.processor()
    return platform.processor() or platform.machine()


def commit() -> dict[str, Any]:
    """The code's git commit and whether the tree differs from it; empty outside a checkout.

    Returns:
        ``commit``, empty where git does not tell it, and ``dirty``, then ``None``.
    """
    if not (ROOT / ".git").exists():
        return {}
    changes = _output("git", "status", "--porcelain", "--untracked-files=no")
    return {
        "commit": _output("git", "rev-parse", "HEAD") or "",
        "dirty": None if changes is None else bool(changes),
    }


def _output(*command: str) -> str | None:
    """What a program prints; ``None`` where it is not there or fails."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, encoding="utf-8", errors="replace", timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
