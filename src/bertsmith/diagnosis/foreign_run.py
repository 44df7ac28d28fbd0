"""What a run of another tool tells of itself, as plain values, and the names that tools have for its figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

NAMES: dict[str, tuple[str, ...]] = {
    "train_loss": ("training loss", "train loss", "loss"),
    "epoch": ("epoch", "epochs"),
    "step": ("step", "steps"),
    "validation_loss": ("validation loss", "eval loss", "val loss", "valid loss", "dev loss", "test loss"),
    "f1": (
        "f1",
        "f1 score",
        "f1score",
        "f1 binary",
        "eval f1 score",
        "macro f1 score",
        "weighted f1 score",
        "eval f1 macro",
        "eval macro f1",
        "eval f1 weighted",
        "macro f1",
        "f1 macro",
        "eval f1",
        "f1 weighted",
        "weighted f1",
        "f1 micro",
    ),
    "accuracy": (
        "accuracy",
        "acc",
        "eval accuracy",
        "eval acc",
        "validation accuracy",
        "val accuracy",
        "val acc",
        "valid accuracy",
        "valid acc",
        "dev accuracy",
        "test accuracy",
    ),
    "precision": (
        "precision",
        "eval precision",
        "macro precision",
        "precision macro",
        "weighted precision",
        "precision weighted",
    ),
    "recall": ("recall", "eval recall", "macro recall", "recall macro", "weighted recall", "recall weighted"),
    "balanced_accuracy": ("balanced accuracy", "balanced acc", "bal acc", "eval balanced accuracy"),
}


@dataclass(frozen=True)
class ForeignEpoch:
    """One row of a published table; None is a figure that is not there."""

    epoch: float | None = None
    step: int | None = None
    train_loss: float | None = None
    validation_loss: float | None = None
    f1: float | None = None
    accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    balanced_accuracy: float | None = None


@dataclass(frozen=True)
class ForeignRun:
    """What a run of any tool tells of itself."""

    name: str
    epochs: tuple[ForeignEpoch, ...]
    decimals: int | None
    """Digits behind the point that the scores were printed with; None where they are in full."""
    is_regression: bool = False
    """Whether its figures are those of a regression."""
    f1_is_macro: bool = False
    """Whether its name says that F1 is a plain mean over the labels."""
    recall_is_macro: bool = False
    """Whether its name says that recall, and with it precision, is a plain mean over the labels."""
    num_labels: int | None = None
    """Where the run itself says it."""
    own_verdict: tuple[str, str, tuple[str, ...]] | None = None
    """Outcome, sentence and reasons of a run of ours, which saw more than its table."""
    loss_became_nan: bool = False
    """Whether the training loss or a gradient norm was logged as NaN, or as the 0.0 that stands for it."""


def column_of(name: str) -> str | None:
    """Our name of a column; None for one that we do not use."""
    folded = fold(name)
    return next((ours for ours, theirs in NAMES.items() if folded in theirs), None)


def fold(name: str) -> str:
    """A column's name without case, marks and underscores."""
    return re.sub(r"[\s_:*`-]+", " ", name).strip().lower()


def columns_of(names: Sequence[str]) -> list[str | None]:
    """Our name of each column, each of ours once: of several F1 the one that is averaged as recall is, else the first."""
    columns = [column_of(name) for name in names]
    for ours in set(columns) - {None}:
        places = [place for place, column in enumerate(columns) if column == ours]
        wanted = averaging_word(names, "recall")
        alike = [place for place in places if _averaging_word(names[place]) == wanted]
        kept = alike[0] if ours == "f1" and alike else places[0]
        for place in places:
            columns[place] = ours if place == kept else None
    return columns


def averaging_word(names: Sequence[str], ours: str) -> str:
    """`macro`, `weighted` or `micro` where the first column of this kind says so; else empty."""
    return next((_averaging_word(name) for name in names if column_of(name) == ours), "")


def _averaging_word(name: str) -> str:
    words = fold(name).split()
    return next((word for word in ("macro", "weighted", "micro") if word in words), "")
