"""The systems under test, one folder each, and the registry that finds them.

Importable with the standard library alone: the worker's interpreter imports it too.
"""

from __future__ import annotations

import contextlib
import importlib
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from backends.spec import Backend, Variant

_NAME = re.compile(
    r"(?P<backend>[a-z][a-z0-9_]*)(@(?P<version>[0-9a-zA-Z][0-9a-zA-Z.+!_-]*?))?"
    r"(:(?P<variant>[a-z0-9-]+))?(?P<options>(\+[a-z][a-z0-9-]*)*)"
)


class Choice(NamedTuple):
    """One way to run one backend at one version: what ``celery@5.3.4:threads+tuned`` names."""

    backend: Backend
    variant: Variant
    version: str | None

    @property
    def name(self) -> str:
        """The variant's full name as typed on the command line and printed in reports."""
        pin = f"@{self.version}" if self.version else ""
        suffix = f":{self.variant.name}" if self.variant.name else ""
        options = "".join(f"+{name}" for name in self.variant.named)
        return f"{self.backend.name}{pin}{suffix}{options}"


class UnknownVariant(LookupError):
    """No backend or variant of that name; ``wanted`` is what was asked for."""

    def __init__(self, wanted: str, known: list[str]) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.known = known


@cache
def all_backends() -> dict[str, Backend]:
    """Every backend by name: each folder here whose ``__init__`` defines ``BACKEND``."""
    found: dict[str, Backend] = {}
    for folder in sorted(Path(__file__).parent.iterdir()):
        if (folder / "requirements.in").is_file() and (folder / "__init__.py").is_file():
            backend: Backend = importlib.import_module(f"backends.{folder.name}").BACKEND
            found[backend.name] = backend
    return found


def known_variants(*, hidden: bool = False) -> list[str]:
    """Full names of all variants; ``hidden`` includes those that only tests use."""
    return [
        Choice(backend, variant, None).name
        for backend in all_backends().values()
        for variant in backend.variants
        if hidden or not backend.hidden
    ]


def choose(text: str) -> list[Choice]:
    """The variants that ``text`` names: ``rq`` is all of rq's, ``rq:fork+preload`` is one.

    With options a backend's name is all of its variants that know these.

    Raises:
        UnknownVariant: no such backend, variant or option, or options that exclude each other.
    """
    match = _NAME.fullmatch(text.strip())
    backend = all_backends().get(match["backend"]) if match else None
    if match is None or backend is None:
        raise UnknownVariant(text, known_variants())
    wanted = match["variant"]
    variants = [v for v in backend.variants if wanted is None or v.name == wanted]
    if not variants:
        raise UnknownVariant(text, known_variants())
    version, options = _options(backend, match["version"], match["options"])
    if not options:
        return [Choice(backend, variant, version) for variant in variants]
    chosen = []
    for variant in variants:
        with contextlib.suppress(LookupError):
            chosen.append(Choice(backend, backend.with_options(variant, options), version))
    if not chosen:
        raise UnknownVariant(text, _with_one_option(backend, variants, version))
    return chosen


def _options(backend: Backend, version: str | None, text: str) -> tuple[str | None, list[str]]:
    """What of the text after a version are options, and what is still the version: a local one,
    as in ``2.0+local``, is written with a plus sign too."""
    names = text.removeprefix("+").split("+") if text else []
    declared = {option.name for option in backend.options}
    while version and names and names[0] not in declared:
        version = f"{version}+{names.pop(0)}"
    return version, names


def _with_one_option(backend: Backend, variants: list[Variant], version: str | None) -> list[str]:
    """The names of these variants with each option that they know, and without."""
    return [
        Choice(backend, backend.with_options(variant, names), version).name
        for variant in variants
        for names in [(), *((o.name,) for o in backend.options if o.fits(variant))]
    ]
