"""The platforms that guests can run on, by the name that ``--platform`` takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from backends.spec import Backend
from bench.errors import unknown
from bench.system import wine
from bench.system.guests import HERE, Guests
from bench.system.wine import Wine
from bench.workers import wine_environment
from bench.workers.environments import Built, Environment, environment


def guests_on(name: str | None) -> Guests:
    """The guests on a platform; those of here where it has no name.

    Raises:
        UsageError: no such platform, or this machine does not have it.
    """
    if name in (None, HERE.name):
        return HERE
    if name != wine.NAME:
        raise unknown("platform", str(name), [HERE.name, wine.NAME])
    return wine_environment.guests()


def environment_on(guests: Guests, backend: Backend, version: str | None = None) -> Environment:
    """The environment that a backend has there."""
    if isinstance(guests, Wine):
        return wine_environment.environment_under(guests, backend, version)
    return environment(backend, version)


def ground_of(guests: Guests) -> list[Built]:
    """What has to be made there before any environment."""
    return [wine_environment.Ground(guests)] if isinstance(guests, Wine) else []


@contextlib.contextmanager
def started(guests: Guests, token: str, folder: Path) -> Iterator[Guests]:
    """The guests' platform, ready to start processes at once; it is ended after.

    Args:
        token: carried by every process.
        folder: a temporary one.
    """
    if isinstance(guests, Wine):
        with wine.started(guests, token, folder) as running:
            yield running
    else:
        yield guests
