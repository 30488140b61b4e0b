"""The Python that runs the harness and makes the backends' environments, and its clock."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from bench.doctor.advice import Advice, judged
from bench.system.host import machine

#: A recorder's event takes 1 to 3 us: a coarser clock could not tell two of them apart.
RESOLUTION_S = 1e-6

#: Variables that slow every interpreter down which sees them.
SLOWING = ("PYTHONDEVMODE", "PYTHONTRACEMALLOC", "PYTHONASYNCIODEBUG", "COVERAGE_PROCESS_START")


def examine() -> list[Advice]:
    """All there is to say of the interpreter."""
    return [
        python(
            machine()["python"],
            debug=hasattr(sys, "gettotalrefcount"),
            dev_mode=sys.flags.dev_mode,
            traced=sys.gettrace() is not None or sys.getprofile() is not None,
            variables=os.environ,
        ),
        clock(time.get_clock_info("perf_counter").resolution),
    ]


def python(
    found: str, *, debug: bool, dev_mode: bool, traced: bool, variables: Mapping[str, str]
) -> Advice:
    """Whether Python runs at its own speed.

    Args:
        found: its name and version.
        debug: it is a debug build.
        traced: a debugger, a profiler or a coverage tool follows each call.
        variables: the environment.
    """
    if debug:
        return Advice("warn", "Python", f"{found}, a debug build", "use a release build")
    if slowing := [name for name in SLOWING if variables.get(name)]:
        return Advice("warn", "Python", f"{found}, {slowing[0]} is set", f"unset {slowing[0]}")
    if dev_mode:
        return Advice("warn", "Python", f"{found}, development mode", "start it without -X dev")
    do = "start it without debugger, profiler and coverage"
    return judged("Python", f"{found}, traced" if traced else found, traced, do)


def clock(resolution_s: float) -> Advice:
    """Whether the clock of all times is fine enough."""
    do = "compare no figure below this: use another machine or system for latencies"
    found = f"resolution {resolution_s * 1e9:,.0f} ns"
    return judged("clock", found, resolution_s > RESOLUTION_S, do)
