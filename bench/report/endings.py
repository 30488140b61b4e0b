"""How workers ended that were asked to stop and did not end in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bench.report.wording import plural


def endings(leases: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence per variant and way to end.

    Args:
        leases: what ``lease.json`` says of each lease; those of older versions say less.
    """
    stopped: dict[str, int] = defaultdict(int)
    abnormal: dict[tuple[str, str], int] = defaultdict(int)
    for lease in leases:
        name = str(lease.get("variant"))
        stopped[name] += lease.get("stopped") in ("gracefully", "on the spot")
        for told in dict.fromkeys(lease.get("abnormal_stops", ())):
            abnormal[name, str(told)] += 1
    return [
        f"{name}: {told}, in {count} of {plural(stopped[name], 'lease')}"
        for (name, told), count in sorted(abnormal.items())
    ]
