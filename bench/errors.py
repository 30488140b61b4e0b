"""What can go wrong, as one small tree::

    BenchError                   exit code 2: nothing can be done before it is mended
    ├── UsageError               the command line or a profile is wrong
    ├── RedisError               no server, wrong password, not a Redis
    ├── EnvironmentFailed        a backend's environment cannot be made
    ├── DiskFull                 no space left
    └── RunFolderError           a results folder that is not one, or is damaged

Each message is one line: what was expected, what was found, what to do next. Failures of a
queue under test are no errors but results: they are recorded with the trial.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: All that was asked for is done; what was found of a queue, good or bad, is a result.
EXIT_OK = 0
#: The harness could not do some of it: a trial failed, timed out or is invalid. Also where the
#: caller asked for it (``--strict``) and a check failed.
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class BenchError(Exception):
    """A mistake or a condition that the person at the keyboard can mend."""

    exit_code = EXIT_USAGE


class UsageError(BenchError):
    """The command line or a profile is wrong."""


class RedisError(BenchError):
    """No server at the URL, a wrong password, or something that is not Redis."""


class EnvironmentFailed(BenchError):
    """A backend's environment cannot be made."""


class DiskFull(BenchError):
    """No space is left where results are written."""


class RunFolderError(BenchError):
    """A folder that is not a run, or one that cannot be read."""


def unknown(kind: str, wanted: str, known: Iterable[str]) -> UsageError:
    """An error for a name that does not exist, with the nearest that does."""
    known = sorted(known)
    nearest = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
    wanted = wanted if len(wanted) <= 60 else f"{wanted[:57]}..."
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return UsageError(f"unknown {kind} {wanted!r}: {hint}known are {', '.join(known)}")
