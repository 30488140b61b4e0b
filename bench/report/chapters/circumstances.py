"""What a run was made of: machine, server, versions, how variants work, how to repeat it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from bench.plan.cells import TWIN
from bench.report.parts import Report
from bench.report.sections import Block, Code, Grid, Heading, Items, Paragraph, Section
from bench.system.words import joined


def sections(report: Report) -> Iterator[Section]:
    """All that a reader may ask who wants to believe the numbers, or to repeat them."""
    yield _machine(report)
    if how := _how(report):
        yield how
    if report.settings:
        yield Section("Settings that are not the libraries' defaults", list(_settings(report)))
    yield _repeat(report)


def _machine(report: Report) -> Section:
    guest = report.facts.get("guest")
    sources = {
        "machine": report.facts["host"],
        "workers and producers": {"python": guest} if guest else {},
        "server": report.facts["redis"],
    }
    facts = [
        (of, name.replace("_", " "), str(value))
        for of, known in sources.items()
        for name, value in known.items()
    ]
    versions = [
        f"{name} {backend['version']}, with "
        + ", ".join(f"{package} {version}" for package, version in backend["versions"].items())
        for name, backend in report.facts["backends"].items()
    ]
    grid = Grid("", ("of", "fact", "value"), facts, name=1)
    return Section("Machine, server, versions", [grid, *([Items(versions)] if versions else [])])


def _how(report: Report) -> Section | None:
    """What each variant promises; of a chain and of retries the idiom is enough for a table."""
    head = ("variant", "version", "N tasks at once", "ack", "delivery", "results")
    own = [(name, how) for name, how in report.how.items() if not name.endswith(TWIN)]
    if not own:
        return None
    rows = [
        (name, how.version or "-", how.concurrency, how.ack, how.delivery, how.results)
        for name, how in own
    ]
    words = [
        *_alike("retries", [(name, how.retries) for name, how in own]),
        *_alike("chain", [(name, how.chain) for name, how in own]),
    ]
    return Section("How each variant works", [Grid("", head, rows), Items(words)])


def _alike(what: str, told: list[tuple[str, str]]) -> list[str]:
    """One sentence for all who do it in the same way."""
    groups: dict[str, list[str]] = {}
    for name, how in told:
        groups.setdefault(how, []).append(name)
    return [f"{what}, {', '.join(names)}: {how}" for how, names in groups.items()]


def _settings(report: Report) -> Iterator[Block]:
    for owner, settings in groupby(report.settings, key=lambda setting: setting.of):
        yield Heading(owner, 2)
        yield Items([f"{s.name} = {s.value} (default: {s.default}): {s.why}" for s in settings])


def _repeat(report: Report) -> Section:
    facts, code = report.facts, report.facts.get("code", {})
    told = f"Profile {facts['profile']}, seed {facts['seed']}, tuning {facts['tuning']}"
    if code.get("commit"):
        changed = " with changes that are in no commit" if code.get("dirty") else ""
        told += f", code at commit {code['commit']}{changed}"
    elif "commit" in code:
        told += ", code at a commit that is not known"
    command = Code(f"bench {joined(facts['argv'])}")
    return Section("How to repeat this run", [command, Paragraph(f"{told}.")])
