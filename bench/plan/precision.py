"""How precisely ratios are asked to be known, and how much time that may take."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from bench.errors import UsageError

DEFAULT_BUDGET_S = 1800.0

_SHARE = re.compile(r"(\d+(?:\.\d+)?)(%?)")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Precision:
    """What is asked for.

    Attributes:
        within: half width of the interval of a ratio to the baseline, as a share of it.
        budget_s: seconds that the added rounds may take.
    """

    within: float
    budget_s: float = DEFAULT_BUDGET_S


def parse_share(text: str) -> float:
    """``5%`` or ``0.05`` as 0.05.

    Raises:
        UsageError: neither, or not between 0 and 100%.
    """
    match = _SHARE.fullmatch(text.strip())
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < share < 1:
        raise UsageError(
            f"--precision {text!r}: a share above 0 and below 100% is expected, such as 5% or 0.05"
        )
    return share


def parse_duration(text: str) -> float:
    """``90s``, ``30m`` or ``1h`` in seconds.

    Raises:
        UsageError: it is none, or no time at all.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise UsageError(
            f"--budget {text!r}: a time above 0 with its unit is expected, such as 90s, 30m or 1h"
        )
    return seconds
