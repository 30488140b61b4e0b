"""What a look at one thing comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "missing"]

#: What psutil does where a platform cannot tell: the function is absent, or raises one of these.
NOT_TOLD = (AttributeError, NotImplementedError, OSError, RuntimeError)


@dataclass(frozen=True)
class Advice:
    """One thing looked at: how it stands, and what to do where it does not stand well."""

    level: Level
    subject: str
    found: str
    do: str = ""


def judged(subject: str, found: str, problem: bool, do: str) -> Advice:
    """A warning with what to do where there is a problem; else that all is well."""
    return Advice("warn", subject, found, do) if problem else Advice("ok", subject, found)
