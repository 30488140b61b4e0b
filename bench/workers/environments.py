"""One virtual environment per backend and pinned version, made on first use with uv.

An environment's folder carries a digest of its lock, the interpreter and the platform in its
name, so a changed lock makes a new one. It is built beside its final place and moved there when
complete: what exists is whole, whoever builds it at the same time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import platformdirs
import uv

from backends.spec import Backend
from bench.errors import EnvironmentFailed
from bench.system.files import discard_tree, move
from bench.system.guests import HERE, Guests
from bench.system.places import MICRO_LOCK


class Built(Protocol):
    """A folder of the cache that :func:`make` makes, and that is whole once it is there."""

    @property
    def label(self) -> str:
        """Its name in messages."""

    @property
    def version(self) -> str | None:
        """The pinned version it is for; ``None`` where nothing is pinned."""

    @property
    def folder(self) -> Path:
        """Where it is."""

    @property
    def exists(self) -> bool:
        """Whether it is complete."""

    def build(self, building: Path) -> None:
        """Make it in a folder beside its place."""


@dataclass(frozen=True)
class Environment:
    """A backend's environment: where it is and whether it has been made.

    Attributes:
        extra: a lock of what is installed beside the backend's own.
        guests: the platform that it is for.
    """

    backend: Backend
    version: str | None
    folder: Path
    extra: Path | None = None
    guests: Guests = HERE

    @property
    def name(self) -> str:
        """``celery`` or ``celery@5.3.4``."""
        return f"{self.backend.name}@{self.version}" if self.version else self.backend.name

    @property
    def label(self) -> str:
        """Its name in messages: ``celery``, or ``celery with micro`` if ``micro.lock`` is added."""
        return f"{self.name} with {self.extra.stem}" if self.extra else self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.guests.python_in(self.folder)

    @property
    def exists(self) -> bool:
        """Whether it is complete."""
        return self.python.exists()

    def build(self, building: Path) -> None:
        """Make it in a folder beside its place."""
        uv_run(self.label, "venv", "--relocatable", "--python", sys.executable, str(building))
        python = str(self.guests.python_in(building))
        install(self, building, "--python", python, "--compile-bytecode")

    def versions(self) -> dict[str, str]:
        """Every installed distribution and its version."""
        found: dict[str, str] = {}
        for info in self.folder.glob("**/site-packages/*.dist-info/METADATA"):
            head = info.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
            name = re.search(r"^Name: (.+)$", head, re.MULTILINE)
            version = re.search(r"^Version: (.+)$", head, re.MULTILINE)
            if name and version:
                found[name[1].strip().lower().replace("_", "-")] = version[1].strip()
        return dict(sorted(found.items()))

    @property
    def library_version(self) -> str:
        """The version of the library under test; empty where it has none of its own."""
        return self.versions().get(self.backend.distribution.lower(), "")


def cache_folder() -> Path:
    """Where environments live: ``TASK_QUEUE_BENCH_CACHE``, else the user's cache folder."""
    chosen = os.environ.get("TASK_QUEUE_BENCH_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("task-queue-bench", False))


def environment(
    backend: Backend,
    version: str | None = None,
    extra: Path | None = None,
    *,
    guests: Guests = HERE,
    kind: type[Environment] = Environment,
) -> Environment:
    """The environment of ``backend``, newest locked release or pinned ``version``.

    Args:
        extra: a lock of what is installed beside it; that makes another environment.
        guests: the platform that it is for.
        kind: how it is made there.
    """
    recipe = backend.folder / ("requirements.in" if version else "requirements.lock")
    content = _read_recipe(recipe, backend.name)
    facts = [content, *(fact.encode() for fact in (*_recipe_of(guests), version or ""))]
    if extra:
        facts.append(_read_recipe(extra, extra.stem))
    digest = hashlib.sha256(b"\0".join(facts)).hexdigest()[:12]
    imitated = guests.name if guests.told else None
    parts = (backend.name, version, imitated, extra and extra.stem, digest)
    folder = cache_folder() / "environments" / "-".join(part for part in parts if part)
    return kind(backend, version, folder, extra, guests)


def _recipe_of(guests: Guests) -> tuple[str, ...]:
    """What of the platform an environment depends on; here that is the running interpreter."""
    return guests.recipe or (sys.version, sys.platform)


def _read_recipe(recipe: Path, name: str) -> bytes:
    try:
        return recipe.read_bytes()
    except OSError:
        raise EnvironmentFailed(
            f"{recipe} is missing: run 'bench env lock {name}' to make it"
        ) from None


def make(wanted: Built) -> None:
    """Make it beside its place and move it there, unless it exists.

    Raises:
        EnvironmentFailed: that failed; what reported it is in the message.
    """
    if wanted.exists:
        return
    parent = wanted.folder.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot make the folder {parent}: {error.strerror}; "
            "set TASK_QUEUE_BENCH_CACHE to a folder that can be written"
        ) from None
    building = parent / f".building-{wanted.folder.name}-{uuid.uuid4().hex[:8]}"
    try:
        wanted.build(building)
        with contextlib.suppress(OSError):  # another process made it meanwhile
            move(building, wanted.folder)
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot make {wanted.label} in {parent}: {error.strerror or error} - check the disk, "
            "then run the same command again"
        ) from None
    finally:
        discard_tree(building)
    if not wanted.exists:
        raise EnvironmentFailed(
            f"the environment of {wanted.label} is not at {wanted.folder} after all"
        )


def install(env: Environment, building: Path, *where: str) -> None:
    """Install what the backend's recipe names, and what is to be beside it.

    Args:
        building: its folder until it is complete.
        where: words for ``uv pip install`` that say into what, and for which platform.
    """
    folder = env.backend.folder
    command = ["pip", "install", *where]
    locked = [*command, "--require-hashes", "--no-deps", "-r"]
    if env.extra:  # first: of what both name, the backend's version is the one to stay
        uv_run(env.label, *locked, str(env.extra))
    if env.version is None:
        uv_run(env.label, *locked, str(folder / "requirements.lock"))
        return
    constraint = env.guests.python_in(building).parent / "pin.txt"
    constraint.write_text(f"{env.backend.distribution}=={env.version}\n", encoding="utf-8")
    uv_run(env.label, *command, "-r", str(folder / "requirements.in"), "-c", str(constraint))


def lock(backend: Backend) -> None:
    """Resolve ``requirements.in`` anew and write ``requirements.lock`` with hashes."""
    folder = backend.folder
    _compile(backend.name, folder / "requirements.in", folder / "requirements.lock")


def lock_micro() -> None:
    """Resolve anew what microbenchmarks need, and write :data:`MICRO_LOCK` with hashes."""
    _compile(MICRO_LOCK.stem, MICRO_LOCK.with_suffix(".in"), MICRO_LOCK)


def _compile(name: str, source: Path, target: Path) -> None:
    uv_run(
        name,
        *("pip", "compile", "--universal", "--generate-hashes", "--no-header", "--upgrade"),
        *("--no-emit-index-url", "--no-annotate", "--python-version", "3.11", "--quiet"),
        *("--output-file", str(target), str(source)),
    )


def uv_run(name: str, *arguments: str) -> None:
    """Run uv for the environment of that name, with the running interpreter only: it must not
    look for others to download."""
    variables = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    variables.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        [uv.find_uv_bin(), "--no-config", *arguments],
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        raise EnvironmentFailed(
            f"cannot make the environment of {name}: uv {arguments[0]}: {_reason(done.stderr)}"
            " - check the version, the network and the disk, then run the same command again"
        )


#: What uv draws before its messages.
_UV_MARKS = " \u00d7\u2570\u2500\u25b6\u251c\u2502"


def _reason(stderr: str) -> str:
    """What uv said, on one line: its error and the deepest cause."""
    lines = [line.strip(_UV_MARKS) for line in stderr.splitlines()]
    told = [line for line in lines if line and not line.startswith(("Using ", "Creating ", "hint"))]
    return " / ".join([told[0], told[-1]] if len(told) > 1 else told)[:300] or "no reason given"
