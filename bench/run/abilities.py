"""What each variant can do beside running tasks: its probes, in leases of their own.

They come after a run's rounds, once per variant. A variant's file is written when all its probes
have ended; a run that is resumed probes those that have none.
"""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from backends import Choice
from backends.abilities import ABILITIES, Probe
from bench.plan.cells import LeasePlan, file_name
from bench.plan.planner import Plan
from bench.record.ability_files import path_of, write_abilities
from bench.record.store import RunFolder
from bench.run.probes import CONCURRENCY, KINDS, ProbeLease, Probing
from bench.server.redis_server import Server
from bench.workers.environments import Environment
from bench.workers.producer import LeaseFailed, TrialTimeout
from bench.workers.workers import READY_WITHIN_S

#: Of a lease's number: a namespace has it, and no lease of a round may have the same.
_FIRST = 9_000_000


#: A probe takes about so long, seconds, its share of starting workers included.
ABOUT_S = 4.0


def probed_of(plan: Plan) -> list[Choice]:
    """The variants that a plan wants probed: not those that only some of its cells have, for an
    option does not give a pool what it lacks."""
    if not plan.profile.probed:
        return []
    planned = {cell.choice.name for cell in plan.cells}
    return [choice for choice in plan.selection.common if choice.name in planned]


def about_s(plan: Plan, begun: RunFolder | None = None) -> float:
    """Roughly how long the probes of a plan take, seconds; those that a run has not done yet."""
    wanted = set(plan.profile.probed)
    left = [c for c in probed_of(plan) if not (begun and path_of(begun.path, c.name).exists())]
    bound = (probe for choice in left for probe in choice.backend.abilities)
    return ABOUT_S * sum(probe.ability in wanted for probe in bound)


class Prober:
    """Probes variants, keeping each one's facts as its last probe ends.

    Args:
        wanted: the abilities.
        environments: by variant name.
        token: the run's token, carried by every process.
        scratch: a temporary folder, which gets the leases.
    """

    def __init__(
        self,
        run: RunFolder,
        server: Server,
        environments: Mapping[str, Environment],
        *,
        wanted: Iterable[str] = tuple(ABILITIES),
        token: str,
        scratch: Path,
    ) -> None:
        self._run = run
        self._server = server
        self._environments = environments
        self._wanted = set(wanted)
        self._token = token
        self._scratch = scratch
        self._numbers = itertools.count(_FIRST)

    def probe_all(self, choices: Iterable[Choice], told: Callable[[str], None]) -> None:
        """Probe what has not been probed.

        Args:
            told: is called with the name of each variant as its turn comes.
        """
        for choice in choices:
            if not path_of(self._run.path, choice.name).exists():
                told(choice.name)
                version = self._environments[choice.name].library_version
                write_abilities(self._run.path, choice.name, version, self.probe(choice))

    def probe(self, choice: Choice) -> dict[str, dict[str, Any]]:
        """The facts of each of a variant's probes, by ability."""
        bound = {probe.ability: probe for probe in choice.backend.abilities}
        todo = [bound[name] for name in ABILITIES if name in bound and name in self._wanted]
        guests = self._environments[choice.name].guests
        variant, platform = choice.variant, guests.platform
        if reason := variant.unsupported_reason(platform) or variant.broken_reason(platform):
            return {probe.ability: {"problem": reason} for probe in todo}
        facts: dict[str, dict[str, Any]] = {
            probe.ability: {"problem": f"{platform} has no {probe.stop_signal}"}
            for probe in todo
            if probe.stop_signal
            and not (guests.signals_reach and hasattr(signal, probe.stop_signal))
        }
        todo = [probe for probe in todo if probe.ability not in facts]
        while todo:
            group = _together(todo)
            facts |= dict(self._on_one_lease(choice, group))
            todo = [probe for probe in todo if probe.ability not in facts]
        return facts

    def _on_one_lease(
        self, choice: Choice, probes: Sequence[Probe]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Probe until one goes wrong; the rest needs another lease."""
        lease = self._lease(choice, KINDS[probes[0].ability].settings)
        current = probes[0]
        facts: dict[str, Any] = {}
        try:
            with lease:
                lease.start_workers(time.monotonic() + READY_WITHIN_S)
                for number, current in enumerate(probes, 1):
                    probing = Probing(lease, number)
                    facts = probing.facts
                    try:
                        KINDS[current.ability].probe(probing, current)
                    finally:
                        facts["events"] = probing.seen()
                    yield current.ability, facts
        except (LeaseFailed, TrialTimeout) as error:
            explained = lease.explained()
            problem = f"{error} ({explained})" if explained else str(error)
            facts |= {"problem": problem, "log_tail": lease.logs.tail()}
            failed = [current] if lease.ready else probes  # none of them would fare better
            yield from ((probe.ability, facts) for probe in failed)

    def _lease(self, choice: Choice, settings: dict[str, Any]) -> ProbeLease:
        # Round 2: it ends with its workers being killed, what a stop does being a probe of its own.
        plan = LeasePlan(choice, CONCURRENCY, round=2, settings=settings)
        number = next(self._numbers)
        return ProbeLease(
            plan,
            lease_id=f"abilities-{number}-{file_name(choice.name)}",
            run=RunFolder(self._scratch),
            server=self._server,
            env=self._environments[choice.name],
            token=self._token,
            scratch=self._scratch,
        )


def _together(probes: Sequence[Probe]) -> list[Probe]:
    """The first of them, and those that may follow it on the same workers."""
    settings = KINDS[probes[0].ability].settings
    group: list[Probe] = []
    for probe in probes:
        if KINDS[probe.ability].settings == settings:
            group.append(probe)
            if KINDS[probe.ability].ends:
                break
    return group
