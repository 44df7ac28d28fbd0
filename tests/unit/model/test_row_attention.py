from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.learning.small_run import CPU, encoded, layout_of, make_rows
from tests.tiny_models import tiny_model
from torch import Tensor

from bertsmith.model.packed import PackedNetwork
from bertsmith.model.row_attention import (
    PADDED_AREA,
    PADDED_TOKENS,
    AttentionSettings,
    PackedRows,
    attend,
    attend_in_blocks,
)
from bertsmith.tokens.batching import EncodedDataset, pack
from bertsmith.training.gradients import BatchSettings, PackedGradients

HEADS, HEAD_SIZE = 3, 4
SCALING = 0.7
LENGTHS = {
    "ragged": (5, 1, 17, 3, 3),
    "equally long": (6, 6, 6),
    "one-token rows": (1, 1, 1),
    "one row": (20,),
    "more than a block": (200, 3, 190, 1, 7, 64, 64, 60, 2),
}
CASES = list(itertools.product(LENGTHS, [None, 1, 3, 9], [False, True]))
"""Rows, window, and whether only the first token of each row asks."""


def packed_rows(lengths: tuple[int, ...]) -> PackedRows:
    return PackedRows(np.array(lengths, np.int64), device=CPU.device)


def draw_states(lengths: tuple[int, ...], *, first_only: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value; scores of a standard deviation of about 1.4, far from uniform."""
    generator = torch.Generator().manual_seed(sum(lengths))
    num_queries = len(lengths) if first_only else sum(lengths)
    shapes = [num_queries, sum(lengths), sum(lengths)]
    query, key, value = (
        torch.randn(size, HEADS, HEAD_SIZE, dtype=torch.float64, generator=generator) for size in shapes
    )
    return query, key, value


def plain_attention(
    states: tuple[Tensor, Tensor, Tensor], lengths: tuple[int, ...], window: int | None
) -> Tensor:
    """Every row, query and head by itself, from the definition."""
    query, key, value = states
    first_only = len(query) == len(lengths)
    outputs, start = [], 0
    for row, length in enumerate(lengths):
        for place in [0] if first_only else range(length):
            seen = [start + other for other in range(length) if window is None or abs(other - place) < window]
            asking = query[row if first_only else start + place]
            scores = torch.einsum("hd,khd->hk", asking, key[seen]) * SCALING
            outputs.append(torch.einsum("hk,khd->hd", scores.softmax(dim=-1), value[seen]))
        start += length
    return torch.stack(outputs)


def weighted_sum(values: Tensor) -> Tensor:
    """A scalar in which every value has another weight, so that no two gradients can be exchanged."""
    weights = torch.randn(values.shape, dtype=values.dtype, generator=torch.Generator().manual_seed(7))
    return (values * weights).sum()


@pytest.mark.parametrize(("rows", "window", "first_only"), CASES)
def test_without_gradients_it_is_the_attention_of_every_row_alone(
    rows: str, window: int | None, first_only: bool
) -> None:
    lengths = LENGTHS[rows]
    states = draw_states(lengths, first_only=first_only)
    settings = AttentionSettings(packed_rows(lengths), SCALING, window=window)

    assert (attend(*states, settings) - plain_attention(states, lengths, window)).abs().max() <= 1e-12


@pytest.mark.parametrize(("rows", "window", "first_only"), CASES)
def test_with_gradients_it_is_the_same_and_so_are_they(
    rows: str, window: int | None, first_only: bool
) -> None:
    lengths = LENGTHS[rows]
    states = tuple(state.requires_grad_() for state in draw_states(lengths, first_only=first_only))
    assert len(states) == 3
    output = attend(*states, AttentionSettings(packed_rows(lengths), SCALING, window=window))
    expected = plain_attention(states, lengths, window)
    gradients = torch.autograd.grad(weighted_sum(output), states)
    expected_gradients = torch.autograd.grad(weighted_sum(expected), states, allow_unused=True)

    assert (output - expected).abs().max() <= 1e-12
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        assert theirs is not None
        assert (ours - theirs).abs().max() <= 1e-12


@pytest.mark.parametrize("way", [attend, attend_in_blocks])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("first_only", [False, True])
@pytest.mark.parametrize("window", [None, 2])
def test_the_gradient_is_that_of_the_function(
    window: int | None, first_only: bool, dropout: float, way: Callable[..., Tensor]
) -> None:
    """By finite differences; with dropout the masks are those of one seed."""
    lengths = (3, 1, 4)

    def attention(*states: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(3)
        settings = AttentionSettings(packed_rows(lengths), SCALING, dropout, window, generator)
        return way(*states, settings)

    states = tuple(state.requires_grad_() for state in draw_states(lengths, first_only=first_only))

    assert torch.autograd.gradcheck(attention, states)


@pytest.mark.parametrize("layout", ["heads last", "heads first"])
def test_states_that_do_not_lie_in_one_piece_are_read_as_they_are(layout: str) -> None:
    """A model hands over views of its products."""
    lengths = LENGTHS["ragged"]
    whole = torch.stack(draw_states(lengths), dim=2)
    if layout == "heads first":
        whole = whole.transpose(0, 1).contiguous().transpose(0, 1)
    states = tuple(whole.clone().requires_grad_().unbind(dim=2))
    assert len(states) == 3 and not states[0].is_contiguous()
    settings = AttentionSettings(packed_rows(lengths), SCALING)

    expected = plain_attention(states, lengths, None)
    assert (attend(*states, settings) - expected).abs().max() <= 1e-12
    with torch.no_grad():
        assert (attend(*states, settings) - expected).abs().max() <= 1e-12


RANDOM_LENGTHS = tuple(int(length) for length in np.random.Generator(np.random.PCG64(0)).integers(1, 300, 80))


@pytest.mark.parametrize("lengths", [*LENGTHS.values(), RANDOM_LENGTHS])
def test_every_row_is_in_one_block_and_every_token_in_its_slot(lengths: tuple[int, ...]) -> None:
    rows = packed_rows(lengths)
    starts = rows.starts.tolist()

    assert sorted(row for block in rows.blocks for row in block.rows.tolist()) == list(range(len(lengths)))
    for block in rows.blocks:
        slots = {
            place * block.longest + position: starts[row] + position
            for place, row in enumerate(block.rows.tolist())
            for position in range(lengths[row])
        }
        assert dict(zip(block.slots.tolist(), block.tokens.tolist(), strict=True)) == slots
        is_padding = torch.ones(len(block.rows) * block.longest, dtype=torch.bool)
        is_padding[list(slots)] = False
        found = torch.zeros_like(is_padding) if block.is_padding is None else block.is_padding.flatten()
        assert torch.equal(found, is_padding)


def test_the_padding_of_a_block_is_bounded() -> None:
    blocks = packed_rows(RANDOM_LENGTHS).blocks
    large = [block for block in blocks if block.longest * len(block.rows) > PADDED_TOKENS]
    needed = [sum(RANDOM_LENGTHS[row] ** 2 for row in block.rows.tolist()) for block in large]

    assert 1 < len(blocks) < len(RANDOM_LENGTHS) / 4  # rows do come together
    assert large
    for block, area in zip(large, needed, strict=True):
        assert block.longest**2 * len(block.rows) <= PADDED_AREA * area


def test_the_mean_of_every_row_counts_its_own_tokens() -> None:
    lengths = LENGTHS["ragged"]
    hidden = draw_states(lengths)[0].flatten(1)
    expected = torch.stack([row.mean(dim=0) for row in hidden.split(lengths)])

    assert (packed_rows(lengths).mean(hidden) - expected).abs().max() <= 1e-12


Attention = Callable[[Tensor, Tensor, Tensor, AttentionSettings], Tensor]


def kept(
    length: int, num_rows: int, *, p: float, generator: torch.Generator, way: Attention = attend
) -> Tensor:
    """(rows, heads, queries, tokens) which attention probabilities are kept.

    With queries of zero every probability is 1 / length, and with unit vectors as values they are the output.
    """
    num_heads = 4
    query = torch.zeros(num_rows * length, num_heads, length, requires_grad=True)
    value = torch.eye(length).repeat(num_rows, 1)[:, None].expand(-1, num_heads, -1)
    settings = AttentionSettings(packed_rows((length,) * num_rows), 1.0, p, generator=generator)
    output = way(query, torch.zeros_like(query), value, settings).detach()
    scaled = output.view(num_rows, length, num_heads, length).transpose(1, 2) * length * (1 - p)
    assert ((scaled.abs() < 1e-5) | ((scaled - 1).abs() < 1e-5)).all()  # 0, or 1 / (1 - p) times 1 / length
    return scaled > 0.5


@pytest.mark.parametrize("way", [attend, attend_in_blocks])
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_the_share_of_probabilities_kept_is_within_four_standard_errors(p: float, way: Attention) -> None:
    """64 rows × 4 heads × 64 queries × 64 tokens = 2²⁰ draws; also in every row and in every head."""
    mask = kept(64, 64, p=p, generator=torch.Generator().manual_seed(0), way=way).double()
    assert mask.numel() >= 10**6

    def in_standard_errors(part: Tensor) -> float:
        return abs(part.mean().item() - (1 - p)) / math.sqrt(p * (1 - p) / part.numel())

    assert in_standard_errors(mask) < 4
    # The largest of 64 + 4 + 64 + 64: beyond 5 standard errors once in 9,000 such tests.
    parts = [mask[row] for row in range(64)] + [mask[:, head] for head in range(4)]
    parts += [mask[:, :, place] for place in range(64)] + [mask[..., place] for place in range(64)]
    assert max(in_standard_errors(part) for part in parts) < 5


def agreement_in_standard_errors(one: Tensor, other: Tensor, *, p: float) -> float:
    """How far the share of equal values is from that of two independent masks, (1 - p)² + p²."""
    share = (1 - p) ** 2 + p**2
    return abs((one == other).double().mean().item() - share) / math.sqrt(share * (1 - share) / one.numel())


def test_masks_differ_between_rows_heads_and_layers() -> None:
    """The layers of a forward pass draw from one generator, one after the other."""
    generator = torch.Generator().manual_seed(1)
    layers = [kept(48, 4, p=0.3, generator=generator) for _ in range(2)]
    pairs = [
        (layers[0], layers[1]),
        (layers[0][0], layers[0][1]),
        (layers[0][2], layers[0][3]),
        (layers[0][:, 0], layers[0][:, 1]),
        (layers[0][:, 2], layers[0][:, 3]),
    ]

    assert all(agreement_in_standard_errors(one, other, p=0.3) < 4 for one, other in pairs)


def test_masks_are_a_function_of_the_seed() -> None:
    first, again, other = (
        kept(48, 4, p=0.3, generator=torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )

    assert torch.equal(first, again)
    assert agreement_in_standard_errors(first, other, p=0.3) < 4


def compute_with(
    dataset: EncodedDataset, *, key: tuple[int | str, ...], micro_batch_size: int | None
) -> float:
    """The loss of one step; its dropout is a function of the key."""
    settings = BatchSettings(layout_of("bert"), CPU, micro_batch_size=micro_batch_size)
    gradients = PackedGradients(tiny_model(dropout=0.5, num_labels=2), dataset, settings=settings)
    return gradients.compute(np.arange(len(dataset)), dropout_key=key)


def test_masks_differ_between_steps_and_are_the_same_for_the_same_step() -> None:
    dataset = make_rows(4)
    first, again, other = (
        compute_with(dataset, key=("dropout", step), micro_batch_size=None) for step in (1, 1, 2)
    )

    assert first == again
    assert abs(first - other) > 1e-3


def test_masks_differ_between_micro_batches() -> None:
    """Of one row twice: were both drawn alike, the mean loss of the two would be that of the one."""
    row = make_rows(1)
    ids, label = row.texts.input_ids.tolist(), row.label_ids
    assert label is not None
    twice = EncodedDataset(encoded([ids, ids]), np.repeat(label, 2))
    alone = compute_with(row, key=("dropout", 1), micro_batch_size=1)

    assert abs(compute_with(twice, key=("dropout", 1), micro_batch_size=1) - alone) > 1e-3


def test_equal_rows_of_a_batch_get_masks_of_their_own() -> None:
    ids = make_rows(1).texts.input_ids.tolist()
    network = PackedNetwork(tiny_model(dropout=0.5, num_labels=2), device=CPU.device)
    network.module.train()
    network.seed(0)
    logits = network.logits(
        pack(EncodedDataset(encoded([ids] * 6)), np.arange(6), layout=layout_of("bert"), device=CPU.device)
    ).detach()

    assert torch.pdist(logits).min() > 1e-3
