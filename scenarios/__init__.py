"""What the work is: the task bodies (guest) and what must be true afterwards (host).

Importable with the standard library alone: the worker's interpreter imports it too.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenarios.spec import Scenario


@cache
def all_scenarios() -> dict[str, Scenario]:
    """Every scenario by name: each module here that defines ``SCENARIO``."""
    modules = (
        importlib.import_module(f"scenarios.{m.name}") for m in pkgutil.iter_modules(__path__)
    )
    return {m.SCENARIO.name: m.SCENARIO for m in modules if hasattr(m, "SCENARIO")}
