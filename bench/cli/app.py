"""The program: its commands, and how a mistake, an interrupt or a broken pipe ends it."""

from __future__ import annotations

import errno
import io
import os
import sys

import typer

from bench import __version__
from bench.cli.lazy import LazyGroup
from bench.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, BenchError
from bench.system.printable import shortened

app = typer.Typer(
    name="bench",
    cls=LazyGroup,
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
    _end_orphans()


def _end_orphans() -> None:
    """Whatever is asked for: what a killed harness left would disturb, or stay for ever."""
    from bench.system.scratch import end_orphans  # psutil is nothing that --help needs

    for folder in end_orphans():
        sys.stderr.write(f"ended what a killed run had left: its processes and {folder}\n")


def run_cli(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code. A user's mistake is one line on stderr."""
    _open_what_is_closed()
    _tolerate_any_console()
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
        if error.filename is not None:
            _complain(f"cannot use {shortened(error.filename)}: {error.strerror}")
            return EXIT_USAGE
        if _working_directory_is_gone():
            _complain("the working directory does not exist any more: change to another one")
            return EXIT_USAGE
        if error.errno == errno.ENOENT:  # no folder for temporary files, which Python then lists
            _complain(str(error.strerror))
            return EXIT_USAGE
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        _forget_output()
        _complain(f"cannot write the output: {error.strerror}: send it somewhere else")
        return EXIT_USAGE
    return code if isinstance(code, int) else EXIT_OK


def _working_directory_is_gone() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _forget_output() -> None:
    """Or what is left of it would fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> None:
    line = " ".join(shortened(word, longest=1000) for word in message.split())
    sys.stderr.write(f"bench: {line}\n")


def _open_what_is_closed() -> None:
    """A standard stream that whoever called us has closed, ``>&-``, leads nowhere.

    Or the next file that is opened would get its number, and what is written for the stream.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free: this one
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _tolerate_any_console() -> None:
    """A console that cannot show a character must not end the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
