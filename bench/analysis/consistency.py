"""Do a run's tables, as they were written, agree with each other and with its trials?

They are all that is left of a run whose events are gone; what is missing in them would be told by
no number at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis.tables import CELL, Tables, cell_of
from bench.errors import RunFolderError
from scenarios.loads import LOADS


def check_tables(path: Path, tables: Tables, trials: Iterable[Mapping[str, Any]]) -> None:
    """Make sure that no table has lost a part; of the checks of one cell, not all.

    Args:
        path: the run's folder.
        trials: those that are finished.

    Raises:
        RunFolderError: one is cut off, or lacks what it must have by another or by a trial.
    """
    for name in ("rounds", "summary", "verdicts"):
        if not (path / f"{name}.csv").read_bytes().endswith(b"\n"):
            raise _damaged(path, name, "it breaks off in the middle of a line")
    values = _keys(tables.rounds, "metric")
    told = _keys(tables.summary, "metric")
    if lost := values - told:
        raise _damaged(path, "summary", f"it lacks {len(lost)} values that rounds.csv has")
    if lost := told - values:
        raise _damaged(path, "rounds", f"it lacks {len(lost)} values that summary.csv has")
    checked = _keys(tables.verdicts)
    for trial in (trial for trial in trials if trial["status"] == "ok"):
        if not values:
            raise _damaged(path, "rounds", "it has no value at all")
        # Where there are no tasks there is nothing that a check could look at.
        works = LOADS[trial["load"]].works
        if works and tuple(cell_of(dict(trial)).values()) not in checked:
            raise _damaged(path, "verdicts", f"it has nothing of {trial['trial_id']}")


def _keys(table: pd.DataFrame, *more: str) -> set[tuple[Any, ...]]:
    return set(table[[*CELL, *more]].itertuples(index=False, name=None))


def _damaged(path: Path, name: str, how: str) -> RunFolderError:
    return RunFolderError(
        f"{path / name}.csv is damaged: {how}: restore it from a copy; if the run's events are "
        f"there, 'bench report {path}' makes it anew"
    )
