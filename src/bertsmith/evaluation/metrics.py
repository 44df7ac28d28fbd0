"""Scores as pure functions of a confusion matrix, or of a stack of them, so that a bootstrap is one call.

A confusion matrix has true labels as rows and predicted labels as columns. All functions accept any number of
leading axes and score each matrix of the stack. A division by zero scores 0.0, as with
scikit-learn's `zero_division=0`.

Macro averages run over the labels that occur in the truth or in the predictions, as scikit-learn's default
does. With `labels=` all known labels scikit-learn counts a label that occurs in neither as 0.0: a perfect
model would score below 1 only because the rows lack a rare label, so that is not done here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.integer]
FloatArray = NDArray[np.float64]


def confusion_matrix(label_ids: IntArray, predicted_ids: IntArray, *, num_labels: int) -> NDArray[np.int64]:
    """How often each true label (row) was predicted as each label (column), shape (labels, labels)."""
    cells = np.asarray(label_ids, dtype=np.int64) * num_labels + np.asarray(predicted_ids, dtype=np.int64)
    return np.bincount(cells, minlength=num_labels * num_labels).reshape(num_labels, num_labels)


def accuracy(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """Share of the rows with the right label, in [0, 1]."""
    return divide(hits(confusion).sum(axis=-1), np.asarray(confusion).sum(axis=(-2, -1)))


def label_precision(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """For each label, the share of the rows given it that truly have it, shape (..., labels), in [0, 1]."""
    return divide(hits(confusion), np.asarray(confusion).sum(axis=-2))


def label_recall(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """For each label, the share of its rows that were given it, shape (..., labels), in [0, 1]."""
    return divide(hits(confusion), np.asarray(confusion).sum(axis=-1))


def label_f1(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """For each label, 2 TP / (2 TP + FP + FN), shape (..., labels), in [0, 1]."""
    confusion = np.asarray(confusion)
    return f1_of_counts(hits(confusion), true=confusion.sum(axis=-1), predicted=confusion.sum(axis=-2))


def f1_of_counts(hits: FloatArray, *, true: FloatArray, predicted: FloatArray) -> FloatArray:
    """F1 of each label from its right predictions, its true rows and its predicted rows."""
    return divide(2.0 * hits, np.asarray(true) + np.asarray(predicted))


def macro_precision(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """Mean precision over the labels that occur, in [0, 1]."""
    return mean_where(label_precision(confusion), occurring(confusion))


def macro_recall(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """Mean recall over the labels that occur, in [0, 1]. A label that is only predicted has recall 0."""
    return mean_where(label_recall(confusion), occurring(confusion))


def macro_f1(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """Mean F1 over the labels that occur, in [0, 1]."""
    return mean_where(label_f1(confusion), occurring(confusion))


def balanced_accuracy(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """Mean recall over the labels that truly occur, in [0, 1]; saying one label always gives 1 / labels."""
    return mean_where(label_recall(confusion), np.asarray(confusion).sum(axis=-1) > 0)


def gain_over_chance(balanced_accuracy: float, *, num_labels: int) -> float:
    """How far a balanced accuracy is from chance (0) to perfect (1); below 0 where it is worse than chance.

    Args:
        balanced_accuracy: in [0, 1].
        num_labels: labels that truly occur; chance is one over them, and at most ½.
    """
    chance = 1 / max(2, num_labels)
    return (balanced_accuracy - chance) / (1 - chance)


def matthews_correlation(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """Correlation of truth and prediction, in [-1, 1]; 0.0 where either is constant.

    Source: Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation coefficient".
    """
    # As floats: the products of counts overflow 64-bit integers for a few billion rows.
    counts = np.asarray(confusion, dtype=np.float64)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    rows = counts.sum(axis=(-2, -1))
    covariance = hits(counts).sum(axis=-1) * rows - (true * predicted).sum(axis=-1)
    true_variance = rows**2 - (true**2).sum(axis=-1)
    predicted_variance = rows**2 - (predicted**2).sum(axis=-1)
    return divide(covariance, np.sqrt(true_variance * predicted_variance))


def log_probabilities(logits: FloatArray) -> FloatArray:
    """Natural logarithm of the softmax over the last axis; log-probabilities come back unchanged."""
    logits = np.asarray(logits, dtype=np.float64)
    # The largest logit becomes 0, so that no exponential overflows.
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def row_losses(logits: FloatArray, label_ids: IntArray) -> FloatArray:
    """Cross-entropy of each row's true label, in nats, shape (rows,).

    Args:
        logits: logits or log-probabilities, shape (rows, labels).
        label_ids: the true label of each row, shape (rows,).
    """
    return np.asarray(
        -log_probabilities(logits)[np.arange(len(label_ids)), np.asarray(label_ids, dtype=np.int64)]
    )


def mean_loss(logits: FloatArray, label_ids: IntArray) -> float:
    """Mean cross-entropy in nats per row."""
    return float(row_losses(logits, label_ids).mean())


def information(logits: FloatArray, label_ids: IntArray) -> float:
    """[H(mean p) - mean H(p)] / H(label shares): how much of the labels' entropy the predictions could tell.

    0 where every row gets the same probabilities; 0.0 too where only one label occurs.

    Args:
        logits: logits or log-probabilities, shape (rows, labels).
        label_ids: the true label of each row, shape (rows,).
    """
    logs = log_probabilities(logits)
    chances = np.exp(logs)
    mean = chances.mean(axis=0)
    shares = label_shares(label_ids, num_labels=chances.shape[1])
    entropy_of_mean = -float((mean * np.log(np.maximum(mean, 1e-300))).sum())
    mean_entropy = -float((chances * logs).sum(axis=1).mean())
    entropy = -float((shares * np.log(np.where(shares > 0, shares, 1.0))).sum())
    return max(0.0, entropy_of_mean - mean_entropy) / entropy if entropy > 0 else 0.0


def label_shares(label_ids: IntArray, *, num_labels: int) -> FloatArray:
    """Share of the rows that have each label, shape (labels,), in [0, 1]."""
    counts = np.bincount(np.asarray(label_ids, dtype=np.int64), minlength=num_labels)
    return divide(counts, np.asarray(len(label_ids)))


def hits(confusion: NDArray[np.integer] | FloatArray) -> FloatArray:
    """The diagonal of each matrix: how many rows of each label were right, shape (..., labels)."""
    return np.asarray(np.diagonal(confusion, axis1=-2, axis2=-1), dtype=np.float64)


def occurring(confusion: NDArray[np.integer] | FloatArray) -> NDArray[np.bool_]:
    """Which labels occur in the truth or in the predictions, shape (..., labels)."""
    confusion = np.asarray(confusion)
    return np.asarray(confusion.sum(axis=-1) + confusion.sum(axis=-2) > 0)


def divide(numerator: NDArray[np.generic], denominator: NDArray[np.generic]) -> FloatArray:
    """Element by element; 0.0 where the denominator is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(numerator, np.float64), np.asarray(denominator, np.float64))
    return np.asarray(np.divide(top, bottom, out=np.zeros(top.shape), where=bottom != 0))


def mean_where(values: FloatArray, chosen: NDArray[np.bool_]) -> FloatArray:
    """Mean of the chosen values along the last axis; 0.0 where none is chosen."""
    return divide(np.where(chosen, values, 0.0).sum(axis=-1), chosen.sum(axis=-1))
