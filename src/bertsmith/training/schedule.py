"""The learning rate as a pure function of the step."""

from __future__ import annotations

from bertsmith.config import TrainingConfig


def learning_rate_at(step: int, *, num_steps: int, recipe: TrainingConfig) -> float:
    """The learning rate of an optimizer step.

    Args:
        step: 0-based, below `num_steps`.
        num_steps: steps of the whole run.
        recipe: peak rate, warmup ratio (of the steps, rounded up) and schedule.

    Source: `get_linear_schedule_with_warmup` of transformers, which a parity test holds it to.
    """
    num_warmup_steps = warmup_steps(num_steps, recipe=recipe)
    if step < num_warmup_steps:
        return recipe.learning_rate * step / num_warmup_steps
    if recipe.schedule == "constant":
        return recipe.learning_rate
    return recipe.learning_rate * max(0.0, (num_steps - step) / max(1, num_steps - num_warmup_steps))


def warmup_steps(num_steps: int, *, recipe: TrainingConfig) -> int:
    """Steps in which the learning rate rises from zero."""
    return -int(-num_steps * recipe.warmup_ratio // 1)
