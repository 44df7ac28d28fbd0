from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.learning.small_run import CPU, encoded, layout_of, make_rows
from tests.tiny_models import FAMILIES, tiny_model
from transformers import PreTrainedModel

from bertsmith.model.prediction import predict_logits
from bertsmith.tokens.batching import EncodedDataset


def predict(
    model: PreTrainedModel, dataset: EncodedDataset, family: str = "bert", *, batch_size: int = 8
) -> NDArray[np.float32]:
    return predict_logits(model, dataset, layout=layout_of(family), batch_size=batch_size, runtime=CPU)


def row_of(dataset: EncodedDataset, row: int) -> list[int]:
    offsets = dataset.texts.offsets
    return dataset.texts.input_ids[offsets[row] : offsets[row + 1]].tolist()


def test_logits_come_in_the_order_of_the_rows() -> None:
    dataset = make_rows(21)
    model = tiny_model(num_labels=3)
    alone = [
        model(input_ids=torch.tensor([row_of(dataset, row)])).logits[0].detach().numpy() for row in range(21)
    ]
    logits = predict(model, dataset)

    assert np.abs(logits - np.stack(alone)).max() <= 1e-5
    assert np.abs(np.diff(logits, axis=0)).max(axis=1).min() > 1e-5  # the rows can be told apart


@pytest.mark.parametrize("family", FAMILIES)
def test_neither_the_order_nor_the_padding_of_other_rows_changes_a_rows_logits(family: str) -> None:
    """The same short row alone, among its likes, and in one batch with one of 60 tokens."""
    dataset = make_rows(9, family)
    long = make_rows(1, family, seed=1, longest=60).texts
    begin, end = row_of(dataset, 0)[0], row_of(dataset, 0)[-1]
    rows = [row_of(dataset, row) for row in range(9)]
    mixed = EncodedDataset(encoded([[begin, *[long.input_ids[1]] * 58, end], *rows[::-1]]))
    model = tiny_model(family, num_labels=2)
    alone = predict(model, dataset, family, batch_size=1)

    assert np.abs(predict(model, dataset, family, batch_size=9) - alone).max() <= 1e-5
    assert np.abs(predict(model, mixed, family, batch_size=10)[:0:-1] - alone).max() <= 1e-5


@pytest.mark.parametrize("is_training", [True, False])
def test_the_model_is_left_in_the_mode_in_which_it_came(*, is_training: bool) -> None:
    model = tiny_model(num_labels=2).train(is_training)
    predict(model, make_rows(3))

    assert model.training == is_training


def test_a_model_in_training_mode_predicts_without_dropout() -> None:
    dataset = make_rows(8)
    model = tiny_model(dropout=0.5, num_labels=2)

    assert np.array_equal(predict(model.train(), dataset), predict(model.eval(), dataset))


def test_labels_are_not_needed() -> None:
    dataset = make_rows(5)
    model = tiny_model(num_labels=2)

    assert np.array_equal(predict(model, EncodedDataset(dataset.texts)), predict(model, dataset))


def test_no_rows_give_no_logits() -> None:
    assert predict(tiny_model(num_labels=3), EncodedDataset(encoded([]))).shape == (0, 3)


def test_progress_is_told_batch_by_batch_to_the_last() -> None:
    told: list[int] = []
    predict_logits(
        tiny_model(num_labels=2),
        make_rows(21),
        layout=layout_of("bert"),
        batch_size=1,
        runtime=CPU,
        on_rows=told.append,
    )

    assert sum(told) == 21
    assert len(told) > 1


def test_no_weight_has_a_gradient_afterwards() -> None:
    model = tiny_model(num_labels=2)
    predict(model, make_rows(3))

    assert all(parameter.grad is None for parameter in model.parameters())
