"""What the harness tells a worker or producer, through the environment.

``BENCH_REDIS_URL``, ``BENCH_NAMESPACE`` (the lease's name), ``BENCH_OWN_DATABASE`` (set where all
keys of the database at the URL are the lease's), ``BENCH_VARIANT``, ``BENCH_OPTIONS`` (names,
joined by ``+``), ``BENCH_CONCURRENCY``, ``BENCH_EVENTS`` (folder of event files),
``BENCH_SCRATCH`` (folder removed after the lease), ``BENCH_ROLE``, ``BENCH_SETTINGS`` (JSON, keys
``scenario.parameter``) and, where a scenario needs it, ``BENCH_TELEGRAM_URL``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any


def redis_url() -> str:
    """The broker's URL, password included: never log it."""
    return os.environ["BENCH_REDIS_URL"]


def namespace() -> str | None:
    """The string that must be part of every Redis key this lease makes.

    ``None`` where the database is the lease's own: then the library's own names and keys stay as
    they are.
    """
    return None if "BENCH_OWN_DATABASE" in os.environ else os.environ["BENCH_NAMESPACE"]


def option(name: str) -> bool:
    """Whether the variant is run with this option of those that its backend declares."""
    return name in os.environ.get("BENCH_OPTIONS", "").split("+")


def concurrency() -> int:
    """How many tasks may be in progress at once."""
    return int(os.environ["BENCH_CONCURRENCY"])


def scratch() -> Path:
    """A folder of this lease's own."""
    return Path(os.environ["BENCH_SCRATCH"])


def setting(name: str, default: Any = None) -> Any:
    """A scenario's setting, e.g. ``setting("flaky.retry_delay_s", 5)``."""
    return _settings(os.environ.get("BENCH_SETTINGS", "{}")).get(name, default)


@cache
def _settings(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def require_installed(library: str) -> None:
    """Make sure ``import library`` finds the installed one, not our folder of the same name.

    Raises:
        ImportError: it is not installed in this environment, or something shadows it.
    """
    found = importlib.util.find_spec(library)
    origin = Path(found.origin).resolve() if found and found.origin else None
    homes = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    if origin is None or not any(origin.is_relative_to(home) for home in homes):
        raise ImportError(
            f"{library} must come from this environment's site-packages, not {origin}"
        )
