"""On what a run's workers ran: this system, Windows, or what shows something of Windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.report.setups import WINDOWS, emulates_windows


@dataclass(frozen=True)
class Platform:
    """What a run can tell of Windows.

    Attributes:
        brief: in a sentence: ``On Windows``; empty where it is no run of Windows.
        told: what it is, what it tells and what not.
    """

    brief: str = ""
    told: str = ""

    @property
    def is_windows(self) -> bool:
        """Whether the run answers for Windows."""
        return bool(self.brief)

    @property
    def title(self) -> str:
        """Of the chapter."""
        return f"{'Windows: t' if self.is_windows else 'T'}hroughput by service time"


def platform_of(facts: Mapping[str, Any]) -> Platform:
    """That of a run.

    Args:
        facts: ``run.json``; runs of earlier versions name no platform but in the host's system.
    """
    system = str(facts["host"].get("os", "this system"))
    here = system.partition("-")[0]
    platform = facts.get("platform", "")
    if platform == "wine" or facts.get("guest"):
        guest = facts.get("guest") or "Windows CPython under Wine"
        return Platform(
            "Windows CPython under Wine",
            f"{guest} on {here}: Windows' Python and its paths through the libraries on another "
            "kernel. It tells what runs, which loop a worker has and which of two settings wins; "
            "it cannot tell Windows' own rates, CPU, context switches or what a signal does.",
        )
    if platform == WINDOWS or system.startswith("Windows"):
        return Platform("Windows", f"This is Windows itself ({system}).")
    if emulates_windows(facts):
        return Platform(
            "Windows' consumer loop on this system",
            f"This is Windows' consumer loop on {here}: variants with the option for it take "
            "messages as every worker does on Windows, the same without it as workers do here. It "
            "tells what the loop does; it cannot tell "
            "what Windows' processes, clocks and network cost.",
        )
    return Platform()
