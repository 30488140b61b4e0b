"""The program: its commands, and how a mistake, an interrupt or a broken pipe ends it."""

from __future__ import annotations

import errno
import io
import os
import sys

import typer

from bench import __version__
from bench.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, BenchError

app = typer.Typer(
    name="bench",
    help="Celery, or one of its alternatives - and Celery under which pool? Measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def run_cli(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code. A user's mistake is one line on stderr."""
    _tolerate_any_console()
    from bench.cli import compare, doctor, env, list_, micro, new, report, run  # noqa: F401

    try:
        code = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()  # here a full disk can still be told
    except typer.Abort:
        sys.stderr.write("interrupted\n")
        return EXIT_INTERRUPTED
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        where = f" (see '{context.command_path} --help')" if context else ""
        _complain(f"{error.format_message()}{where}")
        return EXIT_USAGE
    except BenchError as error:
        _complain(str(error))
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has gone, e.g. `| head`: nothing is wrong.
        _forget_output()
        return EXIT_OK
    except OSError as error:
        # What fails in a file of ours is told where it is written, or names the file.
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        _forget_output()
        _complain(f"cannot write the output: {error.strerror}: send it somewhere else")
        return EXIT_USAGE
    return code if isinstance(code, int) else EXIT_OK


def _forget_output() -> None:
    """Or what is left of it would fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> None:
    line = " ".join(message.split())
    sys.stderr.write(f"bench: {line}\n")


def _tolerate_any_console() -> None:
    """A console that cannot show a character must not end the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
