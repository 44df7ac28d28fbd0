from __future__ import annotations

import math

import pytest

from bertsmith.config import TrainingConfig
from bertsmith.training.history import EpochRecord
from bertsmith.training.selection import best_epoch_index, should_stop


def epoch(
    f1: float = 0.5,
    *,
    validation_loss: float = 0.6,
    train_loss: float = 0.6,
    collapsed: bool = False,
    **others: float,
) -> EpochRecord:
    scores = {"accuracy": 0.5, "precision": 0.5, "recall": 0.5, "macro_f1": f1} | others
    return EpochRecord(
        epoch=1.0,
        step=1,
        train_loss=train_loss,
        validation_loss=validation_loss,
        f1=f1,
        predicted_share={"a": 0.5, "b": 0.5},
        collapsed=collapsed,
        **scores,
    )


# The published run: epochs 2 and 3 call every row positive, and their F1 is the highest of all.
PUBLISHED = [
    epoch(0.6018, accuracy=0.5365, validation_loss=0.6956),
    epoch(0.6667, accuracy=0.5, validation_loss=0.6986, collapsed=True),
    epoch(0.6667, accuracy=0.5, validation_loss=0.6983, collapsed=True),
    epoch(0.5235, accuracy=0.5636, validation_loss=0.6830),
    epoch(0.6088, accuracy=0.5914, validation_loss=0.6806),
]


@pytest.mark.parametrize("select_by", ["f1", "accuracy", "macro_f1", "loss"])
def test_of_the_published_run_the_last_epoch_is_best(select_by: str) -> None:
    assert best_epoch_index(PUBLISHED, select_by=select_by) == 4


def test_a_collapsed_epoch_is_never_best_though_its_score_is_highest() -> None:
    assert best_epoch_index([epoch(0.9, collapsed=True), epoch(0.1)], select_by="f1") == 1


def test_where_every_epoch_is_collapsed_none_is_best() -> None:
    assert best_epoch_index([epoch(collapsed=True)] * 3, select_by="f1") is None


def test_of_no_epochs_none_is_best() -> None:
    assert best_epoch_index([], select_by="f1") is None


@pytest.mark.parametrize("field", ["validation_loss", "train_loss"])
def test_an_epoch_whose_loss_is_not_finite_is_never_best(field: str) -> None:
    assert best_epoch_index([epoch(0.9, **{field: math.nan}), epoch(0.1)], select_by="f1") == 1


def test_the_score_that_was_asked_for_decides() -> None:
    epochs = [epoch(0.4, accuracy=0.9), epoch(0.9, accuracy=0.4)]

    assert [best_epoch_index(epochs, select_by=name) for name in ("accuracy", "f1")] == [0, 1]


def test_of_equal_scores_the_lower_validation_loss_is_best() -> None:
    assert best_epoch_index([epoch(validation_loss=0.6), epoch(validation_loss=0.5)], select_by="f1") == 1


def test_of_equal_epochs_the_earliest_is_best() -> None:
    assert best_epoch_index([epoch(0.4), epoch(), epoch()], select_by="f1") == 1


def test_the_lowest_validation_loss_is_best_by_loss() -> None:
    epochs = [epoch(0.9, validation_loss=0.7), epoch(0.1, validation_loss=0.5), epoch(validation_loss=0.6)]

    assert best_epoch_index(epochs, select_by="loss") == 1


def recipe(patience: int | None) -> TrainingConfig:
    return TrainingConfig(patience=patience, select_by="f1")


@pytest.mark.parametrize(
    ("f1", "stops"),
    [
        ([], False),
        ([0.7], False),
        ([0.7, 0.6], False),
        ([0.7, 0.6, 0.6], True),
        ([0.7, 0.6, 0.8], False),
        ([0.5, 0.7, 0.6, 0.7], True),  # equal is not better
    ],
)
def test_a_run_stops_after_two_epochs_without_a_better_one(*, f1: list[float], stops: bool) -> None:
    assert should_stop([epoch(value) for value in f1], recipe=recipe(2)) is stops


def test_without_patience_a_run_never_stops() -> None:
    assert not should_stop([epoch(0.9), *[epoch(0.1)] * 50], recipe=recipe(None))


def test_collapsed_epochs_are_no_better_ones() -> None:
    assert should_stop([epoch(0.5), epoch(0.6667, collapsed=True)], recipe=recipe(1))


def test_before_the_first_epoch_that_is_not_collapsed_a_run_goes_on() -> None:
    assert not should_stop([epoch(collapsed=True)] * 3, recipe=recipe(1))
