from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.learning.small_run import encoded, make_rows

from bertsmith.tokens.batching import EncodedDataset, Layout, by_length, collate, shuffled_rows, split_rows
from bertsmith.tokens.encoding import EncodedTexts

LAYOUT = Layout(pad_id=9, uses_token_types=True)


def three_rows() -> EncodedDataset:
    """Rows of 2, 4 and 3 tokens; the second is a pair."""
    texts = EncodedTexts(
        input_ids=np.array([11, 12, 21, 22, 23, 24, 31, 32, 33], np.int32),
        token_type_ids=np.array([0, 0, 0, 0, 1, 1, 0, 0, 0], np.int8),
        offsets=np.array([0, 2, 6, 9]),
        is_cut=np.zeros(3, bool),
    )
    return EncodedDataset(texts, np.array([1, 0, 2]))


def test_rows_are_padded_at_their_end_to_the_longest_of_them() -> None:
    batch = collate(three_rows(), np.array([2, 0]), layout=LAYOUT)

    assert batch.input_ids.tolist() == [[31, 32, 33], [11, 12, 9]]
    assert batch.attention_mask.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch.label_ids.tolist() == [2, 1]


def test_token_types_stand_under_their_tokens_and_are_0_for_padding() -> None:
    batch = collate(three_rows(), np.array([0, 1]), layout=LAYOUT)

    assert batch.token_type_ids.tolist() == [[0, 0, 0, 0], [0, 0, 1, 1]]


def test_a_model_without_token_types_is_given_none() -> None:
    batch = collate(three_rows(), np.array([1]), layout=Layout(pad_id=9, uses_token_types=False))

    assert batch.inputs().keys() == {"input_ids", "attention_mask"}


def test_a_model_with_token_types_is_given_them() -> None:
    batch = collate(three_rows(), np.array([1]), layout=LAYOUT)

    assert batch.inputs()["token_type_ids"].tolist() == [[0, 0, 1, 1]]


def test_real_tokens_are_counted_without_padding() -> None:
    assert collate(three_rows(), np.array([0, 1]), layout=LAYOUT).num_tokens == 6


def test_rows_without_labels_make_a_batch_without_labels() -> None:
    batch = collate(EncodedDataset(three_rows().texts), np.array([0, 1]), layout=LAYOUT)

    assert batch.label_ids is None
    assert batch.to(torch.device("cpu")).label_ids is None


def test_all_ids_are_int64_as_transformers_wants_them() -> None:
    batch = collate(three_rows(), np.array([0, 1]), layout=LAYOUT)

    assert {ids.dtype for ids in [*batch.inputs().values(), batch.label_ids]} == {torch.int64}


def test_a_batch_on_another_device_is_the_same_batch() -> None:
    batch = collate(three_rows(), np.array([0, 1]), layout=LAYOUT)
    moved = batch.to(torch.device("meta"))

    assert {ids.device.type for ids in [*moved.inputs().values(), moved.label_ids]} == {"meta"}
    assert (len(moved), moved.num_tokens) == (2, 6)


def test_as_many_labels_as_rows_are_needed() -> None:
    with pytest.raises(ValueError, match="3 rows but 2 labels"):
        EncodedDataset(three_rows().texts, np.array([0, 1]))


def test_an_epochs_order_is_a_permutation_of_the_rows() -> None:
    rows = shuffled_rows(1000, seed=42, epoch=0)

    assert sorted(rows) == list(range(1000))
    assert rows.tolist() != list(range(1000))


def test_an_epochs_order_is_the_same_every_time() -> None:
    assert np.array_equal(shuffled_rows(1000, seed=42, epoch=3), shuffled_rows(1000, seed=42, epoch=3))


@pytest.mark.parametrize(("seed", "epoch"), [(42, 1), (43, 0), (1, 42)])
def test_another_epoch_or_seed_has_another_order(seed: int, epoch: int) -> None:
    """Of two random orders of 1,000 rows one place agrees on average; ten do once in ten million."""
    agreeing = shuffled_rows(1000, seed=42, epoch=0) == shuffled_rows(1000, seed=seed, epoch=epoch)

    assert agreeing.sum() < 10


def test_seed_and_epoch_are_not_interchangeable() -> None:
    assert not np.array_equal(shuffled_rows(1000, seed=1, epoch=2), shuffled_rows(1000, seed=2, epoch=1))


def test_the_last_group_of_rows_holds_the_rest() -> None:
    assert [group.tolist() for group in split_rows(np.arange(8), size=3)] == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_by_length_gives_every_row_once() -> None:
    groups = list(by_length(make_rows(50).texts, size=8))

    assert [len(group) for group in groups] == [8] * 6 + [2]
    assert sorted(np.concatenate(groups)) == list(range(50))


def test_by_length_puts_rows_of_like_length_together_the_longest_first() -> None:
    texts = encoded([[1], [1] * 5, [1] * 3, [1] * 5])

    assert [group.tolist() for group in by_length(texts, size=2)] == [[1, 3], [2, 0]]
