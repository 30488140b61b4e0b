"""A metric's value and the ratio of two, as a report tells them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.measure.contrasts import spans_one
from bench.measure.statistics import Estimate
from bench.report.wording import interval, number, plural

#: Said of a ratio that is not claimed.
NO_DIFFERENCE = "no difference"


@dataclass(frozen=True)
class Measure:
    """A metric of a cell: its mean over rounds, with its interval where there is one."""

    metric: str
    value: float
    low: float | None
    high: float | None
    rounds: int

    @property
    def text(self) -> str:
        """``1,010 [980, 1,030]``."""
        return number(self.value) + interval(self.low, self.high)


@dataclass(frozen=True)
class Ratio(Estimate):
    """A value divided by another."""

    @classmethod
    def of(cls, found: Estimate | None) -> Ratio | None:
        """An estimate as a report tells it."""
        return cls(found.value, found.low, found.high, found.rounds) if found else None

    @property
    def has_interval(self) -> bool:
        """Whether there were rounds enough for one."""
        return self.low is not None and self.high is not None

    @property
    def differs(self) -> bool:
        """Whether the two can be told apart; never without an interval."""
        return self.has_interval and not spans_one(self)

    @property
    def no_difference(self) -> bool:
        """Whether the two cannot be told apart although there were rounds enough."""
        return self.has_interval and spans_one(self)

    @property
    def figures(self) -> str:
        """``1.83x [1.71, 1.95]``."""
        return f"{number(self.value)}x{interval(self.low, self.high)}"

    @property
    def text(self) -> str:
        """What may be said of it: the figures; ``no difference``; of two rounds the figure and
        that they are two; of one nothing but that it is one."""
        if self.rounds == 1:
            return plural(1, "round")
        if not self.has_interval:
            return f"{self.figures} ({plural(self.rounds, 'round')})"
        return NO_DIFFERENCE if self.no_difference else self.figures

    @property
    def reasoned(self) -> str:
        """:attr:`text`; behind ``no difference`` stands the interval that says so."""
        return (
            f"{NO_DIFFERENCE}{interval(self.low, self.high)}" if self.no_difference else self.text
        )
