"""What each row of a published table shows by itself: collapsed, diverged, at chance, and how far from chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bertsmith.diagnosis.foreign_run import ForeignEpoch, ForeignRun
from bertsmith.diagnosis.implied_counts import PrintedScores, is_one_label
from bertsmith.training.signs import is_collapsed

Averaging = Literal["one label", "macro", "weighted", "unknown"]
"""What F1, precision and recall are of: the positive label of two, or means over labels, plain or by their rows."""
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


def averaging_of(run: ForeignRun) -> Averaging:
    """What F1, precision and recall are of, by the columns' names and the figures.

    Traps: weighted recall is accuracy, whatever the labels, and says nothing of balanced accuracy. Averages over a model
    that gives every row one label fulfil F1 = 2PR/(P+R), as the scores of one label do.
    """
    if run.f1_is_macro:
        return "macro"
    tolerance = tolerance_of(run)
    both = [
        (epoch.recall, epoch.accuracy)
        for epoch in run.epochs
        if epoch.recall is not None and epoch.accuracy is not None
    ]
    if both and all(math.isclose(recall, accuracy, abs_tol=1e-9) for recall, accuracy in both):
        return "weighted"
    printed = all_printed_scores(run)
    if not printed:
        return "unknown"
    if all(_is_macro_of_one_label(scores, tolerance=tolerance) for scores in printed):
        return "macro"
    decimals = min(run.decimals or FULL_DECIMALS, 4)
    return "one label" if all(is_one_label(scores, decimals=decimals) for scores in printed) else "macro"


def tolerance_of(run: ForeignRun) -> float:
    """Printed scores that differ by no more than this, one unit of the last digit, say the same."""
    return 10.0 ** -(run.decimals or FULL_DECIMALS) * (1 + 1e-9)


def number_of_labels(run: ForeignRun) -> int | None:
    """How many labels there are, where a loss at ln K, or F1 of one label, tells; else None."""
    if run.num_labels is not None:
        return run.num_labels
    if averaging_of(run) == "one label":
        return 2
    losses = [epoch.validation_loss for epoch in run.epochs if is_finite(epoch.validation_loss)]
    accuracies = [epoch.accuracy for epoch in run.epochs if epoch.accuracy is not None]
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


def balanced_accuracy(epoch: ForeignEpoch, *, averaging: Averaging) -> float | None:
    """Balanced accuracy from printed figures; None where they do not tell.

    The macro recall is it. Of one label of two: the share of its rows follows from accuracy, precision and recall, and
    with it the recall of the other label. Weighted averages do not tell it.
    """
    if epoch.balanced_accuracy is not None:
        return epoch.balanced_accuracy
    if averaging == "macro":
        return epoch.recall
    if averaging != "one label" or epoch.recall is None:
        return None
    share = positive_share(epoch)
    if share is None or epoch.accuracy is None:
        return 0.5 if epoch.recall == 0 and not epoch.precision else None
    other = (epoch.accuracy - share * epoch.recall) / (1 - share)
    return (epoch.recall + min(1.0, max(0.0, other))) / 2


def positive_share(epoch: ForeignEpoch) -> float | None:
    """The share of the rows that truly have the label that the scores are of, in (0, 1); None where nothing tells.

    From accuracy = πR + (1-π)S and P = πR / (πR + (1-π)(1-S)): π = (1 - accuracy) / (1 - 2R + R/P).
    """
    accuracy, precision, recall = epoch.accuracy, epoch.precision, epoch.recall
    if accuracy is None or not precision or recall is None:
        return None
    denominator = 1 - 2 * recall + recall / precision
    if abs(denominator) < 1e-6:
        return None
    share = (1 - accuracy) / denominator
    return share if 0 < share < 1 else None


def state_of(run: ForeignRun, epoch: ForeignEpoch, *, num_labels: int | None) -> EpochState:
    """What one row shows."""
    averaging = averaging_of(run)
    balanced = balanced_accuracy(epoch, averaging=averaging)
    chance = 1 / (num_labels or 2)
    gain = None if balanced is None else (balanced - chance) / (1 - chance)
    if any(
        value is not None and not math.isfinite(value) for value in (epoch.validation_loss, epoch.train_loss)
    ):
        return EpochState(epoch, "diverged", gain)
    if _gives_one_label(epoch, averaging=averaging, tolerance=tolerance_of(run)):
        return EpochState(epoch, "collapsed", gain)
    loss = epoch.validation_loss
    if (
        loss is not None
        and num_labels
        and abs(loss - math.log(num_labels)) <= CHANCE_BAND * math.log(num_labels)
    ):
        return EpochState(epoch, "at chance", gain)
    return EpochState(epoch, "", gain)


def _gives_one_label(epoch: ForeignEpoch, *, averaging: Averaging, tolerance: float) -> bool:
    """Whether the figures are those of giving (nearly) every row one label."""
    if epoch.f1 == 0 or (epoch.recall == 0 and not epoch.f1):
        return True
    accuracy, precision, recall = epoch.accuracy, epoch.precision, epoch.recall
    # Trap: of a model that is hardly ever wrong, rounded figures cannot tell.
    if accuracy is None or precision is None or recall is None or 1 - accuracy <= 10 * tolerance:
        return False
    if averaging == "weighted":
        return abs(precision - accuracy**2) <= tolerance
    if averaging == "macro":
        printed = PrintedScores(accuracy, precision, recall, epoch.f1 or 0.0)
        return _is_macro_of_one_label(printed, tolerance=tolerance)
    if recall >= 1 - tolerance and abs(precision - accuracy) <= tolerance:
        return True
    share = positive_share(epoch)
    if averaging != "one label" or share is None:
        return False
    called = share * recall / precision
    return is_collapsed({"it": called, "not it": 1 - called}, {"it": share, "not it": 1 - share})


def _is_macro_of_one_label(scores: PrintedScores, *, tolerance: float) -> bool:
    """Whether these are means over K labels of which only one is ever given: recall 1/K, precision accuracy/K."""
    count = round(1 / scores.recall) if scores.recall > 0 else 0
    return (
        count >= 2
        and abs(scores.recall - 1 / count) <= tolerance
        and abs(scores.precision - scores.accuracy / count) <= tolerance
    )


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
