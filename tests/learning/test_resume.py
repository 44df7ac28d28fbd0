"""A training that is ended after any step and goes on in a new model ends in the same bits."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.learning.small_run import largest_difference, make_rows, plan_for, scores, weights
from tests.tiny_models import tiny_model

from bertsmith.interruption import Interrupted, Interruption
from bertsmith.training.checkpoint import AttemptCheckpoints, Every, Keeping
from bertsmith.training.history import History
from bertsmith.training.loop import Keeper, Observers, train

NUM_ROWS, BATCH_SIZE, EPOCHS = 20, 7, 3
NUM_STEPS = EPOCHS * -(-NUM_ROWS // BATCH_SIZE)
RECIPES: dict[str, dict[str, Any]] = {
    "packed": {"family": "bert"},
    "packed, weight decay, warmup, ragged micro-batches": {
        "family": "bert",
        "weight_decay": 0.1,
        "warmup_ratio": 0.3,
        "micro_batch_size": 3,
    },
    "packed, one row at a time": {"family": "distilbert", "micro_batch_size": 1},
    "padded, two micro-batches": {"family": "deberta-v2", "micro_batch_size": 4, "weight_decay": 0.1},
}


@dataclass
class Training:
    """A training that can be ended and gone on with."""

    folder: Path
    recipe: dict[str, Any]

    def go(self, *, until: int | None = None, every: Every | None = None) -> tuple[History | None, Any]:
        """Train a new model from what is in the folder; ended by a signal in the step `until`. Gives history and weights."""
        recipe = dict(self.recipe)
        family = recipe.pop("family")
        torch.manual_seed(0)
        model = tiny_model(family, num_labels=2)
        dataset = make_rows(NUM_ROWS, family)
        interruption = Interruption()
        keeping = Keeping(every or Every(steps=100), interruption, tell=lambda text: None)
        plan = plan_for(dataset, family, epochs=EPOCHS, batch_size=BATCH_SIZE, learning_rate=1e-3, **recipe)
        numbers = itertools.count(1)
        history = None

        def on_step(record: Any, num_rows: int) -> None:
            if record.step == until:
                interruption.requested = 15

        with AttemptCheckpoints(self.folder, keeping) as checkpoints:
            try:
                history = train(
                    model,
                    dataset,
                    plan=plan,
                    validate=lambda: scores(f1=next(numbers) / 10),
                    observers=Observers(
                        on_step=on_step,
                        on_epoch=lambda record, is_best: checkpoints.keep_epoch(model, is_best=is_best),
                    ),
                    keeper=Keeper(begin=checkpoints.begin, between=checkpoints.between),
                )
            except Interrupted:
                assert until is not None
        return history, weights(model)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_ended_after_any_step_it_ends_in_the_same_bits(recipe: dict[str, Any], tmp_path: Path) -> None:
    unbroken, expected = Training(tmp_path / "unbroken", recipe).go()
    for step in range(1, NUM_STEPS + 1):
        training = Training(tmp_path / f"ended-{step}", recipe)
        ended, half_way = training.go(until=step)
        assert ended is None
        assert step == NUM_STEPS or largest_difference(half_way, expected) > 0
        history, found = training.go()
        assert largest_difference(found, expected) == 0
        assert history is not None and unbroken is not None
        assert history.steps == unbroken.steps
        assert [epoch.train_loss for epoch in history.epochs] == [
            epoch.train_loss for epoch in unbroken.epochs
        ]
        assert history.num_tokens == unbroken.num_tokens


def test_ended_after_every_step_in_turn_it_ends_in_the_same_bits(tmp_path: Path) -> None:
    recipe = RECIPES["packed, weight decay, warmup, ragged micro-batches"]
    _, expected = Training(tmp_path / "unbroken", recipe).go()
    training = Training(tmp_path / "ended", recipe)
    for step in range(1, NUM_STEPS + 1):
        training.go(until=step)
    _, found = training.go()
    assert largest_difference(found, expected) == 0


def test_how_often_it_is_saved_changes_no_bit(tmp_path: Path) -> None:
    recipe = RECIPES["packed, weight decay, warmup, ragged micro-batches"]
    found = [
        Training(tmp_path / str(every.steps), recipe).go(every=every)[1]
        for every in (Every(steps=1), Every(steps=2), Every(seconds=1e9))
    ]
    assert largest_difference(found[0], found[1]) == largest_difference(found[0], found[2]) == 0
