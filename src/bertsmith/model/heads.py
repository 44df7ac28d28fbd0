"""What a classifier is to the rest of the program, and the loss of a batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

Classifier = PreTrainedModel
"""A pretrained encoder with a classification head: called with a batch's inputs, its `logits` are (batch, labels)."""


def summed_cross_entropy(logits: Tensor, label_ids: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Cross-entropy summed over the rows, in nats; a batch's mean is its micro-batches' sum over its rows.

    Args:
        logits: (batch, labels), any floating type; half precision is raised to float32 first.
        label_ids: (batch,) int64.
        class_weights: (labels,) what each row of a label counts; None: one.
    """
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return functional.cross_entropy(logits, label_ids, weight=class_weights, reduction="sum")
