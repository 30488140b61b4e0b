"""The run folder: what is in it, written atomically, read with care."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.errors import DiskFull, RunFolderError
from bench.system.files import discard_tree, move
from bench.system.platforms import here
from bench.system.printable import shortened
from bench.system.words import quoted

#: Grows when the meaning of a file changes; older ones must stay readable.
SCHEMA_VERSION = 1

#: A run is not started with less than this free where its results go.
NEEDED_BYTES = 50 * 2**20

#: Characters of the longest path within a results folder: a process's events in a lease's folder.
LONGEST_BELOW = 150


class RunFolder:
    """``results/<run-id>/``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_json = path / "run.json"
        self.leases = path / "leases"
        self.trials = path / "trials"

    @property
    def id(self) -> str:
        """The id given when the run was made, whatever its folder is called by now."""
        if self.run_json.is_file():
            return str(self.read_run().get("run_id", self.path.resolve().name))
        return self.path.resolve().name

    def write_run(self, content: dict[str, Any]) -> None:
        """Write ``run.json``."""
        head = {"schema_version": SCHEMA_VERSION, "run_id": self.id}
        write_json(self.run_json, head | content)

    def write_trial(self, trial_id: str, content: dict[str, Any]) -> None:
        """Write a finished trial's status."""
        write_json(self.trials / f"{trial_id}.json", content)

    def read_run(self) -> dict[str, Any]:
        """``run.json`` of a folder opened with :func:`open_run`."""
        return read_json(self.run_json, "restore it from a copy, or run again")

    def read_trials(self) -> list[dict[str, Any]]:
        """Every finished trial, in the order they ran."""
        found = [
            read_json(path, advice_for(self.path, path))
            for path in sorted(self.trials.glob("*.json"))
        ]
        return sorted(found, key=lambda trial: trial["number"])

    def read_leases(self) -> list[dict[str, Any]]:
        """What is known of each lease that has ended, by its id."""
        return [
            read_json(path, f"remove it: nothing but how the lease ended is lost with {path.name}")
            for path in sorted(self.leases.glob("*/lease.json"))
        ]

    def finished(self) -> set[str]:
        """Ids of the trials that have ended, however they did."""
        return {path.stem for path in self.trials.glob("*.json")}


def create_run(parent: Path, profile: str, facts: dict[str, Any] | None = None) -> RunFolder:
    """Make the folder of a new run.

    Args:
        facts: the first content of ``run.json``; without them there is none yet.

    Raises:
        RunFolderError: ``parent`` is no folder or cannot be written.
        DiskFull: too little space.
    """
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    check_writable(parent)
    with disk_errors(parent):
        folder = RunFolder(_new_folder(parent, f"{now}-{profile}"))
    try:
        with disk_errors(parent):
            folder.leases.mkdir()
            folder.trials.mkdir()
            if facts is not None:
                folder.write_run(facts)
    except BaseException:
        discard_tree(folder.path)
        raise
    return folder


def _new_folder(parent: Path, name: str) -> Path:
    """One of that name and four digits that was not there: the other run of this second has its
    own."""
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        path = parent / f"{name}-{secrets.token_hex(2)}"
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            return path


def check_writable(parent: Path) -> None:
    """Make sure a run can be kept in ``parent``, without leaving anything there.

    Raises:
        RunFolderError: it is no folder, or not writable.
        DiskFull: too little space.
    """
    try:
        existing = nearest(parent)
    except FileNotFoundError:
        raise RunFolderError(
            f"cannot write results to {parent}: the working directory does not exist any more"
        ) from None
    except OSError as error:
        raise RunFolderError(
            f"cannot write results to {shortened(parent)}: {error.strerror}"
        ) from None
    if existing.is_symlink() and not existing.exists():
        raise RunFolderError(f"cannot write results to {parent}: {existing} is a link to nowhere")
    if not existing.is_dir():
        raise RunFolderError(f"cannot write results to {parent}: {existing} is not a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise RunFolderError(f"cannot write results to {parent}: no permission for {existing}")
    longest, below = here.longest_path(), len(str(parent.absolute())) + LONGEST_BELOW
    if longest is not None and below > longest:
        raise RunFolderError(
            f"cannot write results to {shortened(parent)}: files in it would have paths of "
            f"{below} characters, Windows here takes {longest}: choose a shorter --out, or set "
            r"LongPathsEnabled in HKLM\SYSTEM\CurrentControlSet\Control\FileSystem to 1"
        )
    free = shutil.disk_usage(existing).free
    if free < NEEDED_BYTES:
        raise DiskFull(
            f"only {free / 2**20:.0f} MB are free at {existing}, a run needs "
            f"{NEEDED_BYTES / 2**20:.0f} MB: free some space or choose another --out"
        )


def nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that is there; a link is, wherever it leads."""
    path = path.absolute()
    while not (path.exists() or path.is_symlink()):
        path = path.parent
    return path


@contextmanager
def disk_errors(where: Path, *, begun: bool = False) -> Iterator[None]:
    """Turn a full disk or a missing permission into one clear line.

    Args:
        begun: whether it is a run's folder that can be gone on with.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            kept = f"finished trials are kept; free some space and {go_on_with(where)}"
            told = kept if begun else "free some space and run again"
            raise DiskFull(f"no space left at {where}: {told}") from None
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise RunFolderError(f"cannot write to {where}: {error.strerror}") from None
        raise


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what a damaged or hand-edited run folder does to its readers into one clear line.

    Where whoever read it has added a note to the error, that is what is told.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        if notes := getattr(error, "__notes__", None):
            raise RunFolderError(notes[0]) from error
        missing = type(error) is KeyError
        told = f"{error} is missing" if missing else "a value in it is not what it should be"
        raise RunFolderError(
            f"{path} is damaged or no run of this suite's ({told}): restore it from a copy, "
            "or run again"
        ) from error


def go_on_with(run: Path) -> str:
    """What to type to measure what is left of a run."""
    return f"go on with: bench run --resume {quoted(run)}"


def advice_for(run: Path, trial: Path) -> str:
    """What to do about the damaged file of a finished trial."""
    return f"remove {trial} and measure the trial anew with: bench run --resume {quoted(run)}"


def open_run(path: Path) -> RunFolder:
    """The run in an existing folder.

    Raises:
        RunFolderError: it does not exist, is not a run, or was written by a newer version.
    """
    folder = RunFolder(path)
    if not _is_folder(path):
        raise RunFolderError(
            f"{shortened(path)} is not a folder: expected a run such as results/reference"
        )
    if not folder.run_json.is_file():
        raise RunFolderError(f"{path} is not a run: it has no run.json")
    version = folder.read_run().get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise RunFolderError(f"{folder.run_json} has no valid schema_version: is it a run's?")
    if version > SCHEMA_VERSION:
        raise RunFolderError(
            f"{path} has schema_version {version}, this version reads up to {SCHEMA_VERSION}: "
            "update task-queue-bench"
        )
    return folder


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # too long a name, say
        return False


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write beside ``path`` and move it there: a reader sees the old file or the new one."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text atomically.

    What is not UTF-8 in a path is written escaped, e.g. ``\\udce9``: JSON takes it back.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    move(temporary, path)


def read_json(path: Path, advice: str) -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        advice: what to do where there is none.

    Raises:
        RunFolderError: it cannot be read, or there is something else in it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunFolderError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise RunFolderError(f"cannot read {path}: it is not valid JSON: {advice}") from None
    if not isinstance(content, dict):
        raise RunFolderError(f"cannot read {path}: expected a JSON object: {advice}")
    return content
