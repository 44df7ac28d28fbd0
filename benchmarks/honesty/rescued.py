"""Learning rates that fail, with the cure on: how many end `learned`?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.honesty.runs import Ended, run
from benchmarks.honesty.tasks import make


@dataclass(frozen=True)
class Rescue:
    """A run whose learning rate fails."""

    task: str
    learning_rate: float
    seed: int
    minilm: bool = False

    def end(self, model: str, *, on_failure: str) -> Ended:
        """Run it with the cure on (`rescue`) or off (`stop`)."""
        return run(
            make(self.task, 400 if self.minilm else 800, seed=self.seed),
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
            ("topics", "keyword")[number % 2],
            (0.05, 0.2, 1.0)[number // 2 % 3],
            seed=3000 + number,
        )
    for number in range(minilm):
        yield Rescue(
            ("negation", "topics")[number % 2],
            (1e-3, 3e-3, 1e-2)[number % 3],
            seed=4000 + number,
            minilm=True,
        )
