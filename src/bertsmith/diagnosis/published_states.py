"""What each row of a published table shows by itself: collapsed, diverged, at chance, and how far from chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bertsmith.diagnosis.foreign import ForeignEpoch, ForeignRun
from bertsmith.diagnosis.implied_counts import PrintedScores, is_one_label

CLOSE = 0.002
"""Printed scores that differ by less say the same."""
CHANCE_BAND = 0.02
"""A loss within this share of ln K is at chance."""
MOST_LABELS = 20
"""Numbers of labels whose ln K is recognised in a loss."""
FULL_DECIMALS = 12
"""Scores that are in full are taken as printed with this many digits."""


@dataclass(frozen=True)
class EpochState:
    """What a printed row shows."""

    epoch: ForeignEpoch
    state: str
    """`collapsed`, `diverged`, `at chance`, or empty."""
    gain: float | None
    """How far balanced accuracy is from chance (0) to perfect (1); None where the figures do not tell."""


def number_of_labels(run: ForeignRun) -> int | None:
    """How many labels there are, where a loss at ln K, or F1 of one label, tells; else None."""
    if run.num_labels is not None:
        return run.num_labels
    losses = [epoch.validation_loss for epoch in run.epochs if is_finite(epoch.validation_loss)]
    accuracies = [epoch.accuracy for epoch in run.epochs if epoch.accuracy is not None]
    if not run.f1_is_macro and any(printed_scores(epoch) is not None for epoch in run.epochs):
        decimals = run.decimals or FULL_DECIMALS
        if all(is_one_label(printed, decimals=min(decimals, 4)) for printed in all_printed_scores(run)):
            return 2
    for count in range(2, MOST_LABELS + 1):
        near = [
            loss
            for loss in losses
            if loss is not None and abs(loss - math.log(count)) <= CHANCE_BAND * math.log(count)
        ]
        if len(near) * 2 > len(losses) and (
            not accuracies or abs(sorted(accuracies)[len(accuracies) // 2] - 1 / count) < 0.1
        ):
            return count
    return None


def balanced_accuracy(epoch: ForeignEpoch, *, num_labels: int | None, f1_is_macro: bool) -> float | None:
    """Balanced accuracy from printed figures; None where they do not tell.

    Two labels: the share of positive rows follows from accuracy, precision and recall, and with it the recall of the
    other label. More labels: the macro recall is it.
    """
    accuracy, precision, recall = epoch.accuracy, epoch.precision, epoch.recall
    if recall is None:
        return None
    if num_labels != 2 or f1_is_macro:
        return recall
    if accuracy is None or precision is None or precision == 0:
        return 0.5 if recall == 0 else None
    denominator = 1 - 2 * recall + recall / precision
    if abs(denominator) < 1e-6:
        return None
    share = (1 - accuracy) / denominator
    if not 0 < share < 1:
        return None
    other = (accuracy - share * recall) / (1 - share)
    return (recall + min(1.0, max(0.0, other))) / 2


def state_of(run: ForeignRun, epoch: ForeignEpoch, *, num_labels: int | None) -> EpochState:
    """What one row shows."""
    balanced = balanced_accuracy(epoch, num_labels=num_labels, f1_is_macro=run.f1_is_macro)
    chance = 1 / (num_labels or 2)
    gain = None if balanced is None else (balanced - chance) / (1 - chance)
    if any(
        value is not None and not math.isfinite(value) for value in (epoch.validation_loss, epoch.train_loss)
    ):
        return EpochState(epoch, "diverged", gain)
    if _is_one_class(epoch, num_labels=num_labels, is_macro=run.f1_is_macro):
        return EpochState(epoch, "collapsed", gain)
    loss = epoch.validation_loss
    if (
        loss is not None
        and num_labels
        and abs(loss - math.log(num_labels)) <= CHANCE_BAND * math.log(num_labels)
    ):
        return EpochState(epoch, "at chance", gain)
    return EpochState(epoch, "", gain)


def _is_one_class(epoch: ForeignEpoch, *, num_labels: int | None, is_macro: bool) -> bool:
    """Whether the figures are those of giving every row one label."""
    accuracy, precision, recall, f1 = epoch.accuracy, epoch.precision, epoch.recall, epoch.f1
    if recall == 0 and not f1:
        return True
    if recall is not None and accuracy is not None and precision is not None:
        everything_positive = recall >= 1 - CLOSE and abs(precision - accuracy) < CLOSE
        count = round(1 / recall) if recall > 0 else 0
        macro_of_one = (num_labels != 2 or is_macro) and count >= 2 and abs(recall - 1 / count) < CLOSE
        return everything_positive or (macro_of_one and abs(precision - accuracy / count) < CLOSE)
    return f1 == 0


def printed_scores(epoch: ForeignEpoch) -> PrintedScores | None:
    """The four scores of a row; None where one of them is not there."""
    figures = (epoch.accuracy, epoch.precision, epoch.recall, epoch.f1)
    accuracy, precision, recall, f1 = figures
    if accuracy is None or precision is None or recall is None or f1 is None:
        return None
    return PrintedScores(accuracy, precision, recall, f1)


def all_printed_scores(run: ForeignRun) -> list[PrintedScores]:
    """Those of every row that has them all."""
    return [printed for epoch in run.epochs if (printed := printed_scores(epoch)) is not None]


def is_finite(value: float | None) -> bool:
    """Whether the figure is there and a number."""
    return value is not None and math.isfinite(value)
