"""Mistakes worth reading: the most confident ones, the labels that are confused, and rows that look mislabelled.

Nothing here holds a text: a row is named by its origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.example import Dataset
from bertsmith.evaluation.metrics import FloatArray

MOST_MISTAKES = 20
MOST_PAIRS = 10
FEWEST_ROWS = 2
"""Rows of a label below which its own confidence says nothing of what is usual for it."""


@dataclass(frozen=True)
class Mistake:
    """A row whose prediction is not its label."""

    row: str
    """Where it stands, `file:line`."""
    label: str
    predicted: str
    probability: float
    """Of the prediction, in [0, 1]."""

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Confusion:
    """How often rows of one label were given another."""

    label: str
    predicted: str
    rows: int
    share: float
    """Of the label's rows, in [0, 1]."""

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        return asdict(self)


def confident_mistakes(
    dataset: Dataset,
    probabilities: FloatArray,
    predicted_ids: NDArray[np.int64],
    *,
    label_names: Sequence[str],
    most: int = MOST_MISTAKES,
) -> tuple[Mistake, ...]:
    """The wrong rows that the model was surest of, surest first.

    Args:
        dataset: the rows.
        probabilities: (rows, labels).
        predicted_ids: (rows,).
        label_names: in id order.
        most: how many at most.
    """
    predicted = [label_names[index] for index in predicted_ids.tolist()]
    wrong = [index for index, example in enumerate(dataset.examples) if example.label != predicted[index]]
    sure = sorted(wrong, key=lambda index: (-probabilities[index, predicted_ids[index]], index))
    return tuple(
        Mistake(
            row=str(dataset.examples[index].origin),
            label=dataset.examples[index].label,
            predicted=predicted[index],
            probability=float(probabilities[index, predicted_ids[index]]),
        )
        for index in sure[:most]
    )


def confused_labels(
    confusion: Sequence[Sequence[int]], *, label_names: Sequence[str], most: int = MOST_PAIRS
) -> tuple[Confusion, ...]:
    """The pairs of labels that are confused most often, true label first.

    Args:
        confusion: true labels as rows, predicted ones as columns.
        label_names: in id order.
        most: how many at most.
    """
    pairs = [
        Confusion(label_names[true], label_names[said], count, count / sum(row))
        for true, row in enumerate(confusion)
        for said, count in enumerate(row)
        if true != said and count
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.rows, pair.label, pair.predicted))[:most])


def suspected_label_errors(
    dataset: Dataset, probabilities: FloatArray, label_ids: NDArray[np.int64], *, label_names: Sequence[str]
) -> tuple[Mistake, ...]:
    """Rows that look mislabelled, most suspicious first; nothing is ever removed for it.

    A row is suspected where another label's probability reaches what is usual for rows of that label (their mean
    confidence in it) while its own label's does not. `predicted` is that other label.

    Args:
        dataset: the rows.
        probabilities: (rows, labels) of models that did not see the row.
        label_ids: (rows,) the labels as given.
        label_names: in id order.

    Source: the confident joint of Northcutt, Jiang and Chuang 2021, "Confident learning", ranked by margin.
    """
    num_labels = probabilities.shape[1]
    counts = np.bincount(label_ids, minlength=num_labels)
    usual = np.full(num_labels, np.inf)
    for label in np.flatnonzero(counts >= FEWEST_ROWS):
        usual[label] = probabilities[label_ids == label, label].mean()
    rows = np.arange(len(label_ids))
    own = probabilities[rows, label_ids]
    reaches = probabilities >= usual
    reaches[rows, label_ids] = False
    other = np.where(reaches, probabilities, -1.0)
    best = other.argmax(axis=1)
    margin = other[rows, best] - own
    suspected = np.flatnonzero((other[rows, best] > own) & (own < usual[label_ids]))
    return tuple(
        Mistake(
            row=str(dataset.examples[index].origin),
            label=label_names[label_ids[index]],
            predicted=label_names[best[index]],
            probability=float(probabilities[index, best[index]]),
        )
        for index in suspected[np.argsort(-margin[suspected], kind="stable")].tolist()
    )
