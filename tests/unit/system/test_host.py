"""What is known of the code that ran."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from bench.system import host


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    if shutil.which("git") is None:
        pytest.skip("needs git")

    def git(*words):
        who = ("-c", "user.name=n", "-c", "user.email=e@h")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "code.py").write_text("1\n")
    git("add", ".")
    git("commit", "-m", "one")
    monkeypatch.setattr(host, "ROOT", tmp_path)
    return tmp_path


def test_a_tree_is_clean_or_changed(checkout):
    told = host.commit()
    assert (len(told["commit"]), told["dirty"]) == (40, False)
    (checkout / "code.py").write_text("2\n")
    assert host.commit() == told | {"dirty": True}


def test_without_git_it_is_not_known(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(host, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.commit() == {"commit": "", "dirty": None}


def test_outside_a_checkout_there_is_nothing_to_know(tmp_path, monkeypatch):
    monkeypatch.setattr(host, "ROOT", tmp_path)
    assert host.commit() == {}
