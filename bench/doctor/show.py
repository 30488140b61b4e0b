"""The doctor's findings as plain text, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from bench.doctor.advice import Advice
from bench.doctor.aims import COMMANDS_ADDED, RATIO, RECORDER_NS

WIDTH = 80


def advice_lines(advice: Iterable[Advice]) -> Iterator[str]:
    """One line per thing looked at, and under it what to do."""
    for item in advice:
        yield f"{item.level:8}{item.subject}: {item.found}"
        if item.do:
            do = textwrap.wrap(item.do, WIDTH - 12, break_long_words=False, break_on_hyphens=False)
            yield from (f"{'' if n else '->':>11} {line}" for n, line in enumerate(do))


def figure_lines(figures: dict[str, Any]) -> Iterator[str]:
    """The figures of :func:`bench.doctor.innocence.measure` as text, each aim with its verdict."""
    low, high = figures["recorder_ns_per_event_range"]
    recorder = figures["recorder_ns_per_event"]
    yield "Proof of innocence"
    yield ""
    yield f"recorder          {recorder:,.0f} ns per event ({low:,.0f} to {high:,.0f} over repeats)"
    yield f"                  aim: at most {RECORDER_NS:,.0f}: {_met(recorder <= RECORDER_NS)}"
    yield (
        f"Redis command     {figures['redis_command_us']:,.0f} us per round trip, "
        f"p99 {figures['redis_command_us_p99']:,.0f} us"
    )
    late = figures["schedule_lateness_ms_p99"].items()
    told = ", ".join(f"{value:.2f} ms at {rate}/s" for rate, value in late)
    yield f"schedule late by  p99 {told}"
    yield ""
    yield from _table(figures)
    yield ""
    yield "/s: drain throughput with the harness over that of the library's plain program"
    yield "CPU: tasks per CPU second of the workers, likewise; both in pairs"
    yield f"added: Redis commands per task that only come with the harness (+-{COMMANDS_ADDED:g})"
    if _undecided([*figures["perturbation_ratio"].values(), *figures["cpu_ratio"].values()]):
        yield (
            f"An interval with {RATIO:g} inside decides nothing: repeat on a quiet machine,\n"
            "or with more --repeats."
        )


def _table(figures: dict[str, Any]) -> Iterator[str]:
    """Two rows a variant, one of throughput and one of CPU."""
    yield f"{'variant':18}{'':4}{'harness':>9}{'plain':>9}  {'ratio':22}{'added':>7}  aim"
    for name, ratio in figures["perturbation_ratio"].items():
        if ratio["ratio"] is None:
            yield f"{name:18} failed: {ratio['failed']}"
            continue
        cpu, added = figures["cpu_ratio"][name], figures["redis_commands_added"][name]
        met = ratio["ratio"] >= RATIO and abs(added) <= COMMANDS_ADDED
        yield (
            f"{name:18}{'/s':4}{ratio['harness_per_s']:9,.0f}{ratio['plain_per_s']:9,.0f}"
            f"  {_ratio(ratio)}{added:7.3f}  {_met(met)}"
        )
        yield (
            f"{'':18}{'CPU':4}{cpu['harness_ms']:6.2f} ms{cpu['plain_ms']:6.2f} ms"
            f"  {_ratio(cpu)}{'':7}  {_met(cpu['ratio'] >= RATIO)}"
        )


def _ratio(ratio: dict[str, Any]) -> str:
    interval = f" [{ratio['low']:.3f}, {ratio['high']:.3f}]" if ratio["low"] else ""
    return f"{ratio['ratio']:.3f}{interval}".ljust(22)


def _met(met: bool) -> str:
    return "met" if met else "NOT MET"


def _undecided(ratios: Iterable[dict[str, Any]]) -> bool:
    return any(ratio["low"] and ratio["low"] < RATIO <= ratio["high"] for ratio in ratios)
