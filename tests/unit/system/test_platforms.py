"""Windows and the others: one set of names, chosen once."""

from __future__ import annotations

import inspect
import signal
import subprocess
import sys

import pytest

from bench.system import posix, windows
from bench.system.platforms import here


def test_the_system_that_this_is_was_chosen():
    assert here is (windows if sys.platform == "win32" else posix)


def test_both_have_the_same_functions_and_facts():
    def offered(module):
        own = {n: v for n, v in vars(module).items() if not n.startswith("_")}
        functions = {
            name: inspect.signature(value)
            for name, value in own.items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        }
        return functions, {name for name in own if name.isupper()}

    functions, facts = offered(posix)
    theirs, more = offered(windows)
    assert functions == theirs
    assert facts <= more
    assert facts == {"SIGNALS_REACH", "REAPED_IS_KNOWN", "OPEN_FILES_MOVE", "REDIS_HINT"}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (3, "exit code 3"),
        (0xC000013A, "exit code 0xC000013A (STATUS_CONTROL_C_EXIT: ended on the spot by Ctrl-C"),
        (-1073741819, "exit code 0xC0000005 (STATUS_ACCESS_VIOLATION: it crashed"),
        (0xC0000142, "exit code 0xC0000142 (STATUS_DLL_INIT_FAILED: a DLL did not start"),
        (0xC0FFEE11, "exit code 0xC0FFEE11"),
    ],
)
def test_windows_own_exit_codes_have_names(code, told):
    assert windows.how_it_ended(code).startswith(told)


def test_elsewhere_such_a_number_is_only_a_number():
    assert posix.how_it_ended(3221225786) == "exit code 3221225786"
    assert posix.how_it_ended(-9) == "signal 9"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (r"C:\results\20261126-quick-ab12", r"C:\results\20261126-quick-ab12"),
        ("celery@5.3.4:threads+prefetch-1", "celery@5.3.4:threads+prefetch-1"),
        (r"C:\Мои прогоны\1", r'"C:\Мои прогоны\1"'),
        (r"C:\a (b)\it's", '"C:\\a (b)\\it\'s"'),
        ("", '""'),
        ("a $x", "'a $x'"),
        ("@x", '"@x"'),
        ("a b\\", "'a b\\'"),
    ],
)
def test_a_word_of_a_command_is_quoted_for_powershell(word, told):
    assert windows.quoted(word) == told


@pytest.mark.skipif(sys.platform == "win32", reason="the signals of POSIX")
def test_an_end_by_the_signal_itself_is_one_on_the_spot():
    assert posix.cut_short(-signal.SIGTERM, "SIGTERM")
    assert not posix.cut_short(-signal.SIGTERM, "SIGINT")
    assert not posix.cut_short(0, "SIGTERM")


def test_an_end_by_ctrl_break_itself_is_one_on_the_spot():
    assert windows.cut_short(3221225786, "SIGTERM")
    assert windows.cut_short(-1073741510, "SIGTERM")
    assert not windows.cut_short(1, "SIGTERM")


def test_the_guard_has_a_console_of_its_own_and_no_window():
    """Without a console a virtual environment's launcher would open one for its child."""
    flags = windows.apart_options()["creationflags"]
    assert flags & windows.CREATE_NO_WINDOW
    assert flags & windows.CREATE_NEW_PROCESS_GROUP
    assert not flags & 0x8, "DETACHED_PROCESS"
    assert not windows.group_options()["creationflags"] & windows.CREATE_NO_WINDOW


def test_the_flags_are_those_of_the_system():
    for name in ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW"):
        assert getattr(windows, name) == getattr(subprocess, name, getattr(windows, name))


def test_an_interpreter_is_where_the_system_has_it(tmp_path):
    assert posix.interpreter_in(tmp_path) == tmp_path / "bin" / "python"
    assert windows.interpreter_in(tmp_path) == tmp_path / "Scripts" / "python.exe"


def test_how_long_a_path_may_be():
    assert posix.longest_path() is None
    assert windows.longest_path() in (None, 259)


def test_a_real_system_is_no_emulated_one():
    if sys.platform != "win32":
        assert here.emulated_by() == windows.emulated_by() == ""


@pytest.mark.parametrize("module", [posix, windows])
def test_where_no_server_comes_one_is_told_what_to_type(module):
    assert "docker compose up -d" in module.REDIS_HINT
    assert "--redis-url redis://127.0.0.1:6379/0" in module.REDIS_HINT
