"""What a probe recorded -> whether the worker can do it, and what shows that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from backends.abilities import ABILITIES

#: Two tasks use more than so many processors at once: what takes turns never gets beyond one, and
#: where others compute too it must not take both of two to tell.
PARALLEL = 1.15
#: A task that burns CPU alone and takes so many times as long shares its processor with others.
CROWDED = 1.2
#: A task that ends before this share of its work was cut short.
WHOLE = 0.9


class Answer(NamedTuple):
    """``can`` is ``None`` where the probe told nothing; ``evidence`` is a few words."""

    can: bool | None
    evidence: str


class Seen:
    """One probe's facts, as :mod:`bench.run.probes` wrote them.

    Args:
        facts: ``asked`` (what was asked for, seconds by name), ``events`` (lists of the task's
            number, ``start``, ``end``, ``fail`` or ``told``, and seconds), ``watched_s``, and for
            a stop ``pending`` and ``stopped``.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.asked: Mapping[str, float] = facts.get("asked", {})
        self.stopped: Mapping[str, Any] = facts.get("stopped", {})
        self.pending: int = facts.get("pending", 0)
        self.watched_s: float = facts.get("watched_s", 0.0)
        self._events = [tuple(event) for event in facts.get("events", [])]

    def at(self, task: int, kind: str) -> float | None:
        """When it first came to that with the task; ``None`` if it did not."""
        times = [at for number, what, at in self._events if number == task and what == kind]
        return min(times, default=None)

    def took(self, task: int, kind: str = "end") -> float | None:
        """Seconds from the task's start to that."""
        start, at = self.at(task, "start"), self.at(task, kind)
        return None if start is None or at is None else at - start

    def of_pair(self, first: int) -> list[float]:
        """When two tasks, of this and of the next number, started and ended, as far as known."""
        pair = (first, first + 1)
        found = (self.at(task, kind) for task in pair for kind in ("start", "end"))
        return [at for at in found if at is not None]

    def went_on(self, task: int) -> str:
        """What to add where the worker did not do the task that was sent after the probe."""
        return "" if self.at(task, "end") is not None else "; the worker did nothing after it"


def _soft_limit(seen: Seen) -> Answer:
    limit, told, whole = seen.asked["limit_s"], seen.took(1, "told"), seen.took(1)
    if told is not None and told < WHOLE * seen.asked["works_s"]:
        evidence = f"told after {told:.1f} s of a limit of {limit:g} s"
        return Answer(True, evidence + seen.went_on(2))
    if whole is not None:
        return Answer(False, f"ran {whole:.1f} s of a limit of {limit:g} s" + seen.went_on(2))
    return Answer(False, "ended without being told" + seen.went_on(2))


def _hard_limit(seen: Seen) -> Answer:
    limit, told, whole = seen.asked["limit_s"], seen.took(1, "told"), seen.took(1)
    by = f"told after {told:.1f} s, it " if told is not None else ""
    if whole is not None and whole >= WHOLE * seen.asked["works_s"]:
        return Answer(False, f"{by}ran {whole:.1f} s of a limit of {limit:g} s" + seen.went_on(2))
    return Answer(True, f"no end of its {seen.asked['works_s']:g} s of work" + seen.went_on(2))


def _revoke(seen: Seen) -> Answer:
    near, far, last = (round(seen.asked[name]) for name in ("near", "far", "last"))
    if seen.at(last, "end") is None:
        return Answer(None, "the worker did nothing after it")
    next_one, behind = (seen.at(task, "start") is not None for task in (near, far))
    if next_one or behind:
        if not behind:
            return Answer(False, "the next one was started nevertheless, one far behind was not")
        who = "both were" if next_one else "one far behind was"
        return Answer(False, f"{who} started nevertheless")
    return Answer(True, "neither the next one nor one far behind was started")


def _terminate(seen: Seen) -> Answer:
    told, whole, works = seen.took(1, "told"), seen.took(1), seen.asked["works_s"]
    if whole is not None:
        return Answer(False, f"ran its {whole:.1f} s to the end" + seen.went_on(2))
    if told is not None and told < WHOLE * works:
        return Answer(True, f"ended after {told:.1f} s by what was raised in it" + seen.went_on(2))
    return Answer(True, f"no end of its {works:g} s of work" + seen.went_on(2))


def _parallel(seen: Seen) -> Answer:
    if seen.asked["cores"] < 2:
        return Answer(None, "this machine has one processor")
    cpu_s, alone = seen.asked["cpu_s"], seen.took(1)
    pairs = [
        max(known) - min(known)
        for first in range(2, 2 + 2 * round(seen.asked["pairs"]), 2)
        if len(known := seen.of_pair(first)) == 4
    ]
    if alone is None or not pairs:
        return Answer(None, "the tasks did not end")
    quickest = min(pairs)
    evidence = f"two of {cpu_s:g} s of CPU took {quickest:.2f} s"
    if 2 * cpu_s > PARALLEL * quickest:
        return Answer(True, evidence)
    if alone > CROWDED * cpu_s:
        return Answer(None, f"{evidence}, one alone {alone:.2f} s: others computed too")
    return Answer(False, evidence)


def _stopped(seen: Seen) -> Answer | None:
    """Where the stop itself says all there is to say."""
    how = seen.stopped.get("how")
    if how in ("unasked", "by itself"):
        return Answer(None, "it could not be asked" if how == "unasked" else "it had ended before")
    if how == "killed":
        return Answer(False, f"did not stop within {seen.asked['within_s']:g} s")
    return None


def _graceful(seen: Seen) -> Answer:
    if answer := _stopped(seen):
        return answer
    whole = seen.took(1)
    if whole is not None:
        return Answer(True, f"it finished its {whole:.1f} s, then the worker ended")
    return Answer(False, f"cut off, {_kept(seen.pending)}")


def _soft_shutdown(seen: Seen) -> Answer:
    if answer := _stopped(seen):
        return answer
    short, long = seen.took(1), seen.took(2)
    parts = [
        f"{seen.asked['short_s']:g} s: " + ("finished" if short is not None else "cut off"),
        f"{seen.asked['long_s']:g} s: "
        + ("waited for" if long is not None else f"cut off, {_kept(seen.pending)}"),
    ]
    can = short is not None and long is None and seen.pending > 0
    return Answer(can, "; ".join(parts))


def _kept(pending: int) -> str:
    return "put back" if pending else "and lost"


_MEANING: dict[str, Callable[[Seen], Answer]] = {
    "soft_time_limit": _soft_limit,
    "hard_time_limit": _hard_limit,
    "revoke_waiting": _revoke,
    "terminate_running": _terminate,
    "cpu_in_parallel": _parallel,
    "graceful_stop": _graceful,
    "soft_shutdown": _soft_shutdown,
}

assert _MEANING.keys() == ABILITIES.keys()


def answered(ability: str, facts: Mapping[str, Any]) -> Answer:
    """Whether the worker has the ability, by what its probe recorded.

    Args:
        facts: as for :class:`Seen`; with a ``problem`` nothing is known.
    """
    if problem := facts.get("problem"):
        return Answer(None, str(problem))
    if not any(kind == "start" for _, kind, _ in facts.get("events", [])):
        return Answer(None, "no task was started")
    return _MEANING[ability](Seen(facts))
