"""What printed scores imply: the smallest set of rows, and the confusion matrices, that give exactly these figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bertsmith.evaluation.intervals import Score, f1_of_jaccard, wilson_score
from bertsmith.evaluation.significance import fisher_p_value

MOST_ROWS = 20_000


@dataclass(frozen=True)
class PrintedScores:
    """Scores of two labels as they were printed; F1, precision and recall are of the positive one."""

    accuracy: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Counts:
    """A confusion matrix of two labels."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def rows(self) -> int:
        """All of them."""
        return self.true_positives + self.false_positives + self.false_negatives + self.true_negatives

    def scores(self) -> dict[str, Score]:
        """Accuracy, precision, recall and F1 with their 95 % intervals."""
        hits = self.true_positives
        wrong = self.false_positives + self.false_negatives
        return {
            "accuracy": _share(hits + self.true_negatives, self.rows),
            "precision": _share(hits, hits + self.false_positives),
            "recall": _share(hits, hits + self.false_negatives),
            "f1": f1_of_jaccard(_share(hits, hits + wrong)),
        }


def _share(successes: int, rows: int) -> Score:
    return wilson_score(successes / max(1, rows), rows)


@dataclass(frozen=True)
class ImpliedCounts:
    """The smallest set that gives all printed figures."""

    rows: int
    positives: tuple[int, ...]
    """Every number of truly positive rows that fits at this size; one where the figures leave no choice."""
    matrices: tuple[tuple[Counts, ...], ...]
    """For each printed row every matrix that gives it, for all of these numbers."""


def learning_p_value(counts: Counts, *, times: int = 1) -> float:
    """How often chance would do as well as a matrix, or as so many times its rows."""
    negative = (counts.true_negatives, counts.false_positives)
    positive = (counts.false_negatives, counts.true_positives)
    return fisher_p_value(times * np.array([negative, positive]))


def rows_that_show(counts: Counts, *, level: float) -> int | None:
    """The fewest rows, a multiple of these, on which the same figures are no chance at this level; None above 20,000."""
    for times in range(2, MOST_ROWS // counts.rows + 1):
        if learning_p_value(counts, times=times) < level:
            return times * counts.rows
    return None


def is_one_label(scores: PrintedScores, *, decimals: int) -> bool:
    """Whether F1 = 2PR/(P+R) holds for the printed figures, as it does for one label and not for averages."""
    total = scores.precision + scores.recall
    if total == 0:
        return scores.f1 == 0
    return abs(scores.f1 - 2 * scores.precision * scores.recall / total) <= 2 * 10.0**-decimals


def implied_counts(scores: Sequence[PrintedScores], *, decimals: int) -> ImpliedCounts | None:
    """The smallest number of rows, at most 20,000, with matrices that reproduce every printed figure.

    Multiples of it fit too: figures cannot tell 100 rows from 200. None where nothing fits.

    Args:
        scores: every printed row of the same validation set.
        decimals: digits that they were printed with.
    """
    half = 0.5 * 10.0**-decimals + 1e-12
    low, high = _positive_share(scores, half)
    for rows in range(2, MOST_ROWS + 1):
        candidates = np.arange(
            max(1, int(np.ceil(low * rows))), min(rows - 1, int(np.floor(high * rows))) + 1
        )
        for printed in scores:
            if len(candidates) == 0:
                break
            candidates = candidates[_fits(candidates, printed, rows=rows, half=half)]
        if len(candidates):
            positives = tuple(int(count) for count in candidates)
            matrices = tuple(
                tuple(
                    counts
                    for count in positives
                    for counts in _matrices(count, printed, rows=rows, half=half)
                )
                for printed in scores
            )
            return ImpliedCounts(rows, positives, matrices)
    return None


def _positive_share(scores: Sequence[PrintedScores], half: float) -> tuple[float, float]:
    """Bounds of the share of truly positive rows, from accuracy, precision and recall of every row.

    From accuracy = πR + (1-π)S and P = πR / (πR + (1-π)(1-S)): π = (1 - accuracy) / (1 - 2R + R/P).
    """
    low, high = 0.0, 1.0
    for printed in scores:
        if printed.precision <= 2 * half:
            continue
        shares = []
        for a, p, r in product((-half, half), repeat=3):
            denominator = 1 - 2 * (printed.recall + r) + (printed.recall + r) / (printed.precision + p)
            if denominator > 1e-3:
                shares.append((1 - printed.accuracy - a) / denominator)
        if len(shares) == 8:
            low, high = max(low, min(shares)), min(high, max(shares))
    return low, high


def _fits(
    positives: NDArray[np.int64], printed: PrintedScores, *, rows: int, half: float
) -> NDArray[np.bool_]:
    """For each number of positive rows: whether some matrix gives these figures."""
    fits = np.zeros(len(positives), dtype=np.bool_)
    first_hit = np.ceil((printed.recall - half) * positives).astype(np.int64)
    most_hits = np.floor((printed.recall + half) * positives).astype(np.int64)
    first_right = int(np.ceil((printed.accuracy - half) * rows))
    most_right = int(np.floor((printed.accuracy + half) * rows))
    for extra_hit in range(int((most_hits - first_hit).max(initial=-1)) + 1):
        hits = first_hit + extra_hit
        for right in range(first_right, most_right + 1):
            false_positives = hits + (rows - positives) - right
            good = (hits <= most_hits) & (hits <= positives) & (false_positives >= 0) & (right - hits >= 0)
            fits |= good & _prints(hits, false_positives, positives - hits, printed, half=half)
    return fits


def _prints(
    hits: NDArray[np.int64],
    false_positives: NDArray[np.int64],
    false_negatives: NDArray[np.int64],
    printed: PrintedScores,
    *,
    half: float,
) -> NDArray[np.bool_]:
    """Whether precision and F1 come out as printed; 0 where nothing was called positive."""
    called = hits + false_positives
    precision = np.divide(hits, called, out=np.zeros(len(hits)), where=called > 0)
    either = 2 * hits + false_positives + false_negatives
    f1 = np.divide(2 * hits, either, out=np.zeros(len(hits)), where=either > 0)
    return np.asarray((np.abs(precision - printed.precision) <= half) & (np.abs(f1 - printed.f1) <= half))


def _matrices(positives: int, printed: PrintedScores, *, rows: int, half: float) -> list[Counts]:
    """Every matrix with so many positive rows that gives these figures."""
    found = []
    for hits in range(max(0, int((printed.recall - half) * positives)), positives + 1):
        if hits / positives > printed.recall + half:
            break
        if hits / positives < printed.recall - half:
            continue
        for right in range(
            int(np.ceil((printed.accuracy - half) * rows)), int((printed.accuracy + half) * rows) + 1
        ):
            counts = Counts(hits, hits + rows - positives - right, positives - hits, right - hits)
            values = (counts.false_positives, counts.true_negatives)
            arrays = (
                np.array([hits]),
                np.array([counts.false_positives]),
                np.array([counts.false_negatives]),
            )
            if min(values) >= 0 and _prints(*arrays, printed, half=half)[0]:
                found.append(counts)
    return found
