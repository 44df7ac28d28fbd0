"""Where it fails: accuracy by length, by whether the text was cut, and by label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertsmith.evaluation.intervals import Score, share_score

LENGTH_BINS = 4
FEWEST_ROWS = 20
"""With fewer rows a slice by length says nothing."""


@dataclass(frozen=True)
class Slice:
    """Some of the rows, and how many of them are right."""

    kind: str
    """`length`, `cut` or `label`."""
    name: str
    rows: int
    accuracy: Score

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        return {"kind": self.kind, "name": self.name, "rows": self.rows, "accuracy": self.accuracy.to_json()}


def slices(
    right: NDArray[np.bool_],
    *,
    lengths: NDArray[np.int64],
    is_cut: NDArray[np.bool_],
    labels: list[str],
    groups: NDArray[np.int64] | None = None,
) -> tuple[Slice, ...]:
    """Accuracy of every slice that has rows, each with its 95 % interval.

    Args:
        right: per row whether the prediction is right, shape (rows,).
        lengths: tokens of each row as the model reads it, shape (rows,).
        is_cut: whether the row is longer than the model reads, shape (rows,).
        labels: the true label of each row.
        groups: rows with the same number are duplicates of each other, shape (rows,).
    """
    found = []
    if len(right) >= FEWEST_ROWS:
        edges = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTH_BINS + 1)).round().astype(np.int64))
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            last = high == edges[-1]
            chosen = (lengths >= low) & ((lengths <= high) if last else (lengths < high))
            name = f"{low} to {high if last else high - 1} tokens"
            found.append(_slice("length", name, right, chosen, groups))
    if is_cut.any():
        found.append(_slice("cut", "texts that were cut", right, is_cut, groups))
        found.append(_slice("cut", "texts read whole", right, ~is_cut, groups))
    names = np.array(labels, dtype=object)
    found += [_slice("label", label, right, names == label, groups) for label in sorted(set(labels))]
    return tuple(part for part in found if part.rows)


def _slice(
    kind: str,
    name: str,
    right: NDArray[np.bool_],
    chosen: NDArray[np.bool_],
    groups: NDArray[np.int64] | None,
) -> Slice:
    chosen = np.asarray(chosen, dtype=np.bool_)
    return Slice(kind, name, int(chosen.sum()), share_score(right, among=chosen, groups=groups))
