"""Confusion matrices as they might have come out: what intervals and tests are made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.integer]
FloatArray = NDArray[np.float64]

CELLS_AT_ONCE = 4_000_000
"""Draws are made in blocks of about this many numbers, 32 MB, so that many labels do not fill the memory."""


def generator(seed: int) -> np.random.Generator:
    """The same stream of draws for the same seed on every machine; numpy's global state is never touched."""
    return np.random.Generator(np.random.PCG64(seed))


def blocks(draws: int, *, width: int) -> Iterator[int]:
    """Block sizes that add up to `draws`, each at most `CELLS_AT_ONCE` numbers of `width` per draw."""
    most = max(1, CELLS_AT_ONCE // max(1, width))
    for start in range(0, draws, most):
        yield min(most, draws - start)


def cells_of(label_ids: IntArray, predicted_ids: IntArray, *, num_labels: int) -> NDArray[np.int64]:
    """The cell of the flattened confusion matrix that each row falls in, shape (rows,)."""
    return np.asarray(label_ids, dtype=np.int64) * num_labels + np.asarray(predicted_ids, dtype=np.int64)


def has_duplicates(groups: IntArray | None) -> bool:
    """Whether some group holds more than one row."""
    return groups is not None and len(np.unique(groups)) < len(groups)


def dirichlet_confusions(confusion: NDArray[np.int64], *, draws: int, seed: int) -> FloatArray:
    """Draws from Dirichlet(counts + ½), shape (draws, labels, labels); each draw sums to 1.

    The half is Jeffreys' prior: it keeps a perfect matrix from claiming certainty.
    """
    labels = confusion.shape[0]
    return generator(seed).dirichlet(confusion.ravel() + 0.5, size=draws).reshape(draws, labels, labels)


def bootstrapped_confusions(
    cells: tuple[NDArray[np.int64], ...], *, num_labels: int, groups: IntArray | None, draws: int, seed: int
) -> Iterator[tuple[NDArray[np.int64], ...]]:
    """Blocks of bootstrap draws: the confusion matrices of one or more predictors on the same drawn rows.

    Args:
        cells: for each predictor, the cell of each row (`cells_of`), shape (rows,).
        num_labels: rows and columns of a confusion matrix.
        groups: rows with the same number are drawn together; None: every row on its own.
        draws: how many in all.
        seed: of the draws.

    Yields:
        For each predictor, counts of shape (block, labels, labels).
    """
    # Without groups, equal rows are one kind of row and a bootstrap is a multinomial draw of the kinds.
    joint = np.stack(cells, axis=1)
    if groups is not None and has_duplicates(groups):
        _, units = np.unique(groups, return_inverse=True)
        weights = _group_weights
    else:
        joint, units = np.unique(joint, axis=0, return_inverse=True)
        weights = _kind_weights
    random = generator(seed)
    shape = (num_labels, num_labels)
    for block in blocks(draws, width=max(len(joint), num_labels**2)):
        drawn = weights(units.ravel(), block, random)
        yield tuple(
            _counts(drawn, joint[:, column], num_cells=num_labels**2).reshape(block, *shape)
            for column in range(len(cells))
        )


def _kind_weights(units: IntArray, block: int, random: np.random.Generator) -> NDArray[np.int64]:
    """How often each kind of row is drawn, shape (block, kinds)."""
    kinds = np.bincount(units)
    return random.multinomial(len(units), kinds / len(units), size=block)


def _group_weights(units: IntArray, block: int, random: np.random.Generator) -> NDArray[np.int64]:
    """How often each row is drawn when whole groups are, shape (block, rows)."""
    num_groups = int(units.max()) + 1
    drawn = [
        np.bincount(random.integers(num_groups, size=num_groups), minlength=num_groups)[units]
        for _ in range(block)
    ]
    return np.asarray(drawn, dtype=np.int64)


def _counts(weights: NDArray[np.int64], cells: NDArray[np.int64], *, num_cells: int) -> NDArray[np.int64]:
    """The weights summed into cells, shape (block, num_cells)."""
    # Sorted by cell, each cell is one slice and its sum one reduction.
    order = np.argsort(cells, kind="stable")
    found, starts = np.unique(cells[order], return_index=True)
    counts = np.zeros((len(weights), num_cells), dtype=np.int64)
    counts[:, found] = np.add.reduceat(weights[:, order], starts, axis=1)
    return counts
