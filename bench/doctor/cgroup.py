"""The control groups of this process on Linux, version 1 and 2: how much processor they allow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def quota(root: Path = ROOT, own: Path = OWN) -> float | None:
    """Cores' worth of time that the tightest group allows; ``None`` where none sets a limit."""
    found = [limit for folder in _folders(root, own) if (limit := _limit(folder)) is not None]
    return min(found, default=None)


def throttled(root: Path = ROOT, own: Path = OWN) -> int:
    """Periods so far in which one of the groups was stopped at its quota."""
    total = 0
    for folder in _folders(root, own):
        for line in _read(folder / "cpu.stat").splitlines():
            if line.startswith("nr_throttled "):
                total += int(line.split()[1])
    return total


def _folders(root: Path, own: Path) -> Iterator[Path]:
    """The groups that limit this process's processor time, and all above them.

    In a container the path may be the host's, which does not exist here: its top does.
    """
    for line in _read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / controllers if controllers else root
        below = Path(path.lstrip("/"))
        yield from dict.fromkeys(top / part for part in (below, *below.parents))


def _limit(folder: Path) -> float | None:
    words = _read(folder / "cpu.max").split()
    if not words:
        words = [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    try:
        allowed, period = (int(word) for word in words)
    except ValueError:  # "max", or no such file
        return None
    return allowed / period if allowed > 0 and period > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
