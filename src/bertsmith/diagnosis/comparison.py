"""Two predictors on the same rows: by how much they differ, and whether that could be chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bertsmith.diagnosis.evidence import ScoredRows
from bertsmith.evaluation.intervals import Score, macro_f1_difference
from bertsmith.evaluation.significance import macro_f1_permutation, mcnemar

SIGNIFICANT = 0.05
"""Two-sided level of the comparison with the bag of words."""
MATTERS = 0.02
"""A macro-F1 difference below two points is called no better."""


@dataclass(frozen=True)
class Comparison:
    """A predictor against another on the same rows."""

    rows: int
    difference: Score
    """Macro-F1 of the first minus that of the second, in [-1, 1]."""
    p_value: float
    """Of the paired permutation test of macro-F1, two-sided."""
    mcnemar_p_value: float
    """Of the exact test of accuracy on the same rows, two-sided."""

    @property
    def significant(self) -> bool:
        """Whether chance alone would differ as much in fewer than one case in twenty."""
        return self.p_value < SIGNIFICANT

    @property
    def rows_needed(self) -> int | None:
        """About how many rows would show this difference, if it is real; None where there is hardly any."""
        half_width = (self.difference.high - self.difference.low) / 2
        if abs(self.difference.value) < 0.001 or half_width == 0:
            return None
        # An interval shrinks with the square root of the rows.
        return max(self.rows + 1, math.ceil(self.rows * (half_width / abs(self.difference.value)) ** 2))

    def sentence(self) -> str:
        """The difference with its interval and both p-values."""
        value, low, high = (
            points(end) for end in (self.difference.value, self.difference.low, self.difference.high)
        )
        tests = f"{p_text(self.p_value)}; McNemar {p_text(self.mcnemar_p_value)}"
        return f"macro-F1 {value} points (95 % interval {low} to {high}), {tests}"


def compare(scored: ScoredRows, other: ScoredRows, *, num_labels: int) -> Comparison:
    """The first against the second; both hold the same rows in the same order."""
    arrays = (scored.label_ids, scored.predicted_ids, other.predicted_ids)
    return Comparison(
        rows=scored.evaluation.rows,
        difference=macro_f1_difference(*arrays, num_labels=num_labels, groups=scored.groups),
        p_value=macro_f1_permutation(*arrays, num_labels=num_labels, groups=scored.groups),
        mcnemar_p_value=mcnemar(
            scored.predicted_ids == scored.label_ids, other.predicted_ids == other.label_ids
        ),
    )


def points(share: float) -> str:
    """`+1.4` for 0.014: hundredths, with the sign."""
    return f"{100 * share:+.1f}"


def p_text(p_value: float) -> str:
    """`p = 0.031`, or `p < 0.001`."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
