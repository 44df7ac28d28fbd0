"""The defaults are the published run's, and its table's Step column comes out of them."""

from __future__ import annotations

import torch

from bertsmith.config import Config, TrainingConfig
from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import Layout
from bertsmith.training.plan import Plan

PUBLISHED_TRAINING_ROWS = 5_474


def published_plan() -> Plan:
    """What the default recipe makes of the published run's training rows."""
    return Plan.of(
        PUBLISHED_TRAINING_ROWS,
        recipe=Config().training,
        layout=Layout(pad_id=0, uses_token_types=True),
        runtime=Runtime(device=torch.device("cpu"), autocast_dtype=None, num_threads=1),
    )


def test_five_epochs_of_5474_rows_make_3425_steps() -> None:
    assert published_plan().num_steps == 3425


def test_an_epoch_of_5474_rows_makes_685_steps() -> None:
    recipe = Config.from_flat({"epochs": 1}).training
    plan = Plan.of(
        PUBLISHED_TRAINING_ROWS,
        recipe=recipe,
        layout=published_plan().layout,
        runtime=published_plan().runtime,
    )
    assert [plan.num_steps * epoch for epoch in range(1, 6)] == [685, 1370, 2055, 2740, 3425]


def test_the_default_recipe_is_the_published_one() -> None:
    recipe = TrainingConfig()
    assert (recipe.learning_rate, recipe.batch_size, recipe.eval_batch_size) == (5e-5, 8, 8)
    assert (recipe.adam_beta1, recipe.adam_beta2, recipe.adam_epsilon) == (0.9, 0.999, 1e-8)
    assert (recipe.seed, recipe.schedule, recipe.epochs) == (42, "linear", 5)


def test_the_default_model_is_the_published_one() -> None:
    assert Config().model.model == "bert-base-cased"
