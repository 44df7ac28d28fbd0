"""What a verdict is made from: the history of a run and the scored rows, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.example import LabelSet
from bertsmith.evaluation.metrics import gain_over_chance
from bertsmith.evaluation.scoring import Evaluation
from bertsmith.training.history import EpochRecord, History, Restart
from bertsmith.training.signs import prior_entropy


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """An evaluation with the rows that it was made of, so that a test can be done on them."""

    evaluation: Evaluation
    label_ids: NDArray[np.int64]
    """The true label of each row, shape (rows,)."""
    predicted_ids: NDArray[np.int64]
    """The predicted label of each row, shape (rows,)."""
    groups: NDArray[np.int64] | None = None
    """Rows with the same number are duplicates of each other, shape (rows,)."""
    information: float | None = None
    """How much of the labels' entropy the predictions could tell, in [0, 1]; None where it was not measured."""

    def __post_init__(self) -> None:
        rows = self.evaluation.rows
        arrays = [self.label_ids, self.predicted_ids, *([] if self.groups is None else [self.groups])]
        if any(array.shape != (rows,) for array in arrays):
            raise ValueError(f"an evaluation of {rows} rows needs arrays of that shape")


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that `bertsmith.diagnosis.verdict.judge` looks at."""

    history: History
    best_epoch: int | None
    """The chosen row of `history.epochs`, 1-based; None where no epoch may be chosen."""
    label_set: LabelSet
    train_label_counts: Mapping[str, int]
    validation: ScoredRows | None
    """The chosen epoch on the validation rows."""
    test: ScoredRows | None
    """The chosen epoch on the test rows; None where they were not read."""
    majority: ScoredRows | None = None
    """Always the commonest training label, on the test rows."""
    bag_of_words: ScoredRows | None = None
    """The bag of words on the test rows, in the same order."""
    earlier_test_reads: int = 0
    """Other runs beside this one that scored the same test rows."""
    restarts: tuple[Restart, ...] = ()
    """Attempts that failed and that the run does not rest on."""
    conclusion: str = ""
    """What rescue concluded when nothing helped."""
    has_balanced_weights: bool = False
    """Whether every label weighed the same in the training loss."""
    has_fresh_head: bool = False
    """Whether training began with a new head, whose first loss must be about ln K."""

    def __post_init__(self) -> None:
        if self.best_epoch is not None and not 1 <= self.best_epoch <= len(self.history.epochs):
            raise ValueError(f"best_epoch {self.best_epoch} is not one of {len(self.history.epochs)} epochs")
        if self.test is None:
            return
        for baseline in (self.majority, self.bag_of_words):
            if baseline is not None and not np.array_equal(baseline.label_ids, self.test.label_ids):
                raise ValueError("a baseline must be scored on the test rows, in their order")

    @property
    def training_entropy(self) -> float:
        """The training loss, in nats, of knowing only the labels' shares: their entropy, under the loss's own weights."""
        if self.has_balanced_weights:
            return math.log(len(self.label_set))
        total = sum(self.train_label_counts.values())
        return prior_entropy(count / total for count in self.train_label_counts.values()) if total else 0.0

    @property
    def chosen_epoch(self) -> EpochRecord | None:
        """The epoch whose model is kept."""
        return None if self.best_epoch is None else self.history.epochs[self.best_epoch - 1]


def gain(evaluation: Evaluation) -> float:
    """How far balanced accuracy is from chance (0) to perfect (1); below 0 where it is worse than chance.

    Chance is one over the labels that truly occur in these rows.
    """
    occurring = sum(share > 0 for share in evaluation.true_share.values())
    return gain_over_chance(evaluation.scores["balanced_accuracy"].value, num_labels=occurring)
