"""The signs of a failed training, as pure functions of numbers: selection, rescue and verdict share them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

COLLAPSED_SHARE = 0.99
"""A label predicted for at least this share of the rows may be a collapse."""
COLLAPSED_EXCESS = 0.02
"""… if its share also exceeds its true share by this much: 995 of 1,000 rows may truly have one label."""


def is_collapsed(predicted_share: Mapping[str, float], true_share: Mapping[str, float]) -> bool:
    """Whether the model gives (nearly) every row the same label though the truth has more.

    Args:
        predicted_share: share of the rows predicted as each label, in [0, 1].
        true_share: share of the rows that truly have each label, in [0, 1].
    """
    if sum(share > 0 for share in true_share.values()) < 2:
        return False
    top_label = max(predicted_share, key=lambda label: predicted_share[label])
    top_share = predicted_share[top_label]
    if sum(share > 0 for share in predicted_share.values()) == 1:
        return True
    return top_share >= COLLAPSED_SHARE and top_share - true_share.get(top_label, 0.0) >= COLLAPSED_EXCESS


def has_diverged(values: Iterable[float]) -> bool:
    """Whether a loss, gradient norm or weight norm is not finite."""
    return not all(math.isfinite(value) for value in values)
