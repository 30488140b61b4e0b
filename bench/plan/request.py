"""What a user asked to be measured: kept with the run, so that its plan can be made again."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.plan.cells import describe
from bench.plan.planner import Plan, make_plan
from bench.plan.precision import Precision
from bench.plan.profile import Profile, profile_of

#: What holds on a platform that is imitated is what holds on the real one.
_IMITATED = {"wine": "win32"}


@dataclass(frozen=True)
class Request:
    """A profile, what of it is wanted, and how precisely.

    Attributes:
        variants, scenarios: empty for all of the profile's.
        rounds: instead of the profile's.
        platform: what ``--platform`` named; ``None`` where guests run as the harness does.
    """

    profile: Profile
    variants: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    rounds: int | None = None
    precision: Precision | None = None
    platform: str | None = None

    def plan(self) -> Plan:
        """The same request always gives the same plan, as long as the code is the same.

        Raises:
            UsageError: an unknown variant or scenario, or nothing left to run.
        """
        return make_plan(
            self.profile,
            variants=list(self.variants),
            scenarios=list(self.scenarios),
            rounds=self.rounds,
            platform=_IMITATED.get(self.platform or "", sys.platform),
        )

    def as_data(self) -> dict[str, Any]:
        """Plain data, for ``run.json``."""
        return {
            "profile": self.profile.as_data(),
            "variants": list(self.variants),
            "scenarios": list(self.scenarios),
            "rounds": self.rounds,
            "precision": asdict(self.precision) if self.precision else None,
            "platform": self.platform,
        }


def request_of(data: dict[str, Any], source: Path) -> Request:
    """The request that :meth:`Request.as_data` was given for.

    Raises:
        UsageError: this code does not take its profile.
    """
    precision = data["precision"]
    return Request(
        profile=profile_of(data["profile"], source),
        variants=tuple(data["variants"]),
        scenarios=tuple(data["scenarios"]),
        rounds=data["rounds"],
        precision=Precision(**precision) if precision else None,
        platform=data.get("platform"),  # earlier versions knew no other than here
    )


def digest(plan: Plan) -> str:
    """SHA-256 over every lease, trial and cell of the plan, in order."""
    content = [
        (lease.id, trial.id, describe(trial.cell), trial.cell.for_s)
        for lease in plan.leases
        for trial in lease.trials
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
