"""The sentences that one who chooses a queue needs: what a report begins with.

Each kind of finding is a module here that defines ``KIND``; adding one edits nothing else.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.report.findings.material import Material

#: More sentences than this are not read.
MOST = 6


@dataclass(frozen=True)
class Kind:
    """One thing that a report says first.

    Attributes:
        place: its place among the others, the lowest first; no two have the same.
        find: one sentence that is true of the run whatever its values; ``None`` where there is
            nothing to say.
        spare: where there are more than :data:`MOST` sentences, those with the highest are left
            out first: what a chapter tells as well.
    """

    place: int
    find: Callable[[Material], str | None]
    spare: int = 0


@cache
def all_kinds() -> tuple[Kind, ...]:
    """Every kind in its place: of each module here that defines ``KIND``."""
    modules = (
        importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)
    )
    found: list[Kind] = [module.KIND for module in modules if hasattr(module, "KIND")]
    return tuple(sorted(found, key=lambda kind: kind.place))


def findings(material: Material) -> tuple[str, ...]:
    """What is to be said of a run, at most :data:`MOST` sentences."""
    told = {kind.place: (kind, kind.find(material)) for kind in all_kinds()}
    said = {place: (kind, sentence) for place, (kind, sentence) in told.items() if sentence}
    needed = sorted(said, key=lambda place: (said[place][0].spare, place))[:MOST]
    return tuple(said[place][1] for place in sorted(needed))
