"""A run folder -> the report, as plain values. Nothing is measured and nothing written here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from bench.analysis.consistency import check_tables
from bench.analysis.stalled import traced_stall
from bench.analysis.tables import (
    ROUND_COLUMNS,
    SUMMARY_COLUMNS,
    VERDICT_COLUMNS,
    Tables,
    key_of,
    read_tables,
    with_figures,
)
from bench.errors import RunFolderError
from bench.plan.cells import TWIN
from bench.record.ability_files import read_abilities
from bench.record.micro_files import read_micro, read_problems
from bench.record.store import RunFolder, damage
from bench.report.cells import NOT_RUN, Cell, kind_of
from bench.report.chapters import (
    abilities,
    costs,
    load_curves,
    microbenchmarks,
    pairs,
    scaling,
    service_time,
    stalls,
    timing,
    versions,
)
from bench.report.chapters.cautions import cautions
from bench.report.defects import ended_by_defects
from bench.report.endings import endings
from bench.report.findings import findings
from bench.report.findings.material import Material
from bench.report.parts import FailedCheck, How, Report, Setting, Table
from bench.report.sections import Section
from bench.report.tables import build_tables, cells_of, stored
from bench.report.wording import caption, presentable

#: Violations that are kept of each failed check; the rest is in ``verdicts.csv``.
EXAMPLES = 5


def load_report(run: RunFolder) -> Report:
    """The report of a run, out of ``run.json``, its trials, tables and microbenchmarks alone.

    Raises:
        RunFolderError: a file is missing or damaged.
    """
    facts = presentable(run.read_run())
    recorded = presentable(run.read_trials())
    trials = with_figures(recorded)
    tables = tables_of(run)
    known = stored(facts, trials, tables)
    cells = cells_of(known)
    built = build_tables(cells, facts)
    counts = _count(facts, trials)
    problems = presentable(read_problems(run.path))
    abilities_found = _abilities(run, facts)
    return Report(
        path=run.path,
        run_id=run.id,
        facts=facts,
        baseline=facts["baseline"],
        cells=cells,
        tables=built,
        how=how_of(facts, cells),
        settings=_settings(facts),
        trials=counts,
        ended_by_defects=ended_by_defects(facts, trials, known.verdicts),
        repeated=sum(bool(trial.get("repeats")) for trial in recorded),
        checks=len(tables.verdicts),
        verdicts=_failed_checks(tables.verdicts),
        warnings=(
            *microbenchmarks.missing(problems),
            *abilities.missing(abilities_found),
            *cautions(facts, recorded, counts, built, tables.rounds),
            *endings(presentable(run.read_leases())),
        ),
        findings=findings(Material(facts, cells, known.verdicts, counts)),
        sections=_sections(run, facts, trials, cells, built, abilities_found),
        incomplete_micro=tuple(problems),
    )


def _sections(
    run: RunFolder,
    facts: Mapping[str, Any],
    trials: Sequence[dict[str, Any]],
    cells: Sequence[Cell],
    tables: Sequence[Table],
    abilities_found: Sequence[Mapping[str, Any]],
) -> tuple[Section, ...]:
    """What the run has numbers for."""
    found = (
        service_time.section(cells, facts),
        versions.section(cells, facts),
        pairs.section(tables),
        timing.section(cells),
        load_curves.section(cells),
        stalls.section(cells, trials, partial(traced_stall, run)),
        costs.section(cells),
        scaling.section(cells),
        abilities.section(abilities_found),
        microbenchmarks.section(read_micro(run.path)),
    )
    return tuple(section for section in found if section)


def _abilities(run: RunFolder, facts: Mapping[str, Any]) -> list[Any]:
    """What was probed, in the order of the run's variants."""
    order = list(facts["variants"])
    found: list[Any] = presentable(read_abilities(run.path))
    with damage(run.path):
        return sorted(found, key=lambda one: order.index(one["variant"]))


def tables_of(run: RunFolder) -> Tables:
    """The tables of a run as they were written.

    Raises:
        RunFolderError: one is missing or is not what it should be.
    """
    try:
        tables = read_tables(run.path)
        check_tables(run.path, tables, run.read_trials())
        return tables
    except FileNotFoundError as error:
        if not run.read_run().get("cells"):  # only microbenchmarks: there is nothing to tabulate
            columns = (ROUND_COLUMNS, SUMMARY_COLUMNS, VERDICT_COLUMNS)
            return Tables(*(pd.DataFrame(columns=list(names)) for names in columns))
        raise RunFolderError(
            f"{error.filename} is missing: 'bench report {run.path}' makes it, if the run's "
            "events are there and the folder can be written to"
        ) from None
    except (ValueError, OSError) as error:
        raise RunFolderError(f"cannot read the tables of {run.path}: {error}") from None


def how_of(facts: Mapping[str, Any], cells: Sequence[Cell]) -> dict[str, How]:
    """What each variant promises, by its name; the baseline's twin promises what it does."""
    versions = {cell.variant: cell.version for cell in cells}
    found = {}
    for name in dict.fromkeys((*facts["variants"], *versions)):
        variant = facts["variants"][name.removesuffix(TWIN)]
        promised = variant["semantics"]
        found[name] = How(
            version=versions.get(name, ""),
            concurrency=variant["concurrency"],
            **{k: promised[k] for k in ("ack", "delivery", "results", "retries", "chain")},
        )
    return found


def _count(facts: Mapping[str, Any], trials: list[dict[str, Any]]) -> dict[str, int]:
    """Trials by status, of a repeated one that whose figures count; those that are planned and have
    none are not run."""
    counts = Counter(trial["status"] for trial in trials)
    missing = sum(cell["rounds"] for cell in facts["cells"]) - len(trials)
    if missing > 0:
        counts[NOT_RUN] = missing
    return dict(counts)


def _failed_checks(verdicts: pd.DataFrame) -> tuple[FailedCheck, ...]:
    found = []
    for row in verdicts[verdicts["verdict"] != "pass"].to_dict("records"):
        variant, scenario, load, concurrency, params = key_of(row)
        examples = str(presentable(row["detail"])).split("; ")[:EXAMPLES]
        found.append(
            FailedCheck(
                variant=variant,
                caption=caption(scenario, load, json.loads(params), concurrency),
                check=str(row["check"]),
                expected=str(row["expected"]),
                violations=int(row["violations"]),
                examples=tuple(examples),
            )
        )
    return tuple(found)


def _settings(facts: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The settings of every backend, then those that only some of its variants have."""
    sources = {
        **{name: backend["settings"] for name, backend in facts["backends"].items()},
        **{
            name: variant["settings"]
            for name, variant in facts["variants"].items()
            if variant["settings"] and kind_of(name, facts) != "twin"
        },
    }
    owners = sorted(sources, key=lambda name: name.partition(":")[0])
    return tuple(Setting(of=name, **setting) for name in owners for setting in sources[name])
