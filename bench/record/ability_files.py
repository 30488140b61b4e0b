"""The files of the abilities' probes: ``<run>/abilities/<variant>.json``, facts only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.plan.cells import file_name
from bench.record.store import read_json, write_json

FOLDER = "abilities"


def path_of(run: Path, variant: str) -> Path:
    """Where a variant's facts are kept."""
    return run / FOLDER / f"{file_name(variant)}.json"


def write_abilities(run: Path, variant: str, version: str, probes: Mapping[str, Any]) -> None:
    """Keep what the probes of a variant recorded, by ability."""
    (run / FOLDER).mkdir(exist_ok=True)
    content = {"variant": variant, "version": version, "probes": dict(probes)}
    write_json(path_of(run, variant), content)


def read_abilities(run: Path) -> list[dict[str, Any]]:
    """What is kept of each variant; empty for a run without probes.

    Raises:
        RunFolderError: a file is damaged.
    """
    return [
        read_json(path, f"remove it: nothing but its variant's abilities is lost with {path.name}")
        for path in sorted((run / FOLDER).glob("*.json"))
    ]
