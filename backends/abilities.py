"""What a user may ask of a worker beside running tasks. Standard library only.

A backend binds those that its library has a way to ask for (:class:`Probe`); each is
then shown by a probe with real workers. What is done and recorded is the same for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Ability(NamedTuple):
    """Something a user asks of a worker.

    Attributes:
        name: as profiles and backends name it.
        title: a few words, the row of the report's table.
        question: what the answer yes or no is to, and what was asked.
    """

    name: str
    title: str
    question: str


_ALL = (
    Ability(
        "soft_time_limit",
        "soft time limit",
        "Is a task that works 3 s under a soft limit of 1 s told in time, by an exception in it?",
    ),
    Ability(
        "hard_time_limit",
        "hard time limit",
        "Is a task that works 3 s under a hard limit of 1 s ended, though it goes on whatever is "
        "raised in it?",
    ),
    Ability(
        "revoke_waiting",
        "take a waiting task back",
        "Does a task that was taken back while all slots were taken never start?",
    ),
    Ability(
        "terminate_running",
        "end a running task",
        "Is a task that works 3 s ended early when it is ended from outside?",
    ),
    Ability(
        "cpu_in_parallel",
        "CPU in parallel",
        "Do two tasks that burn CPU take about as long as one of them alone?",
    ),
    Ability(
        "graceful_stop",
        "graceful stop",
        "Does a running task finish before its worker, asked to stop, ends?",
    ),
    Ability(
        "soft_shutdown",
        "soft shutdown",
        "Does a worker that is given 1 s for its stop finish what takes 0.5 s, and put back what "
        "takes 8 s?",
    ),
)

#: All of them by name. Those that end the worker come last.
ABILITIES = {ability.name: ability for ability in _ALL}


@dataclass(frozen=True)
class Probe:
    """That an ability of :data:`ABILITIES` is probed, and what is expected.

    The backend's module ``abilities`` has what it takes (see :mod:`backends.kit.probing`).

    Attributes:
        ability: its name.
        can: the names of the variants that have it, as in :class:`backends.spec.Variant`; a test of
            the contract notices when that changes.
        can_on_windows: the same for Windows; ``None`` where that makes no difference.
        by_chance: the names of those whose answer depends on which message comes first.
        stop_signal: of an ability to stop: the name of the signal that asks for it; empty for that
            of the worker's command.
    """

    ability: str
    can: frozenset[str] = frozenset()
    can_on_windows: frozenset[str] | None = None
    by_chance: frozenset[str] = frozenset()
    stop_signal: str = ""

    def expected(self, variant: str, platform: str) -> bool | None:
        """What the probe is to tell of the variant of this name; ``None`` for what is left to
        chance."""
        if variant in self.by_chance:
            return None
        if platform == "win32" and self.can_on_windows is not None:
            return variant in self.can_on_windows
        return variant in self.can
