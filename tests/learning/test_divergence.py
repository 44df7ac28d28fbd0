"""A run stops at the step at which something is no longer a number, and says where."""

from __future__ import annotations

import math

import torch
from tests.learning.small_run import make_rows, run, scores, weights
from tests.tiny_models import tiny_model
from transformers import PreTrainedModel

from bertsmith.training.history import History, StepRecord

NUM_ROWS = 24  # three steps in an epoch


def run_with(model: PreTrainedModel, **settings: object) -> tuple[History, list[StepRecord]]:
    return run(model, make_rows(NUM_ROWS), epochs=2, **settings)


def test_a_nan_in_a_weight_that_is_read_stops_the_first_step() -> None:
    model = tiny_model(num_labels=2)
    with torch.no_grad():
        model.classifier.weight[0, 0] = math.nan
    history, steps = run_with(model, learning_rate=5e-5)

    assert history.divergence is not None
    assert (history.divergence.step, history.divergence.what) == (1, "loss")
    assert history.divergence.learning_rate == 5e-5
    assert math.isnan(history.divergence.value)
    assert (steps, history.epochs) == ([], ())


def test_a_nan_in_an_embedding_row_that_no_text_uses_stops_the_first_step() -> None:
    model = tiny_model(num_labels=2)
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[50, 3] = math.nan
    assert 50 not in make_rows(NUM_ROWS).texts.input_ids
    history, _ = run_with(model)

    assert history.divergence is not None
    assert (history.divergence.step, history.divergence.what) == (1, "weight norm")


def test_an_infinite_loss_stops_the_run_before_the_weights_change() -> None:
    model = tiny_model(num_labels=2)
    with torch.no_grad():
        model.classifier.weight.fill_(1e38)
        model.classifier.weight[0].neg_()
    before = weights(model)
    history, _ = run_with(model)

    assert history.divergence is not None
    assert (history.divergence.step, history.divergence.what) == (1, "loss")
    assert not math.isfinite(history.divergence.value)
    assert all(torch.equal(before[name], after) for name, after in weights(model).items())


def test_an_infinite_gradient_stops_the_run_before_the_weights_change() -> None:
    model = tiny_model(num_labels=2)
    before = weights(model)
    # Rows that count 10³⁷: the loss is still a number, the squares of the gradients are not.
    history, _ = run_with(model, class_weights=(1e37, 1e37))

    assert history.divergence is not None
    assert (history.divergence.step, history.divergence.what) == (1, "gradient norm")
    assert all(torch.equal(before[name], after) for name, after in weights(model).items())


def test_an_endless_learning_rate_stops_the_run_at_its_step() -> None:
    history, steps = run_with(tiny_model(num_labels=2), learning_rate=1e30)

    assert history.divergence is not None
    assert history.divergence.step == history.num_steps == len(steps) + 1 == 1
    assert history.divergence.learning_rate == 1e30
    assert history.epochs == ()


def test_the_step_and_its_scheduled_rate_are_told_when_it_happens_in_a_later_epoch() -> None:
    """Planted at the first epoch's end: found in step 4 of 6, whose rate is 3 / 6 of the peak."""
    model = tiny_model(num_labels=2)

    def plant(record: object, is_best: bool) -> None:
        with torch.no_grad():
            model.classifier.bias[0] = math.nan

    history, steps = run_with(model, learning_rate=1e-4, on_epoch=plant)

    assert history.divergence is not None
    assert history.divergence.step == 4
    assert history.divergence.learning_rate == 1e-4 * 3 / 6
    assert [epoch.step for epoch in history.epochs] == [3]
    assert len(steps) == 3


def test_a_validation_loss_that_is_no_number_stops_the_run() -> None:
    history, _ = run_with(tiny_model(num_labels=2), validate=lambda: scores(loss=math.nan))

    assert history.divergence is not None
    assert (history.divergence.step, history.divergence.what) == (3, "validation loss")
    assert history.epochs == ()


def test_a_run_whose_numbers_stay_finite_tells_of_no_divergence() -> None:
    history, _ = run_with(tiny_model(num_labels=2))

    assert history.divergence is None
    assert len(history.epochs) == 2
