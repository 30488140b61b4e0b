"""How much two runs of the same differ: the baseline against its twin (A/A)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

from bench.analysis.tables import Key
from bench.measure.noise import noise_floor
from bench.report.wording import TWIN

Rounds = Mapping[tuple[Key, str], Mapping[int, float]]


class Noise:
    """Of one run.

    Args:
        rounds: by cell and metric the value of each round.
        baseline: whose twin is looked for.
    """

    def __init__(self, rounds: Rounds, baseline: str) -> None:
        self._pairs: dict[tuple[str, str, str], list[list[float]]] = defaultdict(list)
        for (key, metric), twin in rounds.items():
            if key[0] == baseline + TWIN:
                own = rounds.get(((baseline, *key[1:]), metric), {})
                self._pairs[key[1], key[2], metric].append(_logs(twin, own))

    def factor(self, scenario: str, load: str, metric: str, rounds: int) -> float | None:
        """What a difference of so many rounds must exceed; ``None`` where it is not known.

        All cells of the same scenario and load are taken together: one pair alone says little.
        """
        return noise_floor(self._pairs.get((scenario, load, metric), []), rounds)


def _logs(twin: Mapping[int, float], own: Mapping[int, float]) -> list[float]:
    return [
        math.log(twin[number] / own[number])
        for number in sorted(twin.keys() & own.keys())
        if twin[number] > 0 and own[number] > 0
    ]
