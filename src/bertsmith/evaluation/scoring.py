"""Logits and true labels to an Evaluation: every score with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.example import LabelSet
from bertsmith.evaluation import metrics
from bertsmith.evaluation.intervals import Metric, Score, drawn_scores, f1_score, loss_score, share_score
from bertsmith.evaluation.metrics import FloatArray, IntArray

__all__ = ["Evaluation", "LabelScore", "PointScores", "Score", "evaluate", "point_scores"]

MATRIX_METRICS: dict[str, Metric] = {
    "macro_f1": metrics.macro_f1,
    "balanced_accuracy": metrics.balanced_accuracy,
    "mcc": metrics.matthews_correlation,
}
MACRO_METRICS: dict[str, Metric] = {
    "f1": metrics.macro_f1,
    "precision": metrics.macro_precision,
    "recall": metrics.macro_recall,
}
METRIC_ORDER = ("loss", "f1", "accuracy", "precision", "recall", "macro_f1", "balanced_accuracy", "mcc")


@dataclass(frozen=True)
class LabelScore:
    """How one label fares."""

    label: str
    rows: int
    """Rows that truly have it."""
    precision: Score
    recall: Score
    f1: Score

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        scores = {name: getattr(self, name).to_json() for name in ("precision", "recall", "f1")}
        return {"label": self.label, "rows": self.rows} | scores


@dataclass(frozen=True)
class Evaluation:
    """How predictions compare with the truth on some rows."""

    rows: int
    scores: dict[str, Score]
    """By name: loss (nats per row), f1, accuracy, precision, recall, macro_f1, balanced_accuracy, mcc."""
    confusion: tuple[tuple[int, ...], ...]
    """True labels as rows, predicted ones as columns, both in id order."""
    per_label: tuple[LabelScore, ...]
    """In id order."""
    predicted_share: dict[str, float]
    """Share of the rows predicted as each label, in [0, 1]."""
    true_share: dict[str, float]
    """Share of the rows that truly have each label, in [0, 1]."""
    positive_label: str | None
    """The label that f1, precision and recall are of; None where they are macro averages."""

    def to_json(self) -> dict[str, Any]:
        """The metrics by name beside the other fields, as plain JSON values; an infinite bound is null."""
        scores: dict[str, Any] = {name: score.to_json() for name, score in self.scores.items()}
        loss = scores.get("loss")
        if loss is not None and not math.isfinite(loss["high"]):
            loss["high"] = None
        return {
            "rows": self.rows,
            **scores,
            "confusion": [list(row) for row in self.confusion],
            "per_label": [score.to_json() for score in self.per_label],
            "predicted_share": dict(self.predicted_share),
            "true_share": dict(self.true_share),
            "positive_label": self.positive_label,
        }


@dataclass(frozen=True)
class PointScores:
    """The scores that choose an epoch, without intervals. All but the loss are in [0, 1]."""

    loss: float
    """Mean cross-entropy in nats per row."""
    f1: float
    accuracy: float
    precision: float
    recall: float
    macro_f1: float
    predicted_share: dict[str, float]
    true_share: dict[str, float]
    information: float
    """How much of the labels' entropy the predictions could tell, in [0, 1]."""


def evaluate(
    logits: FloatArray,
    label_ids: IntArray,
    *,
    label_set: LabelSet,
    positive_id: int | None,
    groups: IntArray | None = None,
    predicted_ids: IntArray | None = None,
) -> Evaluation:
    """Every score of these rows with its 95 % interval.

    Args:
        logits: logits or log-probabilities, shape (rows, labels), finite.
        label_ids: the true label of each row, shape (rows,).
        label_set: the names of the labels.
        positive_id: the label that f1, precision and recall are of; None: macro averages.
        groups: rows with the same number are duplicates of each other, shape (rows,); None: no duplicates.
        predicted_ids: what is predicted, shape (rows,); by default the most probable label.

    Raises:
        ValueError: no rows, shapes that do not fit, a label id out of range, or a logit that is not finite.
    """
    logits, label_ids = _checked(logits, label_ids, label_set=label_set)
    if groups is not None and np.shape(groups) != label_ids.shape:
        raise ValueError(f"{label_ids.shape} labels need groups of that shape, not {np.shape(groups)}")
    said = logits.argmax(axis=1) if predicted_ids is None else np.asarray(predicted_ids, np.int64)
    num_labels = len(label_set)
    right = said == label_ids
    per_label = tuple(
        _label_score(name, truly=label_ids == index, predicted=said == index, groups=groups)
        for index, name in enumerate(label_set.names)
    )
    drawn_metrics = MATRIX_METRICS if positive_id is not None else MATRIX_METRICS | MACRO_METRICS
    scores = drawn_scores(drawn_metrics, label_ids, said, num_labels=num_labels, groups=groups)
    scores["loss"] = loss_score(metrics.row_losses(logits, label_ids), groups=groups)
    scores["accuracy"] = share_score(right, among=np.ones(len(right), dtype=np.bool_), groups=groups)
    if positive_id is not None:
        positive = per_label[positive_id]
        scores |= {"f1": positive.f1, "precision": positive.precision, "recall": positive.recall}
    confusion = metrics.confusion_matrix(label_ids, said, num_labels=num_labels)
    return Evaluation(
        rows=len(label_ids),
        scores={name: scores[name] for name in METRIC_ORDER},
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        per_label=per_label,
        predicted_share=_shares(said, label_set),
        true_share=_shares(label_ids, label_set),
        positive_label=None if positive_id is None else label_set.names[positive_id],
    )


def point_scores(
    logits: FloatArray, label_ids: IntArray, *, label_set: LabelSet, positive_id: int | None
) -> PointScores:
    """The same values as `evaluate` gives, without intervals: cheap enough for every epoch.

    Args:
        logits: logits or log-probabilities, shape (rows, labels), finite.
        label_ids: the true label of each row, shape (rows,).
        label_set: the names of the labels.
        positive_id: the label that f1, precision and recall are of; None: macro averages.

    Raises:
        ValueError: no rows, shapes that do not fit, a label id out of range, or a logit that is not finite.
    """
    logits, label_ids = _checked(logits, label_ids, label_set=label_set)
    predicted_ids = logits.argmax(axis=1)
    confusion = metrics.confusion_matrix(label_ids, predicted_ids, num_labels=len(label_set))
    if positive_id is None:
        chosen = {name: float(metric(confusion)) for name, metric in MACRO_METRICS.items()}
    else:
        of_label = {
            "f1": metrics.label_f1,
            "precision": metrics.label_precision,
            "recall": metrics.label_recall,
        }
        chosen = {name: float(metric(confusion)[positive_id]) for name, metric in of_label.items()}
    return PointScores(
        loss=metrics.mean_loss(logits, label_ids),
        accuracy=float(metrics.accuracy(confusion)),
        macro_f1=float(metrics.macro_f1(confusion)),
        predicted_share=_shares(predicted_ids, label_set),
        true_share=_shares(label_ids, label_set),
        information=metrics.information(logits, label_ids),
        **chosen,
    )


def _checked(
    logits: FloatArray, label_ids: IntArray, *, label_set: LabelSet
) -> tuple[FloatArray, NDArray[np.int64]]:
    """The arrays as float64 and int64, once they fit each other."""
    logits, ids = np.asarray(logits, dtype=np.float64), np.asarray(label_ids, dtype=np.int64)
    if len(ids) == 0:
        raise ValueError("there are no rows to evaluate")
    if ids.ndim != 1 or logits.shape != (len(ids), len(label_set)):
        raise ValueError(
            f"logits of shape {logits.shape} do not fit {ids.shape} labels of {len(label_set)} kinds"
        )
    if ids.min() < 0 or ids.max() >= len(label_set):
        raise ValueError(f"label ids run from {ids.min()} to {ids.max()}; there are {len(label_set)} labels")
    if not np.isfinite(logits).all():
        bad = int((~np.isfinite(logits)).any(axis=1).sum())
        raise ValueError(f"{bad} of {len(ids)} rows have logits that are not finite")
    return logits, ids


def _label_score(
    label: str, *, truly: NDArray[np.bool_], predicted: NDArray[np.bool_], groups: IntArray | None
) -> LabelScore:
    """Precision, recall and F1 of one label, from which rows have it and which were given it."""
    return LabelScore(
        label=label,
        rows=int(truly.sum()),
        precision=share_score(truly, among=predicted, groups=groups),
        recall=share_score(predicted, among=truly, groups=groups),
        f1=f1_score(truly, predicted, groups=groups),
    )


def _shares(ids: NDArray[np.int64], label_set: LabelSet) -> dict[str, float]:
    """The share of each label by name."""
    shares = metrics.label_shares(ids, num_labels=len(label_set))
    return {name: float(share) for name, share in zip(label_set.names, shares, strict=True)}
