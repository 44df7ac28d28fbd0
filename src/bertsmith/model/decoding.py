"""Logits → probabilities → labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def log_probabilities(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(rows, labels) natural logarithms of the label probabilities, by a stable log-softmax in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised


def probabilities(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(rows, labels) probabilities that sum to 1 in every row."""
    result: NDArray[np.float64] = np.exp(log_probabilities(logits))
    return result


def decide(probabilities: NDArray[np.float64], *, positive_id: int, threshold: float) -> NDArray[np.int64]:
    """(rows,) the positive label from the threshold on, else the other one; for two labels.

    Args:
        probabilities: (rows, 2).
        positive_id: the column that the threshold is about.
        threshold: in (0, 1).
    """
    return np.where(probabilities[:, positive_id] >= threshold, positive_id, 1 - positive_id).astype(np.int64)


def predicted_ids(logits: NDArray[np.floating]) -> NDArray[np.int64]:
    """(rows,) the id of the most probable label; the lowest id wins a tie, as `argmax` does everywhere."""
    result: NDArray[np.int64] = logits.argmax(axis=1).astype(np.int64)
    return result
