"""docker-compose.yml is valid: checked by the real docker-compose, which needs no engine for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def compose() -> list[str]:
    if found := shutil.which("docker-compose"):
        return [found]
    docker = shutil.which("docker")
    if docker:
        plugin = [docker, "compose"]
        if not subprocess.run([*plugin, "version"], capture_output=True).returncode:
            return plugin
    pytest.skip("no docker-compose here (Debian: apt-get install docker-compose)")


def _config(
    compose: list[str], *options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*compose, "-f", str(ROOT / "docker-compose.yml"), "config", *options],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )


def test_the_file_is_accepted(compose: list[str]) -> None:
    done = _config(compose, "-q")
    assert done.returncode == 0, done.stderr


def test_the_port_comes_from_the_environment_and_redis_is_checked_and_kept(
    compose: list[str],
) -> None:
    shown = _config(compose, REDIS_PORT="16399").stdout
    assert "16399" in shown
    assert "127.0.0.1" in shown  # never offered to the network
    assert "redis-cli" in shown.partition("healthcheck:")[2]
    assert "redis-data" in shown.partition("volumes:")[2]


def test_without_the_variable_it_is_the_usual_port(compose: list[str]) -> None:
    assert "6379" in _config(compose, REDIS_PORT="").stdout.replace("6379/tcp", "", 1)
