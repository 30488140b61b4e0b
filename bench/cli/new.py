"""``bench new``: the skeleton of a backend or a scenario, and what to do with it."""

from __future__ import annotations

from pathlib import Path

import typer

from bench.scaffold import skeleton as scaffold

app = typer.Typer(
    help="Write the skeleton of a new backend or scenario.",
    no_args_is_help=True,
    add_completion=False,
)

_INTO = typer.Option(None, metavar="DIR", help="Checkout to write into (default: this one).")

_BACKEND_STEPS = """\
Next:
  1. Put the library into requirements.in, then:  bench env lock {name}
  2. Write what raises NotImplementedError, in app.py, tasks.py, producer.py and __init__.py.
     __init__.py also has texts that say "not written yet", and a readiness that never matches.
  3. Run the contract's tests until they pass:    python -m pytest tests/contract -k {name}
  4. Write down in NOTES.md what you saw.
  5. See that nothing else is disturbed:          python -m pytest tests/unit && ruff check .
No other file has to be changed. docs/add-a-backend.md has a complete example."""

_SCENARIO_STEPS = """\
Next:
  1. Write _items and the question in scenarios/{name}.py.
  2. Append the body of the task to scenarios/workload.py (standard library only):

         def {name}(x: int) -> int:
             \"\"\"What one task does.\"\"\"
             raise NotImplementedError("compute and return the result")

  3. Bind it in each backend, as the tasks there are bound. Where a backend lists its tasks in
     one more file, it belongs there too (look for "notification"):
{bindings}
  4. Write a profile with a cell of {name}, e.g. try.toml, and run it until every verdict passes:
         bench run try.toml -b fake:honest
docs/add-a-scenario.md has a complete example, with the lines for each of these files."""


@app.command("backend")
def backend(
    name: str = typer.Argument(metavar="NAME", help="A lower-case identifier, e.g. my_queue."),
    into: Path | None = _INTO,
) -> None:
    """Write backends/NAME: all files of a backend, with what is left to do marked in them."""
    root = into or scaffold.checkout()
    _tell(root, scaffold.new_backend(name, root))
    typer.echo(_BACKEND_STEPS.format(name=name))


@app.command("scenario")
def scenario(
    name: str = typer.Argument(metavar="NAME", help="A lower-case identifier, e.g. primes."),
    into: Path | None = _INTO,
) -> None:
    """Write scenarios/NAME.py, and tell what to add to the task bodies and to each backend."""
    root = into or scaffold.checkout()
    _tell(root, scaffold.new_scenario(name, root))
    bindings = "\n".join(
        f"         {path.relative_to(root).as_posix()}" for path in scaffold.task_modules(root)
    )
    typer.echo(_SCENARIO_STEPS.format(name=name, bindings=bindings))


def _tell(root: Path, files: list[Path]) -> None:
    typer.echo(f"wrote below {root}:")
    for path in files:
        typer.echo(f"  {path.relative_to(root).as_posix()}")
