"""Where the suite's own files lie: the one module that knows."""

from __future__ import annotations

from pathlib import Path

#: Workers start from here, so that ``backends`` and ``scenarios`` are all they find.
ROOT = Path(__file__).resolve().parents[2]
BACKENDS = ROOT / "backends"
PROFILES = ROOT / "bench" / "profiles"
TEMPLATES = ROOT / "bench" / "scaffold" / "templates"
#: What microbenchmarks need beside a library. No run's environment has it: a measured worker
#: runs in what its user would install.
MICRO_LOCK = BACKENDS / "kit" / "micro.lock"
