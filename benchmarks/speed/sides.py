"""Two or more sides measured in turn: one absolute time says nothing on a shared machine, a ratio does."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.speed import ours

Seconds = dict[str, list[float]]
"""Side → seconds of every round."""


@dataclass(frozen=True)
class Spread:
    """A figure with how far it moved from round to round."""

    value: float
    """Of the medians."""
    low: float
    high: float
    """The lowest and the highest of single rounds."""

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"


def in_turn(sides: Mapping[str, Callable[[], float]], *, rounds: int, num_threads: int) -> Seconds:
    """Seconds of every side in every round, one side after the other, every second round backwards.

    One round before these is thrown away: it pays for imports, page faults and the first look at every file.
    """
    seconds: Seconds = {name: [] for name in sides}
    for round_number in range(rounds + 1):
        order = list(sides) if round_number % 2 else list(sides)[::-1]
        for name in order:
            ours.use_all_threads(num_threads)
            took = sides[name]()
            if round_number:
                seconds[name].append(took)
    return seconds


def ratio(slower: list[float], faster: list[float]) -> Spread:
    """How many times as long the first took: ratio of the medians, and the ratios of single rounds."""
    each = [first / second for first, second in zip(slower, faster, strict=True)]
    return Spread(statistics.median(slower) / statistics.median(faster), min(each), max(each))
