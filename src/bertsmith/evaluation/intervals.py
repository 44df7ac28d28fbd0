"""How far a score could be off: 95 % intervals, the same for the same data.

Shares come from Wilson's formula, scores of the whole matrix from draws (`bertsmith.evaluation.resampling`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsmith.evaluation.metrics import FloatArray, IntArray, accuracy, confusion_matrix, macro_f1
from bertsmith.evaluation.resampling import (
    bootstrapped_confusions,
    cells_of,
    dirichlet_confusions,
    has_duplicates,
)

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution: two-sided 95 %."""
DRAWS = 2000
"""Draws behind a drawn interval. From seed to seed its ends move by one or two hundredths of its width."""
SEED = 20_000
"""Fixed, so that the same rows give the same interval in every run."""

Metric = Callable[[NDArray[np.int64] | FloatArray], FloatArray]


@dataclass(frozen=True)
class Score:
    """A score with its 95 % interval: `low` ≤ `value` ≤ `high`."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The same fields as plain JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high}


def wilson(successes: float, rows: float) -> tuple[float, float]:
    """The 95 % interval of a share; (0, 1) for no rows at all.

    Args:
        successes: between 0 and `rows`; fractions are allowed, for effective rows.
        rows: how many independent rows the share is of.

    Source: Wilson 1927; recommended for small counts by Brown, Cai and DasGupta 2001, "Interval estimation
    for a binomial proportion".
    """
    if rows <= 0:
        return 0.0, 1.0
    share = successes / rows
    centre = (share + Z**2 / (2 * rows)) / (1 + Z**2 / rows)
    half = Z / (1 + Z**2 / rows) * float(np.sqrt(share * (1 - share) / rows + Z**2 / (4 * rows**2)))
    # At 0 and at all successes the ends are exact; rounding would leave them 1e-17 off.
    low = 0.0 if successes <= 0 else max(0.0, centre - half)
    high = 1.0 if successes >= rows else min(1.0, centre + half)
    return low, high


def effective_rows(groups: IntArray | None, chosen: NDArray[np.bool_]) -> float:
    """How many independent rows the chosen ones are worth when rows of a group say the same thing.

    Source: Kish 1965, *Survey Sampling*: n² / Σ (group size)², for full correlation within groups.
    """
    rows = int(chosen.sum())
    if groups is None or rows == 0:
        return float(rows)
    sizes = np.unique(np.asarray(groups)[chosen], return_counts=True)[1]
    return rows**2 / float((sizes.astype(np.float64) ** 2).sum())


def share_score(
    success: NDArray[np.bool_], *, among: NDArray[np.bool_], groups: IntArray | None = None
) -> Score:
    """The share of the rows `among` that are a success, by Wilson; 0.0 in [0, 1] where there are none.

    Args:
        success: per row, shape (rows,).
        among: the rows that the share is of, shape (rows,).
        groups: rows with the same number are duplicates of each other and count less.
    """
    rows = int(among.sum())
    if rows == 0:
        return Score(0.0, 0.0, 1.0)
    share = int((success & among).sum()) / rows
    return wilson_score(share, effective_rows(groups, among))


def wilson_score(share: float, rows: float) -> Score:
    """A share of so many independent rows with its interval.

    Args:
        share: in [0, 1]; 0 where there are no rows.
        rows: how many; fractions are allowed, for effective rows.
    """
    low, high = wilson(share * rows, rows)
    return Score(share, min(low, share), max(high, share))


def f1_score(
    truly: NDArray[np.bool_], predicted: NDArray[np.bool_], *, groups: IntArray | None = None
) -> Score:
    """F1 of one label: Wilson on J = TP / (TP + FP + FN), mapped by F1 = 2 J / (1 + J), which grows with J.

    Args:
        truly: rows that have the label, shape (rows,).
        predicted: rows that were given it, shape (rows,).
        groups: rows with the same number are duplicates of each other and count less.
    """
    return f1_of_jaccard(share_score(truly & predicted, among=truly | predicted, groups=groups))


def f1_of_jaccard(jaccard: Score) -> Score:
    """F1 = 2 J / (1 + J), its ends too."""
    value, low, high = (2 * share / (1 + share) for share in (jaccard.value, jaccard.low, jaccard.high))
    return Score(value, low, high)


def loss_score(row_losses: FloatArray, *, groups: IntArray | None = None) -> Score:
    """Mean loss in nats per row, by the normal approximation; a group is one draw of its rows' sum."""
    rows = len(row_losses)
    mean = float(row_losses.mean())
    deviations = row_losses - mean
    if groups is not None:
        _, units = np.unique(groups, return_inverse=True)
        deviations = np.asarray(np.bincount(units.ravel(), weights=deviations), dtype=np.float64)
    if len(deviations) < 2:
        return Score(mean, 0.0, float("inf"))
    units_scale = len(deviations) / (len(deviations) - 1)
    half = Z * float(np.sqrt(units_scale * (deviations**2).sum())) / rows
    return Score(mean, max(0.0, mean - half), mean + half)


def drawn_scores(
    metrics: Mapping[str, Metric],
    label_ids: IntArray,
    predicted_ids: IntArray,
    *,
    num_labels: int,
    groups: IntArray | None = None,
) -> dict[str, Score]:
    """Intervals of scores of the whole confusion matrix, by `DRAWS` draws of it with the fixed seed.

    Two labels without duplicates: Dirichlet(counts + ½). Otherwise a bootstrap of the rows, groups together.

    Args:
        metrics: by name, functions of a stack of confusion matrices.
        label_ids: true labels, shape (rows,).
        predicted_ids: predicted labels, shape (rows,).
        num_labels: size of the label set.
        groups: rows with the same number are duplicates of each other.
    """
    confusion = confusion_matrix(label_ids, predicted_ids, num_labels=num_labels)
    values = {name: float(metric(confusion)) for name, metric in metrics.items()}
    if num_labels == 2 and not has_duplicates(groups):
        drawn = dirichlet_confusions(confusion, draws=DRAWS, seed=SEED)
        return {name: _percentiles(values[name], metric(drawn)) for name, metric in metrics.items()}
    if accuracy(confusion) == 1.0:
        # Trap: every bootstrap of faultless rows is faultless, and its interval would claim certainty.
        right = label_ids == predicted_ids
        low = share_score(right, among=np.ones(len(right), dtype=bool), groups=groups).low
        return {name: Score(value, min(low, value), value) for name, value in values.items()}
    cells = (cells_of(label_ids, predicted_ids, num_labels=num_labels),)
    blocks = bootstrapped_confusions(cells, num_labels=num_labels, groups=groups, draws=DRAWS, seed=SEED)
    scores = [{name: metric(block) for name, metric in metrics.items()} for (block,) in blocks]
    return {
        name: _percentiles(values[name], np.concatenate([score[name] for score in scores]))
        for name in metrics
    }


def macro_f1_difference(
    label_ids: IntArray,
    predicted_ids: IntArray,
    other_ids: IntArray,
    *,
    num_labels: int,
    groups: IntArray | None = None,
) -> Score:
    """Macro-F1 of the predictions minus that of the others on the same rows, by a bootstrap of the rows.

    Args:
        label_ids: true labels, shape (rows,).
        predicted_ids: predicted labels, shape (rows,).
        other_ids: what the other predictor said of the same rows, shape (rows,).
        num_labels: size of the label set.
        groups: rows with the same number are drawn together.
    """
    predictors = (predicted_ids, other_ids)
    ours, theirs = (macro_f1(confusion_matrix(label_ids, ids, num_labels=num_labels)) for ids in predictors)
    cells = tuple(cells_of(label_ids, ids, num_labels=num_labels) for ids in predictors)
    blocks = bootstrapped_confusions(cells, num_labels=num_labels, groups=groups, draws=DRAWS, seed=SEED)
    drawn = np.concatenate([macro_f1(left) - macro_f1(right) for left, right in blocks])
    return _percentiles(float(ours - theirs), drawn)


def _percentiles(value: float, drawn: FloatArray) -> Score:
    """The middle 95 % of the draws, stretched to hold the value itself."""
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Score(value, min(float(low), value), max(float(high), value))
