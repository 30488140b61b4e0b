from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.kit import recorder


@pytest.fixture
def events_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the recorder of this process writes during the test, as role ``test``."""
    folder = tmp_path / "events"
    folder.mkdir()
    monkeypatch.setenv("BENCH_EVENTS", str(folder))
    monkeypatch.setenv("BENCH_ROLE", "test")
    monkeypatch.setattr(recorder, "_descriptor", -1)
    yield folder
    if recorder._descriptor != -1:
        os.close(recorder._descriptor)
