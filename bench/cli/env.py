"""``bench env``: the backends' own environments."""

from __future__ import annotations

import typer
from rich.table import Table

from backends import Choice, UnknownVariant, all_backends, choose
from bench.cli.console import PlainConsole
from bench.cli.progress import make_environments
from bench.errors import EnvironmentFailed, UsageError, unknown
from bench.system.files import remove_tree
from bench.system.guests import HERE, Guests
from bench.system.places import MICRO_LOCK
from bench.workers.environments import Environment, cache_folder, lock, lock_micro
from bench.workers.platforms import environment_on, ground_of, guests_on

app = typer.Typer(
    help="List, make, lock or remove the backends' environments.",
    no_args_is_help=True,
    add_completion=False,
)


_PLATFORM = typer.Option(None, metavar="NAME", help="wine: those for Windows CPython under Wine.")


def _chosen(names: list[str], guests: Guests = HERE) -> list[Environment]:
    """The environments of the named backends; of all that are compared where none is named."""
    return [environment_on(guests, c.backend, c.version) for c in _choices(names)]


def _choices(names: list[str]) -> list[Choice]:
    """One of each named backend; of all that are compared where none is named."""
    compared = [backend.name for backend in all_backends().values() if not backend.hidden]
    try:
        return [choose(name)[0] for name in names or compared]
    except UnknownVariant as error:
        raise unknown("backend", error.wanted, all_backends()) from None


@app.command("list")
def list_(platform: str | None = _PLATFORM) -> None:
    """Show each backend's environment, whether it is made, and what it holds."""
    table = Table("backend", "made", "version", "folder", box=None, header_style="bold")
    for env in _chosen([], guests_on(platform)):
        made = "yes" if env.exists else "no"
        table.add_row(env.name, made, env.library_version or "-", str(env.folder))
    PlainConsole(soft_wrap=True).print(table)


@app.command("sync")
def sync(
    backends: list[str] = typer.Argument(None, metavar="[BACKEND]..."),
    platform: str | None = _PLATFORM,
) -> None:
    """Make the environments that do not exist yet.

    With --platform wine, first a Windows CPython under Wine, then the environments for that.
    """
    console = PlainConsole(stderr=True)
    guests = guests_on(platform)
    chosen = _chosen(backends or [], guests)
    make_environments(ground_of(guests), console)
    make_environments(chosen, console)
    for env in chosen:
        typer.echo(f"{env.name} {env.library_version}")


@app.command("lock")
def lock_(backends: list[str] = typer.Argument(None, metavar="[BACKEND]...")) -> None:
    """Resolve the newest releases and write each backend's requirements.lock.

    Without a name also the lock of what microbenchmarks need; its own name is micro.
    """
    names = backends or []
    own = [name for name in names if name != MICRO_LOCK.stem]
    for choice in _choices(own) if own or not names else []:
        name, folder = choice.backend.name, choice.backend.folder
        if choice.version:
            raise UsageError(
                f"{name}@{choice.version}: only the newest release is locked; leave @... out"
            )
        lock(choice.backend)
        typer.echo(f"{name}: {folder / 'requirements.lock'}")
    if own != names or not names:
        lock_micro()
        typer.echo(f"{MICRO_LOCK.stem}: {MICRO_LOCK}")


@app.command("clean")
def clean() -> None:
    """Remove all environments; they are made again when needed."""
    for name in ("environments", "wine"):
        folder = cache_folder() / name
        if folder.exists():
            try:
                remove_tree(folder)
            except OSError as error:
                raise EnvironmentFailed(f"cannot remove {folder}: {error.strerror}") from None
        typer.echo(f"removed {folder}")
