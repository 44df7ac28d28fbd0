from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.learning.small_run import encoded, layout_of, make_rows, plan_for, scores
from tests.tiny_models import tiny_model
from torch import Tensor, nn
from transformers import PreTrainedModel

from bertsmith.model.vocabulary import VocabularyInUse
from bertsmith.tokens.batching import EncodedDataset, collate
from bertsmith.training.history import StepRecord
from bertsmith.training.loop import Observers, train

FAMILY_NAMES = ("bert", "roberta", "distilbert", "electra", "albert", "modernbert")
NUM_ROWS, NUM_STEPS = 12, 9  # batches of 4: 3 steps an epoch
UNSEEN_WORD = 330
"""An id that `make_rows` never draws: its words end at 309."""


def trained(
    family: str = "bert", *, packed: bool, dtype: torch.dtype = torch.float64, **recipe: Any
) -> tuple[PreTrainedModel, list[StepRecord]]:
    """A tiny model after nine steps without dropout, on packed rows or on padded ones."""
    model = tiny_model(family, dropout=0.0, num_labels=2).to(dtype)
    settings = {"learning_rate": 1e-2, "batch_size": 4, "epochs": 3} | recipe
    dataset = make_rows(NUM_ROWS, family)
    plan = plan_for(dataset, family, **settings)
    assert plan.layout.is_packed
    steps: list[StepRecord] = []
    train(
        model,
        dataset,
        plan=replace(plan, layout=replace(plan.layout, is_packed=packed)),
        validate=scores,
        observers=Observers(on_step=lambda record, num_rows: steps.append(record)),
    )
    assert len(steps) == NUM_STEPS
    return model, steps


def matrix(model: PreTrainedModel) -> Tensor:
    """The embedding matrix."""
    return cast(nn.Embedding, model.get_input_embeddings()).weight.detach()


def pretrained(family: str = "bert", *, dtype: torch.dtype = torch.float64) -> Tensor:
    return matrix(tiny_model(family, dropout=0.0, num_labels=2).to(dtype))


def unseen_ids(family: str = "bert") -> NDArray[np.int64]:
    """Tokens that no training row holds."""
    ids = np.setdiff1d(np.arange(len(pretrained(family))), make_rows(NUM_ROWS, family).texts.input_ids)
    assert UNSEEN_WORD in ids and layout_of(family).pad_id in ids
    return ids


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_without_weight_decay_a_row_of_no_training_row_keeps_its_bits(family: str) -> None:
    model, _ = trained(family, packed=True, dtype=torch.float32)
    before, after = pretrained(family, dtype=torch.float32), matrix(model)
    unseen = unseen_ids(family)
    seen = np.setdiff1d(np.arange(len(before)), unseen)

    assert torch.equal(after[unseen], before[unseen])
    assert (after[seen] != before[seen]).any(dim=1).all()  # every row of a training row has moved


@pytest.mark.parametrize("schedule", ["linear", "constant"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_with_weight_decay_it_shrinks_by_the_product_of_all_steps(dtype: torch.dtype, schedule: str) -> None:
    decay = 0.5
    model, steps = trained(packed=True, dtype=dtype, weight_decay=decay, schedule=schedule)
    factor = math.prod(1 - step.learning_rate * decay for step in steps)
    before, after = pretrained(dtype=dtype)[unseen_ids()], matrix(model)[unseen_ids()]
    expected = before.double() * factor

    # Nine steps at most 0.01 · 0.5: 0.955 where the rate is constant, about 0.975 where it falls to 0.
    assert factor < 0.98
    assert ((after.double() - expected).abs() <= 1e-6 * expected.abs()).all()


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_every_row_is_where_plain_adam_leaves_it(family: str) -> None:
    """Also those in use; with weight decay, which plain AdamW applies to all rows in every step."""
    ours, _ = trained(family, packed=True, weight_decay=0.5)
    theirs, _ = trained(family, packed=False, weight_decay=0.5)

    assert (matrix(theirs) - pretrained(family)).abs().max() > 1e-2
    assert (matrix(ours) - matrix(theirs)).abs().max() <= 1e-9
    unseen = unseen_ids(family)
    difference = (matrix(ours)[unseen] - matrix(theirs)[unseen]).abs()
    assert (difference <= 1e-6 * matrix(theirs)[unseen].abs()).all()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_a_word_unseen_in_training_is_predicted_as_the_plainly_trained_model_predicts_it(
    weight_decay: float,
) -> None:
    rows = EncodedDataset(encoded([[2, UNSEEN_WORD, 3], [2, 120, UNSEEN_WORD, 150, 3]]))
    batch = collate(rows, np.arange(2), layout=layout_of("bert")).inputs()
    ours, _ = trained(packed=True, weight_decay=weight_decay)
    theirs, _ = trained(packed=False, weight_decay=weight_decay)
    untrained = tiny_model(dropout=0.0, num_labels=2).double()
    with torch.no_grad():
        logits, expected, before = (model.eval()(**batch).logits for model in (ours, theirs, untrained))

    assert (expected - before).abs().max() > 0.1
    assert (logits - expected).abs().max() <= 1e-9


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_the_padding_row_keeps_its_index_and_its_bits(family: str) -> None:
    pad_id = layout_of(family).pad_id
    model, _ = trained(family, packed=True)

    assert cast(nn.Embedding, model.get_input_embeddings()).padding_idx == pad_id
    assert torch.equal(matrix(model)[pad_id], pretrained(family)[pad_id])


def vocabulary(*ids: int) -> tuple[PreTrainedModel, VocabularyInUse]:
    model = tiny_model(num_labels=2)
    return model, VocabularyInUse(model, np.array(ids, np.int32))


def test_the_rows_are_those_of_the_ids_in_order_and_of_the_padding_token() -> None:
    model, in_use = vocabulary(140, 120, 140, 7)

    assert torch.equal(in_use.rows.detach(), matrix(model)[[0, 7, 120, 140]])


def test_a_looked_up_embedding_is_that_of_the_model() -> None:
    model, in_use = vocabulary(140, 120, 7)
    ids = torch.tensor([7, 140, 7, 0])
    places, embeddings = in_use.look_up(ids)

    assert places.tolist() == [1, 3, 1, 0]
    assert torch.equal(embeddings, matrix(model)[ids])
    assert embeddings.is_leaf and embeddings.requires_grad


def test_the_gradient_of_a_token_is_summed_over_its_places_and_that_of_padding_stays_zero() -> None:
    """As nn.Embedding does it, also over two batches."""
    _, in_use = vocabulary(140, 120, 7)
    for _ in range(2):
        places, embeddings = in_use.look_up(torch.tensor([7, 140, 7, 0]))
        (embeddings.sum(dim=1) * torch.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
        in_use.add_gradient(places, embeddings)
    assert in_use.rows.grad is not None

    assert in_use.rows.grad[:, 0].tolist() == [0.0, 202.0, 0.0, 20.0]  # of the ids 0, 7, 120, 140
    in_use.forget_gradient()
    assert not in_use.rows.grad.any()


def test_putting_back_twice_shrinks_once() -> None:
    model, in_use = vocabulary(140)
    before = matrix(model).clone()
    in_use.shrink(0.5)
    in_use.shrink(0.5)
    in_use.put_back()
    in_use.put_back()

    assert torch.equal(matrix(model)[7], before[7] / 4)
    assert torch.equal(matrix(model)[140], before[140])  # in use: the optimizer shrinks it, not this
