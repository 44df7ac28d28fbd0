"""This file knows whether the packed path gives what the padded one gives: two ragged batches are run both ways.

Some families take the name of a registered attention and ignore it without a word; no table of names can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from bertsmith.findings import Finding
from bertsmith.model.packed import PackedNetwork, can_pack
from bertsmith.tokens.batching import EncodedDataset, Layout, collate, pack
from bertsmith.tokens.encoding import EncodedTexts

TOLERANCE = 1e-3
"""Largest difference of a logit, as a share of the spread of all: rounding gives 1e-6 to 1e-5 of it."""
NUM_TYPES = 2


def choose_path(
    model: PreTrainedModel, *, layout: Layout, max_length: int
) -> tuple[bool, tuple[Finding, ...]]:
    """Whether the model takes packed rows; M005 or M006 where it does not.

    Args:
        model: in evaluation mode.
        layout: how its rows are laid out where they are packed.
        max_length: most tokens of a row.
    """
    name = type(model).__name__
    if not can_pack(model):
        sentence = f"{name} computes padded rows: the packed path, which skips padding, does not know this architecture."
        return False, (Finding("M005", "info", sentence),)
    difference = largest_difference(model, layout=layout, max_length=max_length)
    if difference <= TOLERANCE:
        return True, ()
    sentence = (
        f"{name} computes padded rows: packed, its logits differ by {difference:.1%} of their spread, "
        f"where {TOLERANCE:.1%} is allowed."
    )
    remedy = "Nothing is wrong with the result; training is slower. Please report the model's name."
    return False, (Finding("M006", "warning", sentence, remedy),)


@torch.inference_mode()
def largest_difference(model: PreTrainedModel, *, layout: Layout, max_length: int) -> float:
    """How far two ragged batches come apart at most, as a share of the spread of the padded logits."""
    device = model.device
    network = PackedNetwork(model, device=device)
    padded, packed = [], []
    for dataset in _ragged(model, max_length=max_length, uses_token_types=layout.uses_token_types):
        rows = np.arange(len(dataset))
        padded.append(model(**collate(dataset, rows, layout=layout).to(device).inputs()).logits)
        packed.append(network.logits(pack(dataset, rows, layout=layout, device=device)))
    reference, found = torch.cat(padded).double(), torch.cat(packed).double()
    spread = (reference - reference.mean(dim=0)).abs().max()
    return float((reference - found).abs().max() / spread.clamp(min=1e-30))


def _ragged(model: PreTrainedModel, *, max_length: int, uses_token_types: bool) -> Iterator[EncodedDataset]:
    """Rows of random tokens: one of a single token, and one that is longer than any sliding window sees."""
    window = 2 * int(getattr(model.config, "sliding_window", None) or 0)
    long_row = min(max_length, max(48, window + 3))
    draws = np.random.Generator(np.random.PCG64(0))
    for lengths in ([5, 1, 17, 3], [long_row, min(9, max_length)]):
        size = np.minimum(lengths, max_length)
        num_tokens = int(size.sum())
        types: NDArray[np.int64] = draws.integers(NUM_TYPES, size=num_tokens) * uses_token_types
        yield EncodedDataset(
            EncodedTexts(
                input_ids=_ids(model, draws.integers(model.config.vocab_size, size=num_tokens)),
                token_type_ids=types.astype(np.int8),
                offsets=np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
                is_cut=np.zeros(len(size), bool),
            )
        )


def _ids(model: PreTrainedModel, ids: NDArray[np.int64]) -> NDArray[np.int32]:
    """The ids without the padding token's, in whose place RoBERTa's padded path would count no position."""
    padding = model.config.pad_token_id
    return np.where(ids == padding, (ids + 1) % model.config.vocab_size, ids).astype(np.int32)
