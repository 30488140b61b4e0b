"""Rounds and leases: run every trial of a plan, record each as it ends, go on after failures."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Protocol

from bench.plan.cells import LeasePlan, TrialPlan, drained_key
from bench.plan.planner import Plan
from bench.record.store import RunFolder
from bench.run.leaving import Leaving
from bench.run.lost import losses_told
from bench.run.repeats import Repeats
from bench.run.trial import Outcome, record, run_trial
from bench.server.redis_server import Server
from bench.workers.environments import Environment
from bench.workers.lease import Lease
from bench.workers.producer import LeaseFailed, TrialTimeout
from scenarios import all_scenarios


class Observer(Protocol):
    """Is told how the run goes."""

    def trials_planned(self, todo: Sequence[TrialPlan], finished: int) -> None:
        """So many more trials, and so many that an earlier start has finished."""

    def trial_started(self, trial: TrialPlan) -> None:
        """``trial`` begins."""

    def trial_ended(self, trial: TrialPlan, outcome: Outcome) -> None:
        """``trial`` has ended and is recorded."""

    def probing(self, variant: str) -> None:
        """The rounds are over; what this variant can do is being probed."""


class Runner:
    """Runs a plan into a run folder.

    Args:
        environments: by variant name.
        token: the run's token, carried by every process.
        scratch: a temporary folder.
    """

    def __init__(
        self,
        plan: Plan,
        folder: RunFolder,
        server: Server,
        environments: dict[str, Environment],
        *,
        token: str,
        scratch: Path,
        observer: Observer,
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._server = server
        self._environments = environments
        # Read once: each look goes through every installed distribution.
        self._versions = {name: env.library_version for name, env in environments.items()}
        self._token = token
        self._scratch = scratch
        self._observer = observer
        self._drained = drained_before(folder)
        self._leaving: Leaving | None = None
        self._repeats = Repeats(len(plan.trials) if plan.profile.repeat_disturbed else 0)

    def run(self, leases: Iterable[LeasePlan] | None = None) -> None:
        """Run leases, one after the other: these, or all of the plan.

        Raises:
            DiskFull: no space left; what was finished is kept.
            RedisError: the server is gone; what was finished is kept.
        """
        with losses_told(self._folder, self._server):
            try:
                todo = self._plan.leases if leases is None else leases
                for _, of_round in itertools.groupby(todo, key=attrgetter("round")):
                    for lease in of_round:
                        self._run_lease(lease)
                    self._repeat()
                self._await_gone()
            finally:
                if self._leaving is not None:  # something went wrong: it need not be graceful
                    self._leaving.hurry()
                    self._leaving = None

    @contextmanager
    def _on(self, lease: Lease) -> Iterator[None]:
        """Within it the lease has its producer, and the lease before is wholly gone."""
        lease.__enter__()
        try:
            self._await_gone()
            yield
        except BaseException:
            lease.__exit__(*sys.exc_info())
            raise
        self._leaving = Leaving(lease)

    def _await_gone(self) -> None:
        """Wait for the end of the lease before; raise what its stop raised."""
        if self._leaving is not None:
            self._leaving.wait()
            self._leaving = None

    def _repeat(self) -> None:
        """Run again what was disturbed since the last time."""
        leases = self._repeats.leases()
        self._observer.trials_planned([trial for lease in leases for trial in lease.trials], 0)
        for lease in leases:
            self._run_lease(lease)

    def _run_lease(self, plan: LeasePlan) -> None:
        variant, platform = plan.choice.variant, self._plan.platform
        reason = variant.unsupported_reason(platform)
        if reason is None and plan.choice.name not in self._plan.selection.named:
            reason = variant.broken_reason(platform)
        todo = plan.trials
        if reason is not None:
            self._keep_all(todo, Outcome("unsupported", reason), "")
            return
        env = self._environments[plan.choice.name]
        if not env.exists:
            told = f"has no environment: 'bench env sync {env.name}' says why"
            self._keep_all(todo, Outcome("failed", told), "")
            return
        while todo:
            todo = self._run_some(replace(plan, trials=todo))

    def _run_some(self, plan: LeasePlan) -> list[TrialPlan]:
        """Run trials on one lease until one fails; return those that need another lease."""
        with self._server.client() as client:  # or every trial would fail for want of a server
            client.ping()
        lease = Lease(
            plan,
            lease_id=self._free_id(plan),
            run=self._folder,
            server=self._server,
            env=self._environments[plan.choice.name],
            token=self._token,
            scratch=self._scratch,
        )
        done = 0
        try:
            with self._on(lease):
                for trial in plan.trials:
                    self._observer.trial_started(trial)
                    outcome = run_trial(lease, trial, self._drained.get(trial.cell.drained))
                    if outcome.drained_per_s is not None:
                        self._drained[trial.cell.drained] = outcome.drained_per_s
                    self._keep(trial, outcome, lease.id)
                    done += 1
                    if outcome.ends_lease:
                        break
                if not lease.ready:
                    untried = replace(outcome, sent=0, took_s=0.0)
                    self._keep_all(plan.trials[done:], untried, lease.id)
                    done = len(plan.trials)
        except (LeaseFailed, TrialTimeout) as error:  # its producer did not start
            outcome = Outcome(
                "failed", str(error), log_tail=lease.logs.tail(), explained=lease.explained()
            )
            self._keep_all(plan.trials, outcome, lease.id)
            return []
        return plan.trials[done:]

    def _free_id(self, plan: LeasePlan) -> str:
        """The lease's id, changed where the lease of a trial that was removed is kept for others.

        Of the folder that is there the events would be taken for those of the new lease.
        """
        ids = itertools.chain([plan.id], (f"{plan.id}-{again}" for again in itertools.count(2)))
        return next(free for free in ids if not (self._folder.leases / free).exists())

    def _keep_all(self, trials: list[TrialPlan], outcome: Outcome, lease_id: str) -> None:
        """The same outcome for trials that were not tried, for none would fare better."""
        for trial in trials:
            self._keep(trial, outcome, lease_id)

    def _keep(self, trial: TrialPlan, outcome: Outcome, lease_id: str) -> None:
        facts = {"lease_id": lease_id, "version": self._versions[trial.cell.choice.name]}
        self._folder.write_trial(trial.id, record(trial, outcome, facts))
        self._repeats.note(trial, outcome)
        self._observer.trial_ended(trial, outcome)


def drained_before(folder: RunFolder) -> dict[str, float]:
    """What was drained before this harness began, if it goes on with the run of another one:
    the last throughput of each drain, tasks/s, added rounds included."""
    return {
        drained_key(
            trial["variant"],
            all_scenarios()[trial["scenario"]],
            trial["concurrency"],
            trial["params"],
        ): trial["measured_per_s"]
        for trial in folder.read_trials()
        if "measured_per_s" in trial
    }
