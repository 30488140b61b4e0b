"""``bench env``: the backends' own environments."""

from __future__ import annotations

import shutil

import typer
from rich.table import Table

from backends import UnknownVariant, all_backends, choose
from backends.spec import Backend
from bench.cli import app
from bench.cli.console import PlainConsole
from bench.cli.progress import make_environments
from bench.environments import cache_folder, environment, lock
from bench.errors import unknown

commands = typer.Typer(help="List, make, lock or remove the backends' environments.")
app.add_typer(commands, name="env", no_args_is_help=True)


def _chosen(names: list[str]) -> list[Backend]:
    """The named backends; all that are compared where none is named."""
    if not names:
        return [backend for backend in all_backends().values() if not backend.hidden]
    try:
        return [choose(name)[0].backend for name in names]
    except UnknownVariant as error:
        raise unknown("backend", error.wanted, all_backends()) from None


@commands.command("list")
def list_() -> None:
    """Show each backend's environment, whether it is made, and what it holds."""
    table = Table("backend", "made", "version", "folder", box=None, header_style="bold")
    for backend in _chosen([]):
        env = environment(backend)
        made = "yes" if env.exists else "no"
        table.add_row(env.name, made, env.library_version or "-", str(env.folder))
    PlainConsole(soft_wrap=True).print(table)


@commands.command("sync")
def sync(backends: list[str] = typer.Argument(None, metavar="[BACKEND]...")) -> None:
    """Make the environments that do not exist yet."""
    console = PlainConsole(stderr=True)
    chosen = _chosen(backends or [])
    make_environments([environment(backend) for backend in chosen], console)
    for backend in chosen:
        typer.echo(f"{backend.name} {environment(backend).library_version}")


@commands.command("lock")
def lock_(backends: list[str] = typer.Argument(None, metavar="[BACKEND]...")) -> None:
    """Resolve the newest releases and write each backend's requirements.lock."""
    for backend in _chosen(backends or []):
        lock(backend)
        typer.echo(f"{backend.name}: {backend.folder / 'requirements.lock'}")


@commands.command("clean")
def clean() -> None:
    """Remove all environments; they are made again when needed."""
    folder = cache_folder() / "environments"
    if folder.exists():
        shutil.rmtree(folder)
    typer.echo(f"removed {folder}")
