"""The table of several folds, where some of them failed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.diagnosis.test_verdict import epoch, history

from bertsmith.cross_validation import mean_history
from bertsmith.folds import Fold
from bertsmith.training.history import Divergence

DIVERGED = Divergence(step=3, learning_rate=5.0, what="training loss", value=float("nan"))


def fold(*accuracies: float, best: int | None = 0) -> Fold:
    """A fold with so many epochs; `best` is None where it failed."""
    nothing = np.zeros((1, 2))
    records = [epoch(number, accuracy=value) for number, value in enumerate(accuracies, start=1)]
    told = history(records, divergence=None if best is not None else DIVERGED)
    logits = nothing.astype(np.float32)
    return Fold(told, (), best, logits, logits, nothing, nothing, 1)


def test_a_fold_that_failed_at_once_does_not_empty_the_table():
    mean = mean_history([fold(0.7, 0.8), fold(best=None), fold(0.9, 1.0)])

    assert [record.accuracy for record in mean.epochs] == [0.8, 0.9]
    assert mean.divergence is None


def test_a_fold_that_ended_early_ends_the_table():
    assert len(mean_history([fold(0.7, 0.8, 0.9), fold(0.7, 0.8)]).epochs) == 2


def test_where_every_fold_diverged_the_table_says_so():
    assert mean_history([fold(best=None), fold(best=None)]).divergence == DIVERGED


def test_an_epoch_is_collapsed_where_it_is_in_most_folds():
    healthy, gone = fold(0.8), fold(0.5)
    gone = replace(gone, history=replace(gone.history, epochs=(epoch(1, positive=1.0),)))

    assert [
        mean_history(folds).epochs[0].collapsed for folds in ([healthy, gone, gone], [healthy, healthy, gone])
    ] == [
        True,
        False,
    ]


def test_the_share_of_a_label_is_the_mean_over_the_folds():
    folds = [
        replace(fold(0.8), history=history([epoch(1, positive=share)], divergence=None))
        for share in (0.2, 0.6)
    ]

    assert mean_history(folds).epochs[0].predicted_share["positive"] == pytest.approx(0.4)
