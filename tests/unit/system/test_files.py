"""What is moved and removed while somebody holds it."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest

from bench.errors import RunFolderError
from bench.record.store import disk_errors, write_json
from bench.system import files
from bench.system.platforms import here

#: The longest between two attempts.
PAUSE_S = 0.02

windows_only = pytest.mark.skipif(sys.platform != "win32", reason="elsewhere an open file moves")


@pytest.fixture
def held(monkeypatch):
    """A system that keeps open files where they are, and whose time passes in sleep alone."""
    now = [0.0]

    def sleep(seconds):
        assert seconds <= PAUSE_S
        now[0] += seconds

    monkeypatch.setattr(here, "OPEN_FILES_MOVE", False)
    monkeypatch.setattr(files, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))


def refusing(times):
    tried = []

    def action():
        tried.append(1)
        if len(tried) <= times:
            raise PermissionError(13, "in use")

    return action, tried


def test_it_is_tried_again_until_the_other_lets_go(held, tmp_path):
    action, tried = refusing(2)
    files._patiently(action, tmp_path)
    assert len(tried) == 3


def test_who_never_lets_go_is_told_of_in_one_line(held, tmp_path):
    action, tried = refusing(10**6)
    with pytest.raises(PermissionError) as caught:
        files._patiently(action, tmp_path / "run.json")
    assert len(tried) * PAUSE_S > files.PATIENCE_S
    assert caught.value.strerror == files.HELD
    with (
        pytest.raises(RunFolderError, match=r"cannot write to .*: another program has it open"),
        disk_errors(tmp_path),
    ):
        raise caught.value


def test_where_open_files_move_a_missing_permission_is_told_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(here, "OPEN_FILES_MOVE", True)
    action, tried = refusing(1)
    with pytest.raises(PermissionError, match="in use"):
        files._patiently(action, tmp_path)
    assert len(tried) == 1


def test_files_and_folders_are_moved_and_removed(tmp_path):
    (tmp_path / "a").write_text("new")
    (tmp_path / "b").write_text("old")
    files.move(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "new"
    files.remove(tmp_path / "b")
    files.remove(tmp_path / "b")
    (tmp_path / "folder" / "in").mkdir(parents=True)
    files.move(tmp_path / "folder", tmp_path / "moved")
    files.remove_tree(tmp_path / "moved")
    files.discard_tree(tmp_path / "moved")
    assert list(tmp_path.iterdir()) == []


@windows_only
def test_a_reader_who_lets_go_in_time_does_no_harm(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE_S", 60.0)
    path = tmp_path / "run.json"
    write_json(path, {"a": 1})
    reader = path.open(encoding="utf-8")
    threading.Timer(0.3, reader.close).start()
    write_json(path, {"a": 2})
    assert '"a": 2' in path.read_text(encoding="utf-8")


@windows_only
def test_a_reader_who_stays_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE_S", 0.2)
    path = tmp_path / "run.json"
    write_json(path, {"a": 1})
    with (
        path.open(encoding="utf-8"),
        pytest.raises(RunFolderError, match="another program has it open"),
        disk_errors(tmp_path),
    ):
        write_json(path, {"a": 2})


def test_paths_with_spaces_and_other_letters(tmp_path):
    folder = tmp_path / "Мои результаты 1"
    folder.mkdir()
    write_json(folder / "прогон.json", {"что": "очередь"})
    assert "очередь" in (folder / "прогон.json").read_text(encoding="utf-8")
    files.remove_tree(folder)
