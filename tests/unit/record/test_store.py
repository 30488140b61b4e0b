from __future__ import annotations

import errno
import json
import os
import re
import shutil
from datetime import datetime
from types import SimpleNamespace

import pytest

from bench.errors import DiskFull, RunFolderError
from bench.record import store


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- a new run -------------------------------------------------------------------------------


def test_a_new_run_has_a_folder_with_its_time_and_profile_in_its_name(tmp_path):
    run = store.create_run(tmp_path / "results", "quick")
    assert run.path.parent == tmp_path / "results"
    assert re.fullmatch(r"\d{8}-\d{6}-quick-[0-9a-f]{4}", run.id)
    assert names(run.path) == ["leases", "trials"]


def test_two_runs_within_a_second_have_two_folders(tmp_path):
    assert len({store.create_run(tmp_path, "quick").id for _ in range(5)}) == 5


def test_the_same_digits_twice_cost_no_run_its_folder(tmp_path, monkeypatch):
    class Noon(datetime):
        @classmethod
        def now(cls, zone):
            return cls(2026, 1, 1, 12, tzinfo=zone)

    digits = iter(["0abc", "0abc", "1def"])
    monkeypatch.setattr(store, "datetime", Noon)
    monkeypatch.setattr(store.secrets, "token_hex", lambda _: next(digits))
    first, second = (store.create_run(tmp_path, "quick", {"n": n}) for n in (1, 2))
    assert (first.id[-4:], second.id[-4:]) == ("0abc", "1def")
    assert [run.read_run()["n"] for run in (first, second)] == [1, 2]


def test_a_runs_id_is_its_folders_name_wherever_it_is_seen_from(tmp_path, monkeypatch):
    (tmp_path / "reference").mkdir()
    monkeypatch.chdir(tmp_path / "reference")
    assert store.RunFolder(store.Path(".")).id == "reference"


def test_run_json_carries_the_schemas_version(tmp_path):
    run = store.create_run(tmp_path, "quick")
    run.write_run({"profile": "quick", "caveat": "größer"})
    assert json.loads(run.run_json.read_text(encoding="utf-8")) == {
        "schema_version": 1,
        "run_id": run.path.name,
        "profile": "quick",
        "caveat": "größer",
    }
    assert store.open_run(run.path).read_run()["profile"] == "quick"


def test_a_run_keeps_its_id_when_its_folder_is_renamed(tmp_path):
    run = store.create_run(tmp_path, "quick")
    run.write_run({})
    renamed = run.path.rename(tmp_path / "reference")
    assert store.open_run(renamed).id == run.path.name


def test_a_new_run_can_have_its_facts_from_the_first_moment(tmp_path):
    run = store.create_run(tmp_path, "quick", {"status": "running"})
    assert run.read_run() == {"schema_version": 1, "run_id": run.id, "status": "running"}


def test_a_run_whose_facts_cannot_be_written_is_not_left_behind(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "write_json", full)
    with pytest.raises(DiskFull):
        store.create_run(tmp_path, "quick", {"status": "running"})
    assert names(tmp_path) == []


def test_finished_trials_are_those_whose_file_is_whole(tmp_path):
    run = store.create_run(tmp_path, "quick")
    run.write_trial("r1-0001-x", {"number": 1, "status": "failed"})
    (run.trials / ".r1-0002-x.json.tmp").write_text("{", encoding="utf-8")
    assert run.finished() == {"r1-0001-x"}


def test_trials_are_read_in_the_order_they_ran(tmp_path):
    run = store.create_run(tmp_path, "quick")
    for number in (10, 2, 1):
        run.write_trial(f"r1-{number}-x", {"number": number})
    assert [trial["number"] for trial in run.read_trials()] == [1, 2, 10]


# --- where it cannot be ----------------------------------------------------------------------


def test_looking_whether_a_folder_can_be_written_leaves_nothing_behind(tmp_path):
    store.check_writable(tmp_path / "a" / "b")
    assert names(tmp_path) == []


def test_a_file_is_no_place_for_results(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"cannot write results to .*b: .*file is not a fol"):
        store.check_writable(tmp_path / "file" / "b")


def test_a_folder_without_permission_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(RunFolderError, match=r"cannot write results to .*new: no permission for "):
        store.create_run(tmp_path / "new", "quick")
    assert names(tmp_path) == []


def test_where_paths_have_a_limit_a_folder_too_deep_is_told_before(tmp_path, monkeypatch):
    monkeypatch.setattr(store.here, "longest_path", lambda: 259)
    store.check_writable(tmp_path)
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    with pytest.raises(RunFolderError, match=r"of \d+ characters, Windows here takes 259: choose"):
        store.check_writable(deep)
    assert names(tmp_path) == []


def test_too_little_space_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 2**20))
    with pytest.raises(DiskFull, match=r"^only 3 MB are free at .*, a run needs 50 MB: free some"):
        store.create_run(tmp_path / "new", "quick")
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line(tmp_path, number):
    with (
        pytest.raises(DiskFull, match=r"^no space left at .*: free some space and run again$"),
        store.disk_errors(tmp_path),
    ):
        raise OSError(number, os.strerror(number))
    kept = "finished trials are kept; free some space and go on with: bench run --resume"
    with (
        pytest.raises(DiskFull, match=rf"{kept} {re.escape(str(tmp_path))}$"),
        store.disk_errors(tmp_path, begun=True),
    ):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_missing_permission_is_one_line(tmp_path, number):
    with (
        pytest.raises(RunFolderError, match=r"^cannot write to .*: told$"),
        store.disk_errors(tmp_path),
    ):
        raise OSError(number, "told")


def test_other_errors_of_the_system_are_not_dressed_up(tmp_path):
    with pytest.raises(FileNotFoundError), store.disk_errors(tmp_path):
        raise OSError(errno.ENOENT, "no such file")


# --- opening ---------------------------------------------------------------------------------


def test_a_folder_that_does_not_exist_is_no_run(tmp_path):
    with pytest.raises(RunFolderError, match=r"none is not a folder: expected a run such as "):
        store.open_run(tmp_path / "none")


def test_a_folder_without_run_json_is_no_run(tmp_path):
    with pytest.raises(RunFolderError, match=r"is not a run: it has no run\.json$"):
        store.open_run(tmp_path)


@pytest.mark.parametrize("version", ["null", '"1"', "0", "-1", "1.5"])
def test_a_run_without_a_valid_version_is_told(tmp_path, version):
    (tmp_path / "run.json").write_text(f'{{"schema_version": {version}}}')
    with pytest.raises(RunFolderError, match=r"run\.json has no valid schema_version"):
        store.open_run(tmp_path)


def test_a_run_of_a_newer_version_is_told_with_what_to_do(tmp_path):
    (tmp_path / "run.json").write_text('{"schema_version": 2}')
    with pytest.raises(RunFolderError, match=r"has schema_version 2, .* up to 1: update task-queu"):
        store.open_run(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]", b'"text"'])
def test_damaged_json_is_told_with_its_file(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunFolderError, match=r"^cannot read .*run\.json: "):
        store.open_run(tmp_path)


def test_a_damaged_trial_is_told_with_its_file(tmp_path):
    run = store.create_run(tmp_path, "quick")
    (run.trials / "r1-0001.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"cannot read .*r1-0001\.json: "):
        run.read_trials()


def test_what_was_noted_on_an_error_is_told_instead(tmp_path):
    problem = ValueError("no Parquet")
    problem.add_note("remove it")
    with pytest.raises(RunFolderError, match=r"^remove it$"), store.damage(tmp_path):
        raise problem


# --- writing ---------------------------------------------------------------------------------


def test_text_is_written_whole_in_utf_8_and_with_plain_newlines(tmp_path):
    store.write_text(tmp_path / "a.csv", "größer\n2\n")
    assert (tmp_path / "a.csv").read_bytes() == b"gr\xc3\xb6\xc3\x9fer\n2\n"
    assert names(tmp_path) == ["a.csv"]


def test_a_path_that_is_not_utf_8_is_written_escaped_and_comes_back(tmp_path):
    store.write_json(tmp_path / "a.json", {"out": "caf\udce9"})
    assert b"caf\\udce9" in (tmp_path / "a.json").read_bytes()
    assert store.read_json(tmp_path / "a.json", "") == {"out": "caf\udce9"}


def test_a_write_that_fails_leaves_the_old_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    store.write_json(path, {"status": "running"})

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.write_json(path, {"status": "complete"})
    assert json.loads(path.read_text()) == {"status": "running"}


def test_a_half_written_trial_is_not_read(tmp_path):
    run = store.create_run(tmp_path, "quick")
    run.write_trial("r1-0001", {"number": 1})
    (run.trials / ".r1-0002.json.tmp").write_text('{"numb')
    assert [trial["number"] for trial in run.read_trials()] == [1]


@pytest.mark.parametrize("problem", [KeyError("number"), ValueError("no Parquet"), TypeError("x")])
def test_what_a_damaged_folder_raises_is_one_line(tmp_path, problem):
    told = pytest.raises(RunFolderError, match="is damaged or no run of this suite's")
    with told, store.damage(tmp_path):
        raise problem
