"""Write the skeleton of a backend or a scenario from the templates beside it.

A skeleton is complete in form: it is found and listed, and disturbs nothing. What only a person can
know raises ``NotImplementedError`` with a sentence about what belongs there.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from string import Template

from bench.errors import UsageError
from bench.system.files import discard_tree, move
from bench.system.places import ROOT, TEMPLATES

#: Longer names would break the lines of the templates.
MAX_NAME = 32

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def checkout() -> Path:
    """The folder that this program runs from."""
    return ROOT


def new_backend(name: str, root: Path) -> list[Path]:
    """Write ``backends/NAME`` below ``root``; return its files.

    Raises:
        UsageError: a bad name, a name that is taken, or a folder that cannot be written to.
            Nothing has been written then.
    """
    _check_root(root)
    _check_name(name)
    home = root / "backends"
    _check_free(name, home, [home / "__init__.py"])
    if name in sys.stdlib_module_names:
        raise UsageError(
            f"{name!r} is a module of the standard library, no library under test: "
            "choose another name"
        )
    return _write(root, home / name, _render("backend", name))


def new_scenario(name: str, root: Path) -> list[Path]:
    """Write ``scenarios/NAME.py`` below ``root``; return it, in a list.

    Raises:
        UsageError: as for :func:`new_backend`.
    """
    _check_root(root)
    _check_name(name)
    home = root / "scenarios"
    # A task of that name goes into each of these files.
    bindings = [home / "workload.py", *task_modules(root)]
    _check_free(name, home, [home / "__init__.py", *bindings])
    if hasattr(builtins, name):
        raise UsageError(f"{name!r} is a builtin of Python: choose another name")
    return _write(root, home / f"{name}.py", _render("scenario", name))


def task_modules(root: Path) -> list[Path]:
    """The ``tasks.py`` of every backend below ``root``."""
    return sorted((root / "backends").glob("*/tasks.py"))


# --- may it be written? ----------------------------------------------------------------------


def _check_root(root: Path) -> None:
    needed = ("pyproject.toml", "backends/__init__.py", "scenarios/__init__.py")
    missing = [part for part in needed if not (root / part).is_file()]
    if missing:
        raise UsageError(
            f"{root} is no checkout of this project, {missing[0]} is missing: "
            "clone it and run there, or name one with --into DIR"
        )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > MAX_NAME:
        raise UsageError(
            f"the name {name!r} cannot be used: expected a lower-case Python identifier "
            f"of at most {MAX_NAME} characters, e.g. my_queue"
        )


def _check_free(name: str, home: Path, modules: list[Path]) -> None:
    """Refuse a name that exists in ``home`` or is bound in one of ``modules``."""
    for path in (home / name, home / f"{name}.py"):
        if path.exists():
            raise UsageError(f"{path} exists already: choose another name, or remove it first")
    for module in modules:
        if name in _bound_names(module):
            raise UsageError(
                f"{name!r} is a name in {module} and would be shadowed: choose another"
            )


def _bound_names(module: Path) -> set[str]:
    """Every name that the module binds at its top level."""
    try:
        tree = ast.parse(module.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {module}: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"cannot read {module}: {error}: mend it first") from None
    return {name for statement in tree.body for name in _bound_by(statement)}


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            yield (alias.asname or alias.name).partition(".")[0]
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


# --- write it --------------------------------------------------------------------------------


def _render(kind: str, name: str) -> dict[str, str]:
    """The files of a skeleton by name."""
    values = {"name": name, "cls": "".join(part.capitalize() for part in name.split("_"))}
    prefix, suffix = f"{kind}.", ".tmpl"
    return {
        found.name.removeprefix(prefix).removesuffix(suffix): _sort_imports(
            Template(found.read_text(encoding="utf-8")).substitute(values)
        )
        for found in TEMPLATES.iterdir()
        if found.name.startswith(prefix) and found.name.endswith(suffix)
    }


def _sort_imports(text: str) -> str:
    """Put our own imports in order: where a backend's name belongs depends on the name."""

    def in_order(block: re.Match[str]) -> str:
        return "".join(sorted(block[0].splitlines(keepends=True), key=lambda row: row.split()[1]))

    return re.sub(r"(?:^from (?:backends|scenarios)\b.*\n)+", in_order, text, flags=re.MULTILINE)


def _write(root: Path, target: Path, files: dict[str, str]) -> list[Path]:
    """Make ``target`` in one step: a folder of ``files``, or the only file of them."""
    building = None
    try:
        # Not beside the target, where an unfinished backend would be found and imported.
        building = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
        inner = building / target.name
        if target.suffix:
            (text,) = files.values()
            inner.write_text(text, encoding="utf-8", newline="\n")
        else:
            inner.mkdir()
            for name, text in files.items():
                (inner / name).write_text(text, encoding="utf-8", newline="\n")
        move(inner, target)
    except OSError as error:
        raise UsageError(
            f"cannot write {target}: {error.strerror}: make the folder writable, then try again"
        ) from None
    finally:
        if building is not None:
            discard_tree(building)
    return [target] if target.suffix else sorted(target.iterdir())
