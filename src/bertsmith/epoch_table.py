"""This file knows how an epoch is told as a row of the results table: the same on a screen, in a log and of anybody's run."""

from __future__ import annotations

from collections.abc import Sequence

from bertsmith.training.history import EpochRecord

COLUMNS = ("Training Loss", "Epoch", "Step", "Validation Loss", "F1", "Accuracy", "Precision", "Recall", "")
"""The published table's columns, and a last one for what must be said of an epoch."""
FAILED, DOUBTFUL, BEST = "red", "yellow", "bold"
"""Styles of rows; each stands beside a word, as not every terminal has colours and not everybody sees them."""


def epoch_rows(
    epochs: Sequence[EpochRecord], *, best: int | None
) -> list[tuple[tuple[str, ...], str | None]]:
    """(cells, style) of each epoch; the best one and the collapsed ones have their word."""
    return [
        (epoch_cells(epoch, is_best=index == best), epoch_style(epoch, is_best=index == best))
        for index, epoch in enumerate(epochs)
    ]


def epoch_cells(epoch: EpochRecord, *, is_best: bool) -> tuple[str, ...]:
    """One row of the results table as text."""
    mark = "collapsed" if epoch.collapsed else "best" if is_best else ""
    numbers = (epoch.f1, epoch.accuracy, epoch.precision, epoch.recall)
    return (
        f"{epoch.train_loss:.4f}",
        f"{epoch.epoch:g}",
        str(epoch.step),
        f"{epoch.validation_loss:.4f}",
        *(f"{number:.4f}" for number in numbers),
        mark,
    )


def epoch_style(epoch: EpochRecord, *, is_best: bool) -> str | None:
    """A collapsed epoch is red, the best one bold."""
    return FAILED if epoch.collapsed else BEST if is_best else None


def table_caption(positive_label: str | None) -> str:
    """What stands below the table."""
    return f"Scores on the validation rows. {averaging_sentence(positive_label)}"


def averaging_sentence(positive_label: str | None) -> str:
    """What F1, precision and recall are of."""
    if positive_label is None:
        return "F1, precision and recall are macro averages over the labels."
    return f"F1, precision and recall are those of the label {positive_label!r}."
