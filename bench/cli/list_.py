"""``bench list``: what there is."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

import typer
from rich.table import Table

from backends import Choice, all_backends
from backends.spec import Option, Variant
from bench.cli.console import PlainConsole
from bench.plan.profile import builtin_profiles, load_profile
from scenarios import all_scenarios

app = typer.Typer(add_completion=False)


class Kind(StrEnum):
    """What can be listed."""

    BACKENDS = "backends"
    SCENARIOS = "scenarios"
    PROFILES = "profiles"


@app.command("list")
def list_(
    kind: Kind = typer.Argument(Kind.BACKENDS),
    as_json: bool = typer.Option(False, "--json", help="Machine-readable."),
) -> None:
    """List backends (with their variants), scenarios or profiles."""
    rows = {
        Kind.BACKENDS: _backends,
        Kind.SCENARIOS: _scenarios,
        Kind.PROFILES: _profiles,
    }[kind]()
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table(box=None, header_style="bold")
    for column in rows[0]:
        table.add_column(column, no_wrap=column == "name", overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row.values()))
    PlainConsole().print(table)


def _text(value: Any) -> str:
    """A value of a row in one cell of the table; of what has a name, the name."""
    if isinstance(value, list):
        return ", ".join(part["name"] if isinstance(part, dict) else part for part in value)
    return str(value)


def _backends() -> list[dict[str, Any]]:
    return [
        {
            "name": Choice(backend, variant, None).name,
            "summary": variant.summary,
            "concurrency": variant.concurrency,
            "here": _here(variant),
            "options": [_option(o) for o in backend.options if o.fits(variant)],
        }
        for backend in all_backends().values()
        if not backend.hidden
        for variant in backend.variants
    ]


def _here(variant: Variant) -> str:
    if broken := variant.broken_reason():
        return f"no: {broken}"
    return variant.unsupported_reason() or "yes"


def _option(option: Option) -> dict[str, Any]:
    settings = [{"name": s.name, "value": s.value, "why": s.why} for s in option.settings]
    return {
        "name": option.name,
        "summary": option.summary,
        "settings": settings,
        "includes": list(option.includes),
        "source": option.source,
    }


def _scenarios() -> list[dict[str, Any]]:
    return [
        {
            "name": scenario.name,
            "question": scenario.question,
            "loads": list(scenario.loads),
            "parameters": [f"{p.name}={p.default:g}" for p in scenario.parameters],
        }
        for scenario in all_scenarios().values()
    ]


def _profiles() -> list[dict[str, Any]]:
    return [
        {"name": name, "description": profile.description, "rounds": profile.rounds}
        for name in builtin_profiles()
        for profile in [load_profile(name)]
    ]
