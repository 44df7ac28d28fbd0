"""This file knows which epoch is best and when to stop. A collapsed epoch is never best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bertsmith.config import TrainingConfig
from bertsmith.training.history import EpochRecord


def best_epoch_index(epochs: Sequence[EpochRecord], *, select_by: str) -> int | None:
    """Index of the best epoch, or None where every epoch is collapsed or none is finite.

    Best is the highest score (the lowest for `loss`), then the lowest validation loss, then the earliest.
    """
    usable = [
        index
        for index, epoch in enumerate(epochs)
        if not epoch.collapsed and math.isfinite(epoch.validation_loss) and math.isfinite(epoch.train_loss)
    ]

    def merit(index: int) -> tuple[float, float, int]:
        epoch = epochs[index]
        score = -epoch.validation_loss if select_by == "loss" else float(getattr(epoch, select_by))
        return score, -epoch.validation_loss, -index

    return max(usable, key=merit, default=None)


def should_stop(epochs: Sequence[EpochRecord], *, recipe: TrainingConfig) -> bool:
    """Whether the last `patience` epochs brought none that is better than all before them."""
    if recipe.patience is None or len(epochs) <= recipe.patience:
        return False
    best = best_epoch_index(epochs, select_by=recipe.select_by)
    return best is not None and len(epochs) - 1 - best >= recipe.patience
