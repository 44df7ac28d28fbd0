"""Can the probabilities be believed? Temperature, reliability, and the decision threshold, all fitted on validation rows.

Source of the temperature: Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks".
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsmith.errors import ConfigError
from bertsmith.evaluation.metrics import FloatArray, IntArray, log_probabilities, mean_loss

FEWEST_ROWS = 100
"""Validation rows below which a temperature is not fitted: it would be noise."""
LOWEST, HIGHEST = 0.25, 10.0
"""Bounds of the temperature."""
BINS = 15
"""Bins of equal mass for the calibration error."""


CURVE_POINTS = 99
"""Thresholds of the curve: 0.01, 0.02, … 0.99."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose predictions are about equally sure."""

    rows: int
    confidence: float
    """Mean probability of their predictions, in [0, 1]."""
    accuracy: float
    """Share of them that is right, in [0, 1]."""


@dataclass(frozen=True)
class ThresholdPoint:
    """What a decision threshold would give on some rows."""

    threshold: float
    """From this probability on the positive label is predicted."""
    precision: float
    """In [0, 1]; 1 where nothing is predicted."""
    recall: float
    f1: float


@dataclass(frozen=True)
class Reliability:
    """How far probabilities can be believed on some rows."""

    calibration_error: float
    """Mean distance of confidence and accuracy over 15 bins of equal mass, in [0, 1]."""
    brier: float
    """Mean squared distance of the probabilities from the truth, summed over labels, in [0, 2]."""
    log_loss: float
    """Mean cross-entropy in nats per row."""
    bins: tuple[ReliabilityBin, ...] = ()
    """The bins of the calibration error, least sure first."""


@dataclass(frozen=True)
class Calibration:
    """The temperature that the saved model's last layer was divided by, and what it did."""

    temperature: float
    reason: str | None
    """Why the temperature is 1, where it was not fitted; None where it was."""
    validation_before: Reliability
    validation_after: Reliability
    test_before: Reliability
    test_after: Reliability
    threshold_curve: tuple[ThresholdPoint, ...] = ()
    """Of the positive label on the validation rows, as saved; empty where there is none."""

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Threshold:
    """From which probability of the positive label on it is predicted."""

    label: str
    value: float
    """In (0, 1)."""
    chosen_by: str
    """`f1`, `youden` or `cost=FN:FP`, on the validation rows."""

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        return asdict(self)


def fit_temperature(logits: FloatArray, label_ids: IntArray) -> float:
    """The temperature, in [0.25, 10], whose division of the logits gives the least loss on these rows.

    Args:
        logits: shape (rows, labels), finite.
        label_ids: the true label of each row, shape (rows,).
    """
    from scipy.optimize import minimize_scalar

    logits = np.asarray(logits, dtype=np.float64)
    found = minimize_scalar(
        lambda log_temperature: mean_loss(logits / math.exp(log_temperature), label_ids),
        bounds=(math.log(LOWEST), math.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(math.exp(found.x))


def reliability(logits: FloatArray, label_ids: IntArray) -> Reliability:
    """Calibration error, Brier score and log loss of these rows.

    Args:
        logits: logits or log-probabilities, shape (rows, labels).
        label_ids: the true label of each row, shape (rows,).
    """
    probabilities = np.exp(log_probabilities(logits))
    truth = np.eye(probabilities.shape[1])[np.asarray(label_ids)]
    return Reliability(
        calibration_error=calibration_error(probabilities, label_ids),
        brier=float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        log_loss=mean_loss(logits, label_ids),
        bins=reliability_bins(probabilities, label_ids),
    )


def calibration_error(probabilities: FloatArray, label_ids: IntArray, *, bins: int = BINS) -> float:
    """Expected calibration error of the predicted label's probability over bins of equal mass, in [0, 1]."""
    parts = reliability_bins(probabilities, label_ids, bins=bins)
    gaps = [part.rows * abs(part.confidence - part.accuracy) for part in parts]
    return float(sum(gaps) / len(label_ids))


def reliability_bins(
    probabilities: FloatArray, label_ids: IntArray, *, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """The rows in bins of equal mass by the predicted label's probability, least sure first.

    Args:
        probabilities: shape (rows, labels).
        label_ids: the true label of each row, shape (rows,).
        bins: how many at most.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == np.asarray(label_ids)
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    return tuple(
        ReliabilityBin(len(part), float(confidence[part].mean()), float(right[part].mean())) for part in parts
    )


def threshold_curve(positive: FloatArray, truly: NDArray[np.bool_]) -> tuple[ThresholdPoint, ...]:
    """Precision, recall and F1 of the positive label at `CURVE_POINTS` thresholds.

    Args:
        positive: probability of the positive label, shape (rows,).
        truly: whether each row has it, shape (rows,).
    """
    points = []
    for threshold in np.arange(1, CURVE_POINTS + 1) / (CURVE_POINTS + 1):
        called = positive >= threshold
        hits, told, given = int((called & truly).sum()), int(called.sum()), int(truly.sum())
        precision = hits / told if told else 1.0
        points.append(
            ThresholdPoint(float(threshold), precision, hits / max(1, given), 2 * hits / max(1, told + given))
        )
    return tuple(points)


def parse_cost(rule: str) -> tuple[float, float] | None:
    """(cost of a missed positive, cost of a false one) of `cost=5:1`; None for `f1` and `youden`.

    Raises:
        ConfigError: none of these.
    """
    if rule in ("f1", "youden"):
        return None
    missed, _, false = rule.removeprefix("cost=").partition(":")
    try:
        costs = float(missed), float(false)
    except ValueError:
        costs = 0.0, 0.0
    if not rule.startswith("cost=") or min(costs) <= 0 or not all(map(math.isfinite, costs)):
        raise ConfigError(
            [f"--threshold {rule}: expected f1, youden, or cost=MISSED:FALSE such as cost=5:1."]
        )
    return costs


def choose_threshold(positive: FloatArray, truly: NDArray[np.bool_], *, rule: str) -> float:
    """The threshold on the positive label's probability that is best on these rows, half way between two rows.

    Args:
        positive: probability of the positive label, shape (rows,).
        truly: whether each row has it, shape (rows,).
        rule: `f1`, `youden` (recall of both labels), or `cost=MISSED:FALSE`.

    Raises:
        ConfigError: another rule.
    """
    costs = parse_cost(rule)
    order = np.argsort(-positive, kind="stable")
    hits = np.concatenate([[0], np.cumsum(truly[order])])
    called = np.arange(len(order) + 1)
    false, missed = called - hits, hits[-1] - hits
    negatives = max(1, len(order) - int(hits[-1]))
    if costs is not None:
        merit = -(costs[0] * missed + costs[1] * false)
    elif rule == "f1":
        merit = 2 * hits / np.maximum(1, hits[-1] + called)
    else:
        merit = hits / max(1, int(hits[-1])) - false / negatives
    ranked = np.concatenate([[1.0], positive[order], [0.0]])
    # A cut between equal probabilities cannot be made.
    possible = ranked[:-1] > ranked[1:]
    merit = np.where(possible, merit, -np.inf)
    cut = int(merit.argmax())
    return float((ranked[cut] + ranked[cut + 1]) / 2)
