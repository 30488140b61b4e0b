"""Trials during which others used much of the machine: those repeated, and those that were not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.measure.disturbance import DISTURBED, disturbance
from bench.report.wording import caption, listed, plural

#: More trials than this are counted.
MOST = 5

Trial = Mapping[str, Any]


def disturbed_trials(trials: Sequence[Trial]) -> list[str]:
    """One sentence about those that were repeated, one about those that were not.

    Args:
        trials: all that were recorded, repetitions included.
    """
    again = {trial["repeats"]: trial for trial in trials if trial.get("repeats")}
    busy = [trial for trial in trials if (_share(trial) or 0.0) > DISTURBED]
    repeated = [
        f"{_name(trial)} ({_percent(trial)}, then {_then(again[trial['trial_id']])})"
        for trial in trials
        if trial["trial_id"] in again
    ]
    alone = [
        f"{_name(trial)} ({_percent(trial)})"
        for trial in busy
        if not trial.get("repeats") and trial["trial_id"] not in again
    ]
    told = f"others used more than {DISTURBED:.0%} of the processors during"
    found = []
    if repeated:
        found.append(
            f"{told} {plural(len(repeated), 'trial')} that ran once more, the figures are those of "
            f"the less disturbed one: {listed(repeated, MOST)}"
        )
    if alone:
        many = plural(len(alone), "trial")
        found.append(f"{told} {many} that did not run once more: {listed(alone, MOST)}")
    return found


def _share(trial: Trial) -> float | None:
    return disturbance(trial.get("marks", ()))


def _percent(trial: Trial) -> str:
    share = _share(trial)
    return "share not known" if share is None else f"{share:.0%}"


def _then(trial: Trial) -> str:
    return _percent(trial) if trial["status"] == "ok" else str(trial["status"])


def _name(trial: Trial) -> str:
    where = caption(trial["scenario"], trial["load"], trial["params"], trial["concurrency"])
    return f"{trial['variant']}, {where}, round {trial['round']}"
