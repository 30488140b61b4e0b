"""What is known of a library beforehand: where it breaks the contract, what its errors mean.

Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownDefect:
    """Where a library breaks the contract: expected by the contract's tests, told in reports.

    Attributes:
        check: what fails: ``retry_delay``, a check of a trial or one of the contract's own.
        told: one sentence fit to quote, without a full stop: ``"rq retries up to a second early"``.
        where: the file that shows it, from the root: a test, or the section of a ``NOTES.md``.
        variants: the names of those that have it, as in :class:`Variant`; empty means all.
        platforms: ``sys.platform`` values it is seen on; empty means all.
        scenarios: the names of those in which it is seen; empty means all. It excuses nothing that
            fails the same check elsewhere.
        always: every run of the contract shows it, and one that does not is a failure: it has been
            mended. Otherwise it depends on chance, and a run without it proves nothing.
    """

    check: str
    told: str
    where: str
    variants: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()
    scenarios: frozenset[str] = frozenset()
    always: bool = True


@dataclass(frozen=True)
class KnownError:
    """What a line of a worker's log means to who runs it: shown beside the reason of a failure.

    Attributes:
        pattern: regular expression searched in the workers' and the producer's logs.
        told: one sentence, without a full stop: what it means and what to do.
    """

    pattern: str
    told: str
