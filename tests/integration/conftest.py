from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from refused import ADD
from support import write_profile


@pytest.fixture
def tiny(tmp_path: Path, made_environments: Callable[..., None]) -> Path:
    """A profile that would run at once."""
    made_environments("fake:honest")
    return write_profile(tmp_path / "tiny.toml", ADD)
