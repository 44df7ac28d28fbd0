"""The loop learns, and how a batch is cut into micro-batches changes nothing."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from tests.learning.small_run import CPU, largest_difference, layout_of, make_rows, run, weights
from tests.tiny_models import FAMILIES, tiny_model
from transformers import PreTrainedModel

from bertsmith.model.prediction import predict_logits
from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import EncodedDataset


def test_a_batch_is_overfitted() -> None:
    dataset = make_rows(8)
    _, steps = run(
        tiny_model(dropout=0.0, num_labels=2), dataset, learning_rate=1e-3, epochs=100, schedule="constant"
    )

    assert steps[0].loss > 0.3
    assert steps[-1].loss < 0.01


@pytest.mark.parametrize("num_labels", [2, 3, 10])
def test_the_first_loss_of_a_fresh_head_is_that_of_guessing(num_labels: int) -> None:
    """A head drawn at 0.02 gives every label about the probability 1 / K: a loss of ln K."""
    dataset = make_rows(64, num_labels=num_labels)
    model = tiny_model(dropout=0.0, num_labels=num_labels)
    with torch.no_grad():
        model.classifier.weight.normal_(std=0.02, generator=torch.Generator().manual_seed(0))
        model.classifier.bias.zero_()
    _, steps = run(model, dataset, batch_size=64, max_steps=1)

    assert abs(steps[0].loss - math.log(num_labels)) < 0.5


def after_one_step(model: PreTrainedModel, dataset: EncodedDataset, **recipe: float) -> tuple[float, float]:
    """The loss and the gradient norm of one step of 8 rows; the model is trained in place."""
    _, (step,) = run(model, dataset, in_order=True, max_steps=1, learning_rate=1e-3, **recipe)
    return step.loss, step.gradient_norm


@pytest.mark.parametrize("micro_batch_size", [1, 4, 3])  # 8 × 1, 4 + 4, 3 + 3 + 2
def test_micro_batches_give_the_weights_of_the_whole_batch(micro_batch_size: int) -> None:
    dataset = make_rows(8)
    whole, parts = (tiny_model(dropout=0.0, num_labels=2).double() for _ in range(2))
    # Adam's first step is the gradient's sign, so epsilon is raised until the step is the gradient itself.
    recipe = {"adam_epsilon": 1.0, "max_grad_norm": 0.0}
    before = weights(whole)
    loss, norm = after_one_step(whole, dataset, **recipe)
    loss_of_parts, norm_of_parts = after_one_step(parts, dataset, micro_batch_size=micro_batch_size, **recipe)

    assert largest_difference(before, weights(whole)) > 1e-5
    assert largest_difference(weights(whole), weights(parts)) <= 1e-12
    assert abs(loss - loss_of_parts) <= 1e-12
    assert abs(norm - norm_of_parts) <= 1e-12


def test_the_gradient_norm_is_told_as_it_was_before_clipping() -> None:
    dataset = make_rows(8)
    _, norm = after_one_step(tiny_model(dropout=0.0, num_labels=2), dataset, max_grad_norm=0.0)
    _, norm_clipped = after_one_step(tiny_model(dropout=0.0, num_labels=2), dataset, max_grad_norm=norm / 10)

    assert norm_clipped == pytest.approx(norm)


def test_clipping_shortens_the_gradient_to_its_limit() -> None:
    """With epsilon 1 a first Adam step is lr · g / (|g| + 1): a shorter gradient moves less."""
    dataset = make_rows(8)
    free, clipped = (tiny_model(dropout=0.0, num_labels=2) for _ in range(2))
    before = weights(free)
    _, norm = after_one_step(free, dataset, adam_epsilon=1.0, max_grad_norm=0.0)
    after_one_step(clipped, dataset, adam_epsilon=1.0, max_grad_norm=norm / 100)

    moved_free, moved_clipped = (largest_difference(before, weights(model)) for model in (free, clipped))
    assert moved_clipped < moved_free / 50


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_and_predicts(family: str) -> None:
    dataset = make_rows(8, family)
    model = tiny_model(family, dropout=0.0, num_labels=2)
    before = weights(model)
    _, steps = run(model, dataset, family, learning_rate=1e-3, epochs=3, schedule="constant")
    logits = predict_logits(model, dataset, layout=layout_of(family), batch_size=8, runtime=CPU)

    assert [step.step for step in steps] == [1, 2, 3]
    assert steps[2].loss < steps[0].loss
    assert largest_difference(before, weights(model)) > 1e-4
    assert np.isfinite(logits).all()


def test_in_bfloat16_the_weights_stay_float32_and_the_loss_is_nearly_that_of_float32() -> None:
    """bfloat16 keeps 8 bits: a relative error of 2⁻⁸ in every product."""
    dataset = make_rows(8)
    model = tiny_model(dropout=0.1, num_labels=2)
    _, exact = run(tiny_model(dropout=0.1, num_labels=2), dataset, max_steps=3)
    half = Runtime(device=CPU.device, autocast_dtype=torch.bfloat16, num_threads=1)
    _, rounded = run(model, dataset, runtime=half, max_steps=3)

    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert [step.loss for step in rounded] == pytest.approx([step.loss for step in exact], abs=0.05)
    assert [step.loss for step in rounded] != [step.loss for step in exact]


def test_training_leaves_the_dataset_as_it_was() -> None:
    dataset = make_rows(20)
    before = copy.deepcopy(dataset)
    run(tiny_model(num_labels=2), dataset, epochs=1)

    assert (dataset.texts.input_ids == before.texts.input_ids).all()
    assert (dataset.label_ids == before.label_ids).all()
