"""Logits of a whole dataset: no gradients, no dropout, rows in their original order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from bertsmith.model.packed import PackedNetwork
from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import EncodedDataset, Layout, by_length, by_num_tokens, collate, pack

NoProgress: Callable[[int], None] = lambda num_rows: None  # noqa: E731 - a named default for an argument
TOKENS_PER_ROW = 128
"""A packed batch holds as many tokens as its number of rows would have with this many each."""


def predict_logits(
    model: PreTrainedModel,
    dataset: EncodedDataset,
    *,
    layout: Layout,
    batch_size: int,
    runtime: Runtime,
    on_rows: Callable[[int], None] = NoProgress,
) -> NDArray[np.float32]:
    """(rows, labels) logits, in the order of the dataset.

    Args:
        model: on the runtime's device; left in the mode (training or not) in which it came.
        dataset: encoded rows; labels are not looked at.
        layout: how the model wants its rows laid out.
        batch_size: rows per forward pass; packed, so many times 128 tokens. Rows of like length go together.
        runtime: device, precision and threads.
        on_rows: called with the number of rows just done.
    """
    logits = np.empty((len(dataset), int(model.config.num_labels or 0)), np.float32)
    was_training = model.training
    model.train(False)  # noqa: FBT003 - torch's own signature
    try:
        if layout.is_packed:
            batches = list(by_num_tokens(dataset.texts, most=TOKENS_PER_ROW * batch_size))
            computed = _packed(model, dataset, batches, layout=layout, runtime=runtime)
        else:
            batches = list(by_length(dataset.texts, size=batch_size))
            computed = _padded(model, dataset, batches, layout=layout, runtime=runtime)
        for rows, of_rows in zip(batches, computed, strict=True):
            logits[rows] = of_rows
            on_rows(len(rows))
    finally:
        model.train(was_training)
    return logits


def _padded(
    model: PreTrainedModel,
    dataset: EncodedDataset,
    batches: list[NDArray[np.int64]],
    *,
    layout: Layout,
    runtime: Runtime,
) -> Iterator[NDArray[np.float32]]:
    """The logits of every batch, one after the other."""
    for rows in batches:
        with torch.inference_mode(), runtime.autocast():
            batch = collate(dataset, rows, layout=layout).to(runtime.device)
            yield model(**batch.inputs()).logits.float().cpu().numpy()


def _packed(
    model: PreTrainedModel,
    dataset: EncodedDataset,
    batches: list[NDArray[np.int64]],
    *,
    layout: Layout,
    runtime: Runtime,
) -> Iterator[NDArray[np.float32]]:
    """The logits of every batch, one after the other, without padding."""
    network = PackedNetwork(model, device=runtime.device)
    for rows in batches:
        with torch.inference_mode(), runtime.autocast():
            yield (
                network.logits(pack(dataset, rows, layout=layout, device=runtime.device))
                .float()
                .cpu()
                .numpy()
            )
