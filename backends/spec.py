"""What a backend says about itself. Standard library only, and nothing of the harness.

A backend's ``__init__.py`` builds one :class:`Backend` named ``BACKEND`` out of these. The
harness knows a queue through this alone; it never branches on a backend's name.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from backends.keys import matching, size, unlink
from scenarios.loads import LOADS

#: What a command does; its log is named after it.
Role = Literal["worker", "scheduler"]


@dataclass(frozen=True)
class Readiness:
    """What says that a command takes tasks now: a line of its log or, where it logs none, a probe.

    Attributes:
        pattern: regular expression searched in the command's own log.
        times: how often it must be there, or what the probe must count to.
        probe: given a redis-py client and the lease's namespace as for
            :meth:`Backend.queue_keys`, how many signs of readiness there are in Redis. Commands
            with the same probe are ready together: it must count to the sum of their ``times``.
    """

    pattern: str = ""
    times: int = 1
    probe: Callable[[Any, str | None], int] | None = None

    def __post_init__(self) -> None:
        if bool(self.pattern) is (self.probe is not None):
            raise ValueError("readiness is a pattern of the log or a probe: give one of the two")


@dataclass(frozen=True)
class Command:
    """One process of the library's own, started as ``python WORDS``; it has a log of its own.

    Attributes:
        words: what a user types after the interpreter: ``("-m", "celery", "-A", ...)``.
        role: a ``worker`` runs tasks; a ``scheduler`` only sees to it that they come when due.
        stop_signal: the name of the signal that asks it to finish what it does and end. On Windows
            it is Ctrl-Break whatever stands here.
        exit_codes: those of an orderly end. ``-15`` is an end by signal 15.
    """

    words: tuple[str, ...]
    readiness: Readiness
    role: Role = "worker"
    stop_signal: str = "SIGTERM"
    exit_codes: frozenset[int] = frozenset({0})


#: redis-py's own parser, in Python, or hiredis, in C.
Parser = Literal["redis-py", "hiredis"]


@dataclass(frozen=True)
class Setting:
    """One setting that is not the library's default: shown in the report with its reason.

    Attributes:
        among_others: it is set only where a lease has no database of its own.
    """

    name: str
    value: str
    default: str
    why: str
    among_others: bool = False


@dataclass(frozen=True)
class Semantics:
    """What a variant promises, shown beside its numbers.

    Attributes:
        ack: when the broker forgets a task: as it is fetched, or when it is done.
        delivery: what becomes of a task whose worker is killed: it is not started again, or it is.
            This does not follow from ``ack``: a library may keep a task until it is done and yet
            give it up with its worker.
        fifo: first in, first out is promised, and held to at concurrency 1.
    """

    ack: Literal["early", "late"]
    delivery: Literal["at most once", "at least once"]
    results: str
    retries: str
    chain: str
    fifo: bool = False


@dataclass(frozen=True)
class Capabilities:
    """What the library can do, by its own account.

    Attributes:
        sees_failure: the caller can see that a task failed for good, not only that no result came.
        results: the caller can fetch what a task returned. Without it there is no closed load.
        retries: a failed task is tried again.
        chains: a task's result can be handed to a next one.
    """

    sees_failure: bool = True
    results: bool = True
    retries: bool = True
    chains: bool = True

    def lacks(self, load: str, asks: Iterable[str] = ()) -> str | None:
        """Why the library cannot be offered such work: ``"keeps no results"``; ``None`` if it can.

        Args:
            load: how the work is offered; where results are awaited the library must keep them.
            asks: what the work needs beside that: ``"retries"``, ``"chains"``.

        Raises:
            KeyError: something else is asked for.
        """
        able = {
            "results": (self.results, "keeps no results"),
            "retries": (self.retries, "does not retry"),
            "chains": (self.chains, "has no chains"),
        }
        needed = {*asks, "results"} if LOADS[load].awaited else {*asks}
        missing = [reason for can, reason in (able[need] for need in sorted(needed)) if not can]
        return ", ".join(missing) or None


@dataclass(frozen=True)
class KnownDefect:
    """Where a library breaks the contract: expected by the contract's tests, told in reports.

    Attributes:
        check: what fails: ``retry_delay``, a check of a trial or one of the contract's own.
        told: one sentence fit to quote, without a full stop: ``"rq retries up to a second early"``.
        where: the file that shows it, from the root: a test, or the section of a ``NOTES.md``.
        variants: the names of those that have it, as in :class:`Variant`; empty means all.
        always: every run of the contract shows it, and one that does not is a failure: it has been
            mended. Otherwise it depends on chance, and a run without it proves nothing.
    """

    check: str
    told: str
    where: str
    variants: frozenset[str] = frozenset()
    always: bool = True


@dataclass(frozen=True)
class Option:
    """A declared deviation of a variant from how its backend is run here: ``rq:fork+preload``.

    The backend's ``worker_commands`` ask :meth:`Variant.has`, its guest code asks
    :func:`backends.kit.settings.option`.

    Attributes:
        name: what follows the plus sign.
        summary: one line for ``bench list``.
        settings: what it sets, to which value and why; the default is what stands there without it.
        includes: names of the options that it consists of, beside what it sets itself.
        source: the page and section of the library's documentation that advises it, if one does.
        variants: the names of those that know it, as in :class:`Variant`; empty means all.
        speed: roughly how many times the variant's drain rate; for sizing only.
        parser: what reads Redis's replies with it; ``None`` where that stays as it is.
        promises: what it changes of the variant's :class:`Semantics`, by the field's name.
        lacks: fields of :class:`Capabilities` that the library cannot do with it.
        native_on: ``sys.platform`` values on which every worker runs so: there a name with it means
            the same without it, and elsewhere it shows what happens there.
    """

    name: str
    summary: str
    settings: tuple[Setting, ...] = ()
    includes: tuple[str, ...] = ()
    source: str = ""
    variants: frozenset[str] = frozenset()
    speed: float = 1.0
    parser: Parser | None = None
    promises: Mapping[str, Any] = field(default_factory=dict, hash=False)
    lacks: frozenset[str] = frozenset()
    native_on: frozenset[str] = frozenset()

    def fits(self, variant: Variant) -> bool:
        """Whether the variant knows it."""
        return not self.variants or variant.name in self.variants


@dataclass(frozen=True)
class Variant:
    """One way to run a backend.

    Attributes:
        name: what follows the colon; empty where a backend has one variant only.
        summary: one line for ``bench list``.
        concurrency: how N tasks at once are reached, e.g. ``"1 process x N threads"``.
        nominal_tasks_per_s: rough drain rate at concurrency 1 and per further unit; it sizes
            the backlog of a drain so that slow and fast queues take a like time. No result.
        platforms: ``sys.platform`` values it runs on; empty means all.
        settings: this variant's settings beyond the backend's.
        caveat: what a reader must know, e.g. that the library deprecates this way to run.
        chosen: the options that it is run with, in the order of their declaration, those included.
        named: the names of those that were asked for.
    """

    name: str
    summary: str
    concurrency: str
    semantics: Semantics
    nominal_tasks_per_s: float = 500.0
    nominal_grows: bool = False
    platforms: frozenset[str] = frozenset()
    settings: tuple[Setting, ...] = ()
    caveat: str = ""
    chosen: tuple[Option, ...] = ()
    named: tuple[str, ...] = ()

    def has(self, option: str) -> bool:
        """Whether it is run with the option of this name."""
        return any(chosen.name == option for chosen in self.chosen)

    @property
    def own_settings(self) -> tuple[Setting, ...]:
        """What it sets beyond its backend: of its own accord, and by its options."""
        by_options = tuple(setting for option in self.chosen for setting in option.settings)
        return self.settings + by_options

    def unsupported_reason(self, platform: str = sys.platform) -> str | None:
        """Why this variant cannot run on ``platform``; ``None`` where it can."""
        if self.platforms and platform not in self.platforms:
            return f"needs {' or '.join(sorted(self.platforms))}, this is {platform}"
        return None

    def nominal_rate(self, concurrency: int) -> float:
        """Rough tasks/s at ``concurrency``, for sizing only."""
        speed = math.prod(option.speed for option in self.chosen)
        return self.nominal_tasks_per_s * speed * (concurrency if self.nominal_grows else 1)


@dataclass(frozen=True)
class Backend:
    """A library under test. Subclass it where a method needs another answer.

    Attributes:
        distribution: the library's name on PyPI, whose version reports show.
        imports: the modules that its folder may import beside the standard library and ours:
            ``("celery", "kombu")``. Nothing else of ours imports them.
        options: the declared deviations that its variants may be run with.
        known_defects: where the library breaks the contract, each with what shows it.
        parser: what reads Redis's replies: a faster one alone makes a faster queue.
        stop_within_s: seconds a graceful stop may take before the worker is killed.
        hidden: not part of the comparison: exists for tests.
        is_floor: not a queue to choose but the limit that queues are measured against.
        shared_keys: those that all users of the library share on a server, with their types, e.g.
            a set of all queues. A run adds to them and takes its own out again; one of another
            type is told first.
    """

    name: str
    distribution: str
    homepage: str
    variants: tuple[Variant, ...]
    imports: tuple[str, ...] = ()
    capabilities: Capabilities = Capabilities()
    settings: tuple[Setting, ...] = ()
    options: tuple[Option, ...] = ()
    known_defects: tuple[KnownDefect, ...] = ()
    parser: Parser = "redis-py"
    stop_within_s: float = 10.0
    hidden: bool = False
    is_floor: bool = False
    shared_keys: tuple[tuple[str, str], ...] = ()
    folder: Path = field(default=Path())

    def defects_of(self, variant: Variant) -> tuple[KnownDefect, ...]:
        """The known defects that this variant has."""
        return tuple(
            defect
            for defect in self.known_defects
            if not defect.variants or variant.name in defect.variants
        )

    def capabilities_of(self, variant: Variant) -> Capabilities:
        """What the library can do where it is run with the variant's options."""
        missing = {name: False for option in variant.chosen for name in option.lacks}
        return replace(self.capabilities, **missing)

    def parser_of(self, variant: Variant) -> Parser:
        """What reads Redis's replies where it is run with its options."""
        chosen: Parser = self.parser
        for option in variant.chosen:
            chosen = option.parser or chosen
        return chosen

    def with_options(self, variant: Variant, names: Iterable[str]) -> Variant:
        """The variant as it is run with these options.

        Raises:
            LookupError: one of them is not declared for this variant, or two set the same thing.
        """
        known = {option.name: option for option in self.options if option.fits(variant)}
        named = set(names)
        todo, wanted = sorted(named), set()
        while todo:
            name = todo.pop()
            wanted.add(name)
            todo += known[name].includes  # KeyError is a LookupError
        chosen = tuple(option for option in known.values() if option.name in wanted)
        set_twice = [setting.name for option in chosen for setting in option.settings]
        if len(set_twice) != len(set(set_twice)):
            raise LookupError(f"two of {'+'.join(sorted(named))} set the same")
        in_order = tuple(name for name in known if name in named)
        promises = {name: value for option in chosen for name, value in option.promises.items()}
        semantics = replace(variant.semantics, **promises)
        return replace(variant, chosen=chosen, named=in_order, semantics=semantics)

    def native_to(self, variant: Variant, platform: str) -> Variant:
        """The variant without the options that are how every worker runs on ``platform``."""
        native = {option.name for option in variant.chosen if platform in option.native_on}
        if not native:
            return variant
        plain = next(known for known in self.variants if known.name == variant.name)
        return self.with_options(plain, [name for name in variant.named if name not in native])

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        """The library's own command(s): workers for so many tasks at once, and what they need."""
        raise NotImplementedError

    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        """Redis key patterns whose sizes add up to the tasks queued, scheduled or in flight.

        Lists, hashes, sets and sorted sets have as many tasks as entries. Of a stream each consumer
        group has what it was not given yet and what it has not acknowledged; with no group it is
        the whole stream. Other types hold none.

        Args:
            namespace: as :func:`backends.kit.settings.namespace` gives it to the workers; ``None``
                where the lease has the database for itself and the library its own names.
        """
        raise NotImplementedError

    def pending(self, redis: Any, namespace: str | None, directory: Path) -> int:
        """Tasks the broker still holds: queued, scheduled or not yet acknowledged.

        Args:
            redis: a redis-py client of the harness.
            namespace: as for :meth:`queue_keys`.
            directory: the lease's scratch directory.
        """
        return sum(
            size(redis, key)
            for pattern in self.queue_keys(namespace)
            for key in matching(redis, pattern)
        )

    def sweep(self, redis: Any, namespace: str) -> None:
        """Remove every key a lease made among others. The default removes the keys that name it.

        A database of its own is emptied instead, whatever is in it.
        """
        unlink(redis, matching(redis, f"*{namespace}*"))
