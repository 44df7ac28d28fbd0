"""Healthy runs: the tool must not call them failed, nor restart them.

Healthy means a gain of at least 0.3 on 1,000 rows that the tool never saw. A false alarm is a healthy run that is called worse
than `no_better_than_baseline` although its test set is large enough by the tool's own rule, or that the cure restarts
though it ends healthy without.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scipy.special import ndtri

from benchmarks.honesty.runs import KEPT_BACK, Ended, run
from benchmarks.honesty.tasks import make
from bertsmith.diagnosis.verdict import TEST_LEVEL

HEALTHY_GAIN = 0.3
GOOD = ("learned", "no_better_than_baseline")


@dataclass(frozen=True)
class Healthy:
    """A sane run."""

    task: str
    rows: int
    seed: int
    minilm: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def end(self, model: str, **changed: Any) -> Ended:
        """Run it; the rows kept back are of the same task and drawn after the tool's."""
        texts = make(self.task, self.rows + KEPT_BACK, seed=self.seed)
        return run(
            texts.head(self.rows),
            model=model,
            kept_back=texts.tail(self.rows),
            **self.settings | changed,
            seed=self.seed,
        )


def tiny_runs(count: int) -> Iterator[Healthy]:
    """Tiny random models: tasks, sizes, learning rates and lengths of training in turn, slow starters among them."""
    tasks = ("keyword", "topics", "rare positive", "noisy keyword", "noisier keyword")
    sizes = (400, 800, 1500)
    recipes = (
        {"learning_rate": 1e-3, "epochs": 5},
        {"learning_rate": 5e-4, "epochs": 10, "warmup_ratio": 0.1},
        {"learning_rate": 2e-3, "epochs": 5, "batch_size": 16},
        {"learning_rate": 2e-4, "epochs": 20, "warmup_ratio": 0.3},
    )
    for number in range(count):
        yield Healthy(
            task=tasks[number % len(tasks)],
            rows=sizes[number // len(tasks) % len(sizes)],
            seed=1000 + number,
            settings=dict(recipes[number // (len(tasks) * len(sizes)) % len(recipes)]),
        )


def minilm_runs(count: int) -> Iterator[Healthy]:
    """The real pretrained model on little data."""
    tasks = ("keyword", "negation", "topics", "noisy keyword")
    for number in range(count):
        yield Healthy(
            task=tasks[number % len(tasks)],
            rows=(250, 400)[number // len(tasks) % 2],
            seed=2000 + number,
            minilm=True,
            settings={"epochs": (3, 5)[number // 2 % 2]},
        )


def is_healthy(ended: Ended) -> bool:
    """Whether the model truly works."""
    return ended.kept_back_gain is not None and ended.kept_back_gain >= HEALTHY_GAIN


def rows_that_suffice(ended: Ended) -> float:
    """Test rows that show the true dependence nineteen times in twenty, from the p-value on the rows kept back."""
    assert ended.kept_back_p is not None
    found = -float(ndtri(max(ended.kept_back_p, 1e-300)))
    return KEPT_BACK * ((-float(ndtri(TEST_LEVEL)) + 1.645) / found) ** 2


def is_false_alarm(ended: Ended) -> bool:
    """Whether a healthy run was called failed on rows enough to know, or without reading the test rows."""
    return ended.outcome not in GOOD and (ended.test_rows == 0 or ended.test_rows >= rows_that_suffice(ended))
