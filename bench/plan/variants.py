"""Which variants a name stands for: in a profile, and where what was asked for narrows one."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from backends import Choice, UnknownVariant, all_backends, choose
from bench.errors import unknown
from bench.plan.profile import CellSpec, Profile


def choices_of(names: Iterable[str], platform: str = sys.platform) -> list[Choice]:
    """The variants that the names stand for, each once, without the options that are how every
    worker runs on ``platform``.

    Raises:
        UsageError: an unknown name; the message has the nearest that exists.
    """
    return _each_once(
        choice._replace(variant=choice.backend.native_to(choice.variant, platform))
        for name in names
        for choice in _typed(name)
    )


def default_choices() -> list[Choice]:
    """Of every backend that is compared, and the floor, the first variant that runs here."""
    found = []
    for backend in all_backends().values():
        here = [
            variant
            for variant in backend.variants
            if variant.unsupported_reason() is None and variant.broken_reason() is None
        ]
        if here and not backend.hidden:
            found.append(Choice(backend, here[0], None))
    return found


@dataclass(frozen=True)
class Selection:
    """The variants of a profile that are run: all, or what of them was asked for.

    A name that was asked for leaves open what it does not say: variant, version, options. Of each
    cell those variants are kept that it fits: what is run is part of what the whole profile runs.
    A name that fits none of any cell's is run beside the profile's own variants.

    Attributes:
        common: those of the cells that name none of their own.
        named: the names of those that were asked for by their own names, not by their backend's,
            by the profile or on the command line.
    """

    common: tuple[Choice, ...]
    named: frozenset[str]
    _asked: frozenset[str] | None
    _platform: str

    def of(self, spec: CellSpec) -> list[Choice]:
        """The variants that a cell is run with."""
        if spec.variants is None:
            return list(self.common)
        own = choices_of(spec.variants, self._platform)
        return own if self._asked is None else [c for c in own if c.name in self._asked]


def select(profile: Profile, asked: Iterable[str] | None, platform: str) -> Selection:
    """What is run of a profile.

    Args:
        asked: the names that narrow it; ``None`` or empty for all of it.
        platform: ``sys.platform`` of what is measured.

    Raises:
        UsageError: an unknown name.
    """
    theirs = [name for spec in profile.cells for name in spec.variants or ()]
    common, cells = choices_of(profile.variants, platform), choices_of(theirs, platform)
    alone = [name for name in (*profile.variants, *theirs) if len(_typed(name)) == 1]
    named = {choice.name for choice in choices_of(alone, platform)}
    if not asked:
        return Selection(tuple(common), frozenset(named), None, platform)
    chosen: set[str] = set()
    strangers: list[Choice] = []
    for name in asked:
        found = _fitting(name, [*common, *cells], platform)
        if not found:
            found = choices_of([name], platform)
            strangers += found
        names = {choice.name for choice in found}
        chosen |= names
        named |= names if len(_typed(name)) == 1 else set()
    kept = _each_once([*(choice for choice in common if choice.name in chosen), *strangers])
    return Selection(tuple(kept), frozenset(named), frozenset(chosen), platform)


def _typed(name: str) -> list[Choice]:
    try:
        return choose(name)
    except UnknownVariant as error:
        raise unknown("variant", name, error.known) from None


def _fitting(name: str, among: Iterable[Choice], platform: str) -> list[Choice]:
    """Those that the name fits.

    Whether it has options is decided as it was typed: one that is how things are on the platform
    is no option there, but who wrote it meant this variant and not all that build on it.
    """
    typed = _typed(name)
    with_options = any(choice.variant.named for choice in typed)
    keys = {_key(choice, with_options) for choice in choices_of([name], platform)}
    version = typed[0].version
    return [c for c in among if version in (None, c.version) and _key(c, with_options) in keys]


def _key(choice: Choice, with_options: bool) -> tuple[str, ...]:
    plain = (choice.backend.name, choice.variant.name)
    return (*plain, *choice.variant.named) if with_options else plain


def _each_once(choices: Iterable[Choice]) -> list[Choice]:
    return list({choice.name: choice for choice in choices}.values())
