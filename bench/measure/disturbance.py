"""How much of the machine others used during a trial: a reading that knows nothing of its outcome.

From the trial's own marks (:meth:`bench.workers.meter.Meter.mark`): what all processors did, less
what the trial's processes, the server and the harness did, plus what the hypervisor took away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Above this share of the processors a trial counts as disturbed and is repeated once.
DISTURBED = 0.10

#: The counters of a machine tick in hundredths of a second: of less processor time than this they
#: tell nothing.
LEAST_S = 0.5

Mark = Mapping[str, Any]


def disturbance(marks: Sequence[Mark]) -> float | None:
    """The share of all processors that others used between the first and the last mark.

    Returns:
        From 0 to 1; ``None`` where the marks cannot tell: too few, too near, none of the machine's
        counters, or a role whose processor time is not known.
    """
    if len(marks) < 2:
        return None
    first, last = marks[0], marks[-1]
    if "machine" not in first or "machine" not in last:
        return None
    if first["cpu_s"].keys() != last["cpu_s"].keys():
        return None
    machine = {name: last["machine"][name] - value for name, value in first["machine"].items()}
    ours = machine["harness_s"] + sum(
        last["cpu_s"][role] - first["cpu_s"][role] for role in last["cpu_s"]
    )
    whole = (last["t_ns"] - first["t_ns"]) / 1e9 * last["machine"]["cores"]
    if whole < LEAST_S:
        return None
    strange = max(machine["busy_s"] - ours, 0.0) + machine["stolen_s"]
    return min(float(strange / whole), 1.0)


def disturbed(marks: Sequence[Mark]) -> bool:
    """Whether others used more than :data:`DISTURBED` of the processors."""
    share = disturbance(marks)
    return share is not None and share > DISTURBED
