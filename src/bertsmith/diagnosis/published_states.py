"""What each row of a published table shows by itself: collapsed, diverged, at chance, and how far from chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bertsmith.diagnosis.averaging import (
    CHANCE_BAND,
    Averaging,
    is_macro_of_one_label,
    positive_share,
    tolerance_of,
)
from bertsmith.diagnosis.foreign_run import ForeignEpoch, ForeignRun
from bertsmith.diagnosis.implied_counts import PrintedScores
from bertsmith.diagnosis.verdict import BARELY
from bertsmith.evaluation.metrics import gain_over_chance
from bertsmith.training.signs import FAR_FROM_PRIOR, is_collapsed

FAR_FROM_ANY_PRIOR = 10.0
"""Nats that have left the prior's loss by far, however many labels there are: 2 ln 150."""


@dataclass(frozen=True)
class EpochState:
    """What a printed row shows."""

    epoch: ForeignEpoch
    state: str
    """`collapsed`, `diverged`, `at chance`, or empty."""
    gain: float | None
    """How far balanced accuracy is from chance (0) to perfect (1); None where the figures do not tell. Where the number of
    labels is unknown it is taken for 2, and where the scores may be of one label or means, for what is worse: then the gain
    is at least this."""


def balanced_accuracy(epoch: ForeignEpoch, *, averaging: Averaging) -> float | None:
    """Balanced accuracy from printed figures; None where they do not tell.

    The macro recall is it. Of one label of two: the share of its rows follows from accuracy, precision and recall, and
    with it the recall of the other label. Weighted averages do not tell it. Where it may be either, the lower one.
    """
    if epoch.balanced_accuracy is not None:
        return epoch.balanced_accuracy
    if epoch.accuracy == 1:
        return 1.0
    if averaging == "macro":
        return epoch.recall
    if averaging == "one label or macro":
        readings = [balanced_accuracy(epoch, averaging=reading) for reading in ("one label", "macro")]
        return None if None in readings else min(reading for reading in readings if reading is not None)
    if averaging != "one label" or epoch.recall is None:
        return None
    share = _share_of(epoch)
    if share is None or epoch.accuracy is None:
        return 0.5 if epoch.recall == 0 and not epoch.precision else None
    other = (epoch.accuracy - share * epoch.recall) / (1 - share)
    return (epoch.recall + min(1.0, max(0.0, other))) / 2


def _share_of(epoch: ForeignEpoch) -> float | None:
    """The share of the rows that truly have the label that the scores are of; None where nothing tells."""
    if epoch.accuracy is None or epoch.precision is None or epoch.recall is None:
        return None
    return positive_share(accuracy=epoch.accuracy, precision=epoch.precision, recall=epoch.recall)


def state_of(
    run: ForeignRun, epoch: ForeignEpoch, *, averaging: Averaging, num_labels: int | None
) -> EpochState:
    """What one row shows."""
    balanced = balanced_accuracy(epoch, averaging=averaging)
    gain = None if balanced is None else gain_over_chance(balanced, num_labels=num_labels or 2)
    if any(
        value is not None and not math.isfinite(value) for value in (epoch.validation_loss, epoch.train_loss)
    ):
        return EpochState(epoch, "diverged", gain)
    if has_left_prior(epoch, num_labels=num_labels) and not run.is_regression and (gain or 0.0) < BARELY:
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


def has_left_prior(epoch: ForeignEpoch, *, num_labels: int | None) -> bool:
    """Whether every loss of the row is far above that of saying the label shares.

    Trap: trainers have logged sums over micro-batches as the training loss, so the validation loss must say the same.
    """
    losses = [loss for loss in (epoch.train_loss, epoch.validation_loss) if loss is not None]
    entropy = math.log(num_labels) if num_labels else None
    far = FAR_FROM_ANY_PRIOR if entropy is None else max(FAR_FROM_PRIOR * entropy, entropy + FAR_FROM_PRIOR)
    return bool(losses) and min(losses) > far


def _gives_one_label(epoch: ForeignEpoch, *, averaging: Averaging, tolerance: float) -> bool:
    """Whether the figures are those of giving (nearly) every row one label."""
    if epoch.f1 == 0 or (epoch.recall == 0 and (not epoch.f1 or epoch.precision == 0)):
        return True
    accuracy, precision, recall = epoch.accuracy, epoch.precision, epoch.recall
    # Trap: of a model that is hardly ever wrong, rounded figures cannot tell.
    if accuracy is None or precision is None or recall is None or 1 - accuracy <= 10 * tolerance:
        return False
    if averaging == "weighted":
        return abs(precision - accuracy**2) <= tolerance
    if averaging == "macro":
        printed = PrintedScores(accuracy, precision, recall, epoch.f1 or 0.0)
        return is_macro_of_one_label(printed, tolerance=tolerance)
    if recall >= 1 - tolerance and abs(precision - accuracy) <= tolerance:
        return True
    share = _share_of(epoch)
    if averaging not in ("one label", "one label or macro") or share is None:
        return False
    called = share * recall / precision
    return is_collapsed({"it": called, "not it": 1 - called}, {"it": share, "not it": 1 - share})


def is_finite(value: float | None) -> bool:
    """Whether the figure is there and a number."""
    return value is not None and math.isfinite(value)
