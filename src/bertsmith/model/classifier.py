"""The classification head of a checkpoint: is it for our labels, keep it in our order, or leave it out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from bertsmith.data.example import LabelSet
from bertsmith.errors import list_names
from bertsmith.findings import Finding

HEAD_NAMES = ("classifier", "pre_classifier", "score", "sequence_summary", "logits_proj", "head")
"""First parts of the names that families give to the layers after the encoder; a pooler is not one."""
GENERIC_NAME = re.compile(r"LABEL_\d+")


def is_head(tensor: str) -> bool:
    """Whether a tensor belongs to the classification head."""
    return tensor.split(".", 1)[0] in HEAD_NAMES


def fits(config: dict[str, Any], stored_names: Sequence[str], label_set: LabelSet) -> bool:
    """Whether a stored head is for exactly our labels: the same names, and names that mean something."""
    if config.get("problem_type") not in (None, "single_label_classification"):
        return False
    if any(GENERIC_NAME.fullmatch(name) for name in stored_names):
        return False
    return len(stored_names) == len(label_set) and set(stored_names) == set(label_set.names)


def without_head(
    weights: dict[str, Tensor], *, architectures: Sequence[str], prefix: str
) -> dict[str, Tensor]:
    """The weights without another task's head: one of the same size would be taken for ours.

    ModernBERT's masked-language head is kept: transformers starts the classifier from it.
    """
    # Without `architectures` nothing says that a head there is the encoder's own.
    pretrained_only = bool(architectures) and not any(
        re.search(r"For(?!MaskedLM|PreTraining)", name) for name in architectures
    )
    carries_head = any(name.startswith(prefix) for name in weights)
    if pretrained_only or not carries_head:
        return weights
    return {name: tensor for name, tensor in weights.items() if name.startswith(prefix) or not is_head(name)}


def reorder_labels(model: PreTrainedModel, stored_names: Sequence[str], our_names: Sequence[str]) -> None:
    """Put the rows of the last layer in our order and name them so, in place."""
    order = torch.tensor([list(stored_names).index(name) for name in our_names])
    layer = last_layer(model)
    with torch.no_grad():
        layer.weight.copy_(layer.weight[order])
        if layer.bias is not None:
            layer.bias.copy_(layer.bias[order])
    model.config.id2label = dict(enumerate(our_names))
    model.config.label2id = {name: index for index, name in enumerate(our_names)}


def last_layer(model: PreTrainedModel) -> nn.Linear:
    """The linear layer that gives the logits, weight (labels, hidden)."""
    num_labels = model.config.num_labels
    found = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and is_head(name) and module.out_features == num_labels
    ]
    return found[-1]


def describe_head(has_classifier: bool, stored_names: Sequence[str], *, kept: bool) -> tuple[Finding, ...]:  # noqa: FBT001
    """M003 the head was kept, M004 a new one was made although there was one."""
    if kept:
        sentence = (
            "The model already classifies these labels: its head is kept, and training goes on from it."
        )
        return (
            Finding(
                "M003",
                "info",
                sentence,
                "To start with a new head, give the base model that it was trained from.",
            ),
        )
    if has_classifier:
        known = (
            f"of other labels ({list_names(stored_names)})"
            if stored_names
            else "of labels that it does not name"
        )
        return (
            Finding(
                "M004", "info", f"The model is a classifier {known}: a new head was made for your labels."
            ),
        )
    return (
        Finding(
            "M004", "info", "A new classification head was made; training starts it from random weights."
        ),
    )
