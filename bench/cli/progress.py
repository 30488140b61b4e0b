"""What a person sees while something runs: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from bench.errors import EnvironmentFailed
from bench.plan.cells import TrialPlan
from bench.run.trial import Outcome
from bench.workers.environments import Built, make
from scenarios.loads import Size

#: Rough seconds per trial beyond its load: starting, stopping, fetching results.
OVERHEAD_S = 1.5


class RunProgress:
    """Current cell, done/total and time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal
        self._total = 0
        self._done = 0
        self._started = time.monotonic()
        self._expected_s = 0.0
        self._spent = 0.0
        self._progress = Progress(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]} left"),
            TextColumn("{task.description}"),
            console=console,
            disable=not self._live,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> RunProgress:
        self._progress.start()
        self._task = self._progress.add_task("starting", total=None, left=_duration(0))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def trials_planned(self, todo: Sequence[TrialPlan], finished: int) -> None:
        """Count what is to be run, and what an earlier start has finished."""
        self._total += len(todo) + finished
        self._done += finished
        self._expected_s += expected_seconds(todo)
        if self._task is not None:
            left = _duration(self._left())
            self._progress.update(self._task, total=self._total, completed=self._done, left=left)

    def trial_started(self, trial: TrialPlan) -> None:
        """Show the cell that runs now."""
        if self._task is not None:
            self._progress.update(self._task, description=trial.cell.label)

    def trial_ended(self, trial: TrialPlan, outcome: Outcome) -> None:
        """Count the cell; tell at once when it did not end well."""
        self._done += 1
        self._spent += _cost(trial)
        left = _duration(self._left())
        if self._task is not None:
            self._progress.update(self._task, advance=1, left=left)
        if outcome.status != "ok":
            line = f"{trial.cell.label}: {outcome.status}: {outcome.reason}"
            line += f" - {outcome.explained}" if outcome.explained else ""
            self._console.print(line, markup=False, highlight=False)
        elif not self._live:
            line = f"[{self._done}/{self._total}, {left} left] {trial.cell.label}"
            self._console.print(line, markup=False, highlight=False)

    def probing(self, variant: str) -> None:
        """Say whose abilities are probed."""
        if self._task is not None:
            self._progress.update(self._task, description=f"{variant} abilities")
        if not self._live:
            line = f"probing what {variant} can do"
            self._console.print(line, markup=False, highlight=False)

    def _left(self) -> float:
        """Time left: the plan's estimate, corrected by how the run went so far."""
        rest = self._expected_s - self._spent
        elapsed = time.monotonic() - self._started
        return rest * elapsed / self._spent if self._spent else rest


def expected_seconds(trials: Iterable[TrialPlan]) -> float:
    """A rough estimate of how long they take."""
    return sum(_cost(trial) for trial in trials)


def _cost(trial: TrialPlan) -> float:
    cell = trial.cell
    size = Size(cell.tasks, cell.for_s, cell.params, cell.concurrency)
    return OVERHEAD_S + cell.offering.about_s(size)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(int(seconds), 0), 60)
    return f"{minutes}:{rest:02d}"


def make_environments(
    environments: Iterable[Built], console: Console, *, spare_pins: bool = False
) -> None:
    """Make those that do not exist yet, at the same time, showing which are done.

    Args:
        spare_pins: whether a pinned version that cannot be made is told and left out, as long as
            there is any environment: one version of several is no reason to measure none.

    Raises:
        EnvironmentFailed: the first that could not be made.
    """
    environments = list(environments)
    missing = list({env.folder: env for env in environments if not env.exists}.values())
    if not missing:
        return
    names = ", ".join(sorted(env.label for env in missing))
    console.print(f"making environments (once): {names}", markup=False, highlight=False)
    progress = Progress(
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    failed: EnvironmentFailed | None = None
    with progress, ThreadPoolExecutor(max_workers=len(missing)) as pool:
        task = progress.add_task(names, total=len(missing))
        making = {pool.submit(make, env): env for env in missing}
        for done in as_completed(making):
            try:
                done.result()
            except EnvironmentFailed as error:
                if not (spare_pins and making[done].version):
                    raise
                console.print(f"left out: {error}", markup=False, highlight=False, soft_wrap=True)
                failed = error
            progress.advance(task)
    if failed and not any(env.exists for env in environments):
        raise failed
