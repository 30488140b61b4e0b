"""The microbenchmarks as tables: what is measured downwards, variants side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich.table import Table as Grid
from rich.text import Text

from bench.report.terminal import plain_grid
from bench.report.wording import number


def micro_grids(figures: pd.DataFrame, width: int) -> Iterator[Grid]:
    """Median and its ratio to the group's best; as many tables as the width asks for.

    Args:
        figures: see :func:`bench.record.micro_files.read_micro`.
        width: columns of the console.
    """
    medians = figures.pivot(index="group", columns="variant", values="median_us")
    best = medians.min(axis="columns")
    groups = list(figures["group"].unique())
    texts = {
        variant: [_text(medians.at[group, variant], best[group]) for group in groups]
        for variant in figures["variant"].unique()
    }
    for variants in _that_fit(texts, width - max(map(len, ["median, us", *groups]))):
        grid = plain_grid()
        grid.add_column("median, us", no_wrap=True)
        for variant in variants:
            grid.add_column(Text(variant), justify="right", no_wrap=True)
        for i, group in enumerate(groups):
            grid.add_row(group, *(texts[variant][i] for variant in variants))
        yield grid


def _text(median: float, best: float) -> str:
    return "-" if pd.isna(median) else f"{number(median)} {number(median / best)}x"


def _that_fit(texts: dict[str, list[str]], width: int) -> Iterator[list[str]]:
    """The variants in portions, each as many columns as fit, but at least one."""
    portion: list[str] = []
    left = width
    for variant, column in texts.items():
        needed = max(map(len, [variant, *column])) + 2
        if portion and needed > left:
            yield portion
            portion, left = [], width
        portion.append(variant)
        left -= needed
    if portion:
        yield portion
