"""Logits of a whole dataset: no gradients, no dropout, rows in their original order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import EncodedDataset, Padding, by_length, collate

NoProgress: Callable[[int], None] = lambda num_rows: None  # noqa: E731 - a named default for an argument


def predict_logits(
    model: PreTrainedModel,
    dataset: EncodedDataset,
    *,
    padding: Padding,
    batch_size: int,
    runtime: Runtime,
    on_rows: Callable[[int], None] = NoProgress,
) -> NDArray[np.float32]:
    """(rows, labels) logits, in the order of the dataset.

    Args:
        model: on the runtime's device; left in the mode (training or not) in which it came.
        dataset: encoded rows; labels are not looked at.
        padding: how the model wants its rows padded.
        batch_size: rows per forward pass; rows of like length go together.
        runtime: device and precision.
        on_rows: called with the number of rows just done.
    """
    logits = np.empty((len(dataset), int(model.config.num_labels or 0)), np.float32)
    was_training = model.training
    model.train(False)  # noqa: FBT003 - torch's own signature
    with torch.inference_mode(), runtime.autocast():
        for rows in by_length(dataset.texts, size=batch_size):
            batch = collate(dataset, rows, padding=padding).to(runtime.device)
            logits[rows] = model(**batch.inputs()).logits.float().cpu().numpy()
            on_rows(len(rows))
    model.train(was_training)
    return logits
