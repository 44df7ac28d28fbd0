"""What a recipe's name stands for: `published` is the defaults; `steady` is what is known to fail least."""

from __future__ import annotations

from typing import Any

from bertsmith.config import TrainingConfig

STEADY: dict[str, Any] = {"learning_rate": 2e-5, "warmup_ratio": 0.1, "patience": 4}
"""Source: Mosbach, Andriushchenko and Klakow 2021 (small learning rate, warmup, more steps); Zhang et al. 2021 (steps)."""
STEADY_STEPS = 1000
STEADY_MAX_EPOCHS = 20
STEADY_MIN_EPOCHS = 3


def resolve_recipe(recipe: TrainingConfig, *, num_rows: int) -> TrainingConfig:
    """The recipe with what its name stands for; settings that were given win.

    Args:
        recipe: as the user gave it.
        num_rows: training rows.
    """
    if recipe.recipe == "published":
        return recipe
    values = STEADY | {"epochs": steady_epochs(num_rows, batch_size=recipe.batch_size)}
    return recipe.model_copy(
        update={name: value for name, value in values.items() if name not in recipe.model_fields_set}
    )


def steady_epochs(num_rows: int, *, batch_size: int) -> int:
    """Epochs that make at least 1,000 steps, but no more than 20 and no fewer than 3."""
    steps_per_epoch = -(-num_rows // batch_size)
    return min(STEADY_MAX_EPOCHS, max(STEADY_MIN_EPOCHS, -(-STEADY_STEPS // steps_per_epoch)))
