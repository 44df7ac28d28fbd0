"""Whether a difference could be chance: exact and permutation tests, seeded, the same for the same rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bertsmith.evaluation.metrics import (
    FloatArray,
    IntArray,
    confusion_matrix,
    f1_of_counts,
    hits,
    mean_where,
)
from bertsmith.evaluation.resampling import blocks, generator, has_duplicates

PERMUTATIONS = 10_000
"""The smallest p-value is then 1 / 10,001."""
SEED = 30_000
"""Fixed, so that the same rows give the same p-value in every run."""

TIE = 1e-12
"""Scores that differ by less are equal: sums in another order round differently."""


def mcnemar(right: NDArray[np.bool_], other_right: NDArray[np.bool_]) -> float:
    """Exact two-sided p-value that two predictors are right equally often on the same rows.

    Args:
        right: per row, whether the first is right, shape (rows,).
        other_right: the same of the second.

    Source: McNemar 1947; exact form: a sign test of the rows on which only one of the two is right.
    """
    from scipy.stats import binomtest

    only_first, only_second = int((right & ~other_right).sum()), int((~right & other_right).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def macro_f1_permutation(
    label_ids: IntArray,
    predicted_ids: IntArray,
    other_ids: IntArray,
    *,
    num_labels: int,
    groups: IntArray | None = None,
) -> float:
    """Two-sided p-value that two predictors have one macro-F1: a coin swaps their predictions of each row.

    Args:
        label_ids: true labels, shape (rows,).
        predicted_ids: what the first predictor said, shape (rows,).
        other_ids: what the second said of the same rows, shape (rows,).
        num_labels: size of the label set.
        groups: rows with the same number are swapped together.

    Source: approximate randomisation, Yeh 2000, "More accurate tests for the statistical significance of
    result differences".
    """
    ours, theirs = (
        confusion_matrix(label_ids, ids, num_labels=num_labels) for ids in (predicted_ids, other_ids)
    )
    true = np.asarray(ours.sum(axis=-1), dtype=np.float64)
    counts = [np.concatenate([hits(confusion), confusion.sum(axis=0)]) for confusion in (ours, theirs)]
    effects, repeats = _swap_effects(
        label_ids, predicted_ids, other_ids, num_labels=num_labels, groups=groups
    )
    if len(effects) == 0:
        return 1.0
    observed = _macro_f1(counts[0], true) - _macro_f1(counts[1], true)
    random = generator(SEED)
    extreme = 0
    for block in blocks(PERMUTATIONS, width=max(len(effects), 2 * num_labels)):
        moved = random.binomial(repeats, 0.5, size=(block, len(effects))).astype(np.float64) @ effects
        drawn = _macro_f1(counts[0] + moved, true) - _macro_f1(counts[1] - moved, true)
        extreme += int((np.abs(drawn) >= abs(observed) - TIE).sum())
    return (1 + extreme) / (1 + PERMUTATIONS)


def _swap_effects(
    label_ids: IntArray,
    predicted_ids: IntArray,
    other_ids: IntArray,
    *,
    num_labels: int,
    groups: IntArray | None,
) -> tuple[FloatArray, NDArray[np.int64]]:
    """What a swap adds to the first one's counts, shape (kinds, 2 × labels), and the swaps of each kind.

    The first half of the columns are right predictions by label, the second half predictions by label.
    """
    differing = np.flatnonzero(predicted_ids != other_ids)
    units = (
        np.arange(len(differing))
        if groups is None
        else np.unique(groups[differing], return_inverse=True)[1].ravel()
    )
    effects = np.zeros((int(units.max()) + 1 if len(units) else 0, 2 * num_labels), dtype=np.int64)
    for said, sign in ((predicted_ids[differing], -1), (other_ids[differing], 1)):
        right = said == label_ids[differing]
        np.add.at(effects, (units[right], said[right]), sign)
        np.add.at(effects, (units, num_labels + said), sign)
    kinds, repeats = np.unique(effects, axis=0, return_counts=True)
    return kinds.astype(np.float64), repeats


def _macro_f1(counts: FloatArray, true: FloatArray) -> FloatArray:
    """Macro-F1 from right predictions and predictions by label, shape (..., 2 × labels)."""
    right, predicted = np.split(counts, 2, axis=-1)
    return mean_where(f1_of_counts(right, true=true, predicted=predicted), true + predicted > 0)


def learning_p_value(
    label_ids: IntArray, predicted_ids: IntArray, *, num_labels: int, groups: IntArray | None = None
) -> float:
    """One-sided p-value of the balanced accuracy: how often predictions handed out at random do as well.

    Two labels without duplicates: Fisher's exact test. Otherwise `PERMUTATIONS` shuffles of the predictions;
    duplicates stay together and change places only with groups of their size.

    Args:
        label_ids: true labels, shape (rows,).
        predicted_ids: predicted labels, shape (rows,).
        num_labels: size of the label set.
        groups: rows with the same number are duplicates of each other.

    Source: Ojala and Garriga 2010, "Permutation tests for studying classifier performance", test 1.
    """
    confusion = confusion_matrix(label_ids, predicted_ids, num_labels=num_labels)
    if num_labels == 2 and not has_duplicates(groups):
        return fisher_p_value(confusion)
    true = confusion.sum(axis=1)
    present = true > 0
    weights = np.where(present, 1.0 / np.maximum(true, 1), 0.0) / max(1, int(present.sum()))
    observed = float(hits(confusion) @ weights)
    random = generator(SEED)
    sizes = _group_sizes(groups, rows=len(label_ids))
    drawn = np.zeros(PERMUTATIONS)
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        ids = (label_ids[chosen], predicted_ids[chosen])
        if size == 1:
            drawn += _shuffled_rows(*ids, weights=weights, random=random)
        else:
            assert groups is not None
            order = np.argsort(groups[chosen], kind="stable").reshape(-1, size)
            drawn += _shuffled_groups(ids[0][order], ids[1][order], weights=weights, random=random)
    return (1 + int((drawn >= observed - TIE).sum())) / (1 + PERMUTATIONS)


def fisher_p_value(confusion: NDArray[np.int64]) -> float:
    """Fisher's exact test of two labels, one-sided: at least as many right rows of label 1, given its true and its predicted rows.

    Args:
        confusion: true labels as rows, predicted ones as columns, shape (2, 2).
    """
    from scipy.stats import hypergeom

    return float(
        hypergeom.sf(confusion[1, 1] - 1, confusion.sum(), confusion[1].sum(), confusion[:, 1].sum())
    )


def _group_sizes(groups: IntArray | None, *, rows: int) -> NDArray[np.int64]:
    """How many rows the group of each row has, shape (rows,)."""
    if groups is None:
        return np.ones(rows, dtype=np.int64)
    _, units, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(sizes[units.ravel()], dtype=np.int64)


def _shuffled_rows(
    label_ids: IntArray, predicted_ids: IntArray, *, weights: FloatArray, random: np.random.Generator
) -> FloatArray:
    """The weighted right rows of each shuffle, shape (permutations,)."""
    from scipy.stats import random_table

    # A shuffle of the rows is a random matrix with the same sums: drawn without touching the rows.
    confusion = confusion_matrix(label_ids, predicted_ids, num_labels=len(weights))
    tables = random_table(confusion.sum(axis=1), confusion.sum(axis=0))
    drawn = [
        hits(tables.rvs(size=block, random_state=random)) @ weights
        for block in blocks(PERMUTATIONS, width=confusion.size)
    ]
    return np.concatenate(drawn)


def _shuffled_groups(
    label_ids: IntArray, predicted_ids: IntArray, *, weights: FloatArray, random: np.random.Generator
) -> FloatArray:
    """The weighted right rows of each shuffle of groups, (groups, size) → (permutations,)."""
    drawn = np.empty(PERMUTATIONS)
    row_weights = weights[label_ids]
    for index in range(PERMUTATIONS):
        right = predicted_ids[random.permutation(len(predicted_ids))] == label_ids
        drawn[index] = row_weights[right].sum()
    return drawn
