"""Learning rates that fail, with the cure on: how many end `learned`?

In half of the runs words alone do not suffice, so that a cured model can be better than the bag of words. In the other half
they do, and `no_better_than_baseline` is the best verdict that can be had.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.honesty.runs import Ended, run
from benchmarks.honesty.tasks import make


@dataclass(frozen=True)
class Rescue:
    """A run whose learning rate fails."""

    task: str
    rows: int
    learning_rate: float
    seed: int
    minilm: bool = False

    def end(self, model: str, *, on_failure: str) -> Ended:
        """Run it with the cure on (`rescue`) or off (`stop`)."""
        return run(
            make(self.task, self.rows, seed=self.seed),
            model=model,
            learning_rate=self.learning_rate,
            epochs=5,
            seed=self.seed,
            on_failure=on_failure,
        )


def planted_rates(tiny: int, minilm: int) -> Iterator[Rescue]:
    """Tiny models first."""
    for number in range(tiny):
        yield Rescue(
            ("opening word", "topics", "opening word", "keyword")[number % 4],
            rows=800,
            learning_rate=(0.05, 0.2, 1.0)[number // 4 % 3],
            seed=3000 + number,
        )
    for number in range(minilm):
        yield Rescue(
            ("opening word", "negation", "opening word", "topics")[number % 4],
            rows=600,
            learning_rate=(1e-3, 3e-3, 1e-2)[number // 2 % 3],
            seed=4000 + number,
            minilm=True,
        )
