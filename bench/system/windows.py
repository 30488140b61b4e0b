"""What Windows does in its own way; :mod:`bench.system.posix` has the same names.

Nothing here is imported elsewhere: :mod:`bench.system.platforms` chooses.
"""

from __future__ import annotations

import ctypes
import re
import signal
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

SIGNALS_REACH = False
REAPED_IS_KNOWN = False
OPEN_FILES_MOVE = False
#: No package on PyPI has a server for Windows. Each of these is one at 127.0.0.1:6379.
REDIS_HINT = (
    "start one with 'docker compose up -d', with 'winget install Memurai.MemuraiDeveloper' "
    "(a service) or in WSL ('sudo apt install redis-server', 'redis-server'), "
    "and pass --redis-url redis://127.0.0.1:6379/0"
)

#: 32-bit values of an exit code that the system itself gives, as it names them.
NTSTATUS = {
    0x40010004: ("DBG_TERMINATE_PROCESS", "ended with its console or its session"),
    0x80000003: ("STATUS_BREAKPOINT", "a failed assertion, or a debugger's stop"),
    0xC0000005: ("STATUS_ACCESS_VIOLATION", "it crashed: memory that it may not touch"),
    0xC0000017: ("STATUS_NO_MEMORY", "no memory left"),
    0xC000001D: ("STATUS_ILLEGAL_INSTRUCTION", "built for another processor"),
    0xC0000022: ("STATUS_ACCESS_DENIED", "access denied"),
    0xC00000FD: ("STATUS_STACK_OVERFLOW", "it crashed: its stack is full"),
    0xC0000135: ("STATUS_DLL_NOT_FOUND", "a DLL is missing"),
    0xC0000139: ("STATUS_ENTRYPOINT_NOT_FOUND", "a DLL is of another version"),
    0xC000013A: ("STATUS_CONTROL_C_EXIT", "ended on the spot by Ctrl-C, Ctrl-Break or its window"),
    0xC0000142: ("STATUS_DLL_INIT_FAILED", "a DLL did not start, as at the end of a session"),
    0xC0000374: ("STATUS_HEAP_CORRUPTION", "it crashed: its heap is damaged"),
    0xC0000409: ("STATUS_STACK_BUFFER_OVERRUN", "it ended itself at once: abort()"),
}
CONTROL_C_EXIT = 0xC000013A

#: From wincon.h and winbase.h: Python has these names on Windows alone.
CREATE_NEW_PROCESS_GROUP = 0x00000200
CREATE_NO_WINDOW = 0x08000000

_MAX_PATH = 259

#: No character that a shell takes for its own.
_PLAIN = re.compile(r"[\w\\/:.+=-][\w\\/:.+=@-]*")
#: What PowerShell does not leave alone between double quotes.
_EXPANDED = re.compile(r"[$`\"]")


def group_options() -> dict[str, Any]:
    """A group of its own, which Ctrl-Break can be sent to: it shares our console."""
    return {"creationflags": CREATE_NEW_PROCESS_GROUP}


def apart_options() -> dict[str, Any]:
    """A console of its own without a window, so that it does not end with ours.

    Without any console (DETACHED_PROCESS) what a virtual environment's launcher starts would open
    a window.
    """
    return {"creationflags": CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW}


def ask_to_stop(process: subprocess.Popen[bytes], stop_signal: str) -> None:
    """Send Ctrl-Break, whatever the signal: of those that there are it alone reaches a group.

    Raises:
        OSError: we have no console to send it by.
    """
    process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", 1))


def cut_short(code: int, stop_signal: str) -> bool:
    """Whether it had no handler for Ctrl-Break."""
    return code & 0xFFFFFFFF == CONTROL_C_EXIT


def how_it_ended(code: int) -> str:
    """``exit code 3``; of what the system gives also what it means."""
    status = code & 0xFFFFFFFF
    if status in NTSTATUS:
        name, meaning = NTSTATUS[status]
        return f"exit code 0x{status:08X} ({name}: {meaning})"
    return f"exit code 0x{status:08X}" if status >= 0x80000000 else f"exit code {code}"


def quoted(word: str) -> str:
    """One word of a command, as PowerShell and, where it can be, ``cmd`` take it."""
    if _PLAIN.fullmatch(word):
        return word
    if _EXPANDED.search(word) or word.endswith("\\"):
        return "'" + word.replace("'", "''") + "'"  # PowerShell alone
    return f'"{word}"'


def acts(process: psutil.Process) -> bool:
    """Never: Windows has suspended it before it says so."""
    return False


def interpreter_in(environment: Path) -> Path:
    """The interpreter of a virtual environment: a launcher, whose child it really is."""
    return environment / "Scripts" / "python.exe"


def emulated_by() -> str:
    """`` (Wine 8.0)``, or empty on a real Windows."""
    try:
        told = ctypes.CDLL("ntdll.dll").wine_get_version
    except (OSError, AttributeError):
        return ""
    told.restype = ctypes.c_char_p
    return f" (Wine {told().decode()})"


def load_average() -> float | None:
    """``None``: psutil emulates it there, and the first answer is always 0."""
    return None


def longest_path() -> int | None:
    """259, unless the system is set to take long ones."""
    try:
        registry: Any = import_module("winreg")
        where = r"SYSTEM\CurrentControlSet\Control\FileSystem"
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, where) as key:
            enabled, _ = registry.QueryValueEx(key, "LongPathsEnabled")
    except (ImportError, OSError):
        return _MAX_PATH
    return None if enabled else _MAX_PATH
