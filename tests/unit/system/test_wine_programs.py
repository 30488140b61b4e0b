"""What is known of Wine without running it: where it may be, and what its prefixes share."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

import pytest

from bench.errors import EnvironmentFailed, UsageError
from bench.system import wine
from bench.system.guests import HERE, Guests
from bench.system.wine import Wine


@pytest.fixture
def here(monkeypatch):
    """Makes this a machine of some platform, with some programs."""

    def here(system="linux", machine="x86_64", programs=()):
        monkeypatch.setattr(wine, "sys", SimpleNamespace(platform=system))
        monkeypatch.setattr(wine, "platform", SimpleNamespace(machine=lambda: machine))
        found = {name: f"/usr/bin/{name}" for name in programs}
        monkeypatch.setattr(wine.shutil, "which", found.get)

    return here


@pytest.mark.parametrize(
    ("system", "machine", "told"),
    [
        ("darwin", "arm64", "this is darwin on arm64: leave it out"),
        ("linux", "aarch64", "this is linux on aarch64: leave it out"),
        ("win32", "AMD64", "this is win32 on AMD64: leave it out"),
    ],
)
def test_where_wine_cannot_be_one_line_says_so(here, system, machine, told):
    here(system, machine, programs=("wine", "wineserver"))
    with pytest.raises(UsageError) as error:
        wine.program()
    assert str(error.value) == f"--platform wine needs Linux on x86_64, {told}"


@pytest.mark.parametrize("programs", [(), ("wine",), ("wineserver",)])
def test_missing_wine_is_told_with_the_command_that_installs_it(here, programs):
    here(programs=programs)
    with pytest.raises(UsageError, match=r"apt-get install --no-install-recommends wine wine64$"):
        wine.program()


def test_wine_is_taken_from_the_path(here):
    here(programs=("wine", "wineserver"))
    assert wine.program() == "/usr/bin/wine"


@pytest.fixture
def prepared(tmp_path):
    """Wine with what was prepared: a registry, and Windows' files beside a user's."""
    prefix = tmp_path / "home" / "prefix"
    for folder in ("windows/system32", "users/me/Temp", "Program Files"):
        (prefix / "drive_c" / folder).mkdir(parents=True)
    for name in ("system.reg", "user.reg", "userdef.reg", ".update-timestamp"):
        (prefix / name).write_text(name)
    return Wine(home=tmp_path / "home")


@pytest.mark.skipif(sys.platform == "win32", reason="a prefix lies on Linux, its links too")
def test_a_prefix_shares_windows_files_and_nothing_that_is_written(prepared, tmp_path):
    prefix = tmp_path / "prefix"
    wine.lay_out(prepared, prefix)
    source = prepared.home / "prefix" / "drive_c"
    assert (prefix / "drive_c" / "windows").resolve() == source / "windows"
    assert (prefix / "dosdevices" / "c:").resolve() == prefix / "drive_c"
    assert str((prefix / "dosdevices" / "z:").resolve()) == "/"
    (prefix / "drive_c" / "users" / "me" / "Temp" / "file").write_text("")
    (prefix / "system.reg").write_text("changed")
    assert not (source / "users" / "me" / "Temp" / "file").exists()
    assert (prepared.home / "prefix" / "system.reg").read_text() == "system.reg"


@pytest.mark.skipif(sys.platform == "win32", reason="Wine is not for Windows")
def test_what_the_server_of_a_prefix_leaves_is_removed(tmp_path, monkeypatch):
    prefix = tmp_path / "prefix"
    prefix.mkdir()
    status, servers = prefix.stat(), tmp_path / "servers"
    monkeypatch.setattr(wine, "SERVERS", servers)
    users = servers / f".wine-{wine.os.getuid()}"
    for name in (f"server-{status.st_dev:x}-{status.st_ino:x}", "server-0-0"):
        (users / name).mkdir(parents=True)
    for name in ("wine-ab12cd", "wine-others"):
        (tmp_path / name / "server-1-2").mkdir(parents=True)
    (prefix / "wineserver").write_bytes(b"wine-ab12cd")
    wine.forget(prefix)
    assert [path.name for path in users.iterdir()] == ["server-0-0"]
    assert [path.name for path in tmp_path.glob("wine-*")] == ["wine-others"]
    wine.forget(tmp_path / "no-such-prefix")


def test_of_guests_under_wine_only_the_sum_is_known():
    roles = {"worker": [7, 8], "producer": [9]}
    assert Wine(beside=(3,)).accounts(roles) == {"guests": [3, 7, 8, 9]}
    assert HERE.accounts(roles) == roles


# --- clocks ----------------------------------------------------------------------------------


def test_here_events_have_the_clock_of_perf_counter():
    before = time.perf_counter_ns()
    assert before <= HERE.now_ns() <= time.perf_counter_ns()


@pytest.mark.skipif(sys.platform != "linux", reason="clocks of Linux")
def test_beside_other_guests_the_clock_is_theirs():
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    now = Guests(clock="CLOCK_MONOTONIC_RAW").now_ns()
    assert before <= now <= time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


class Idle:
    """Stands in for a guest that tells its time when asked."""

    def __init__(self, read):
        self.stdin = SimpleNamespace(write=lambda _: None, flush=lambda: None)
        self.stdout = SimpleNamespace(readline=lambda: read())


@pytest.mark.skipif(sys.platform != "linux", reason="clocks of Linux")
@pytest.mark.parametrize("name", ["CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW"])
def test_the_guests_clock_is_found_by_asking(monkeypatch, name):
    """Two clocks that were apart all the time are told apart by one look."""
    clocks = {"CLOCK_MONOTONIC": 5_000, "CLOCK_MONOTONIC_RAW": 9_000_000, "CLOCK_BOOTTIME": 70}
    ticks = iter(range(1000))
    told = SimpleNamespace(
        **{clock: clock for clock in clocks},
        clock_gettime_ns=lambda clock: clocks[clock] + 10 * next(ticks),
    )
    monkeypatch.setattr(wine, "time", told)
    idle = Idle(lambda: f"{(clocks[name] + 10 * next(ticks)) // 100 * 100}\r\n".encode())
    assert wine._clock_of(idle, None) == name


@pytest.mark.skipif(sys.platform != "linux", reason="clocks of Linux")
@pytest.mark.parametrize(
    ("answer", "told"), [(b"5\r\n", "is none of CLOCK_MONOTONIC_RAW"), (b"", "does not start")]
)
def test_a_clock_that_is_none_of_the_systems_is_refused(monkeypatch, answer, told):
    monkeypatch.setattr(wine, "version", lambda: "8.0")
    with pytest.raises(EnvironmentFailed, match=told):
        wine._clock_of(Idle(lambda: answer), "python.exe")
