"""The classification head of a checkpoint: is it for our labels, keep it in our order, or leave it out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from bertsmith.data.example import LabelSet
from bertsmith.errors import list_names
from bertsmith.findings import Finding

HEAD_NAMES = ("classifier", "pre_classifier", "score", "sequence_summary", "logits_proj", "head")
"""First parts of the names that families give to the layers after the encoder; a pooler is not one."""
LOGIT_LAYERS = ("classifier", "score", "logits_proj")
"""Those of them that give, or hold what gives, the logits of labels."""
GENERIC_NAME = re.compile(r"LABEL_\d+")
PRETRAINING = r"For(MaskedLM|PreTraining)"
"""Ends of the class names of models that have no labels."""
SINGLE_LABEL: Final = "single_label_classification"


def is_head(tensor: str) -> bool:
    """Whether a tensor belongs to the classification head."""
    return tensor.split(".", 1)[0] in HEAD_NAMES


def carries_labels(weights: Iterable[str]) -> bool:
    """Whether one of these tensors is of a layer that gives the logits of labels."""
    return any(tensor.split(".", 1)[0] in LOGIT_LAYERS for tensor in weights)


def fits(config: dict[str, Any], stored_names: Sequence[str], label_set: LabelSet) -> bool:
    """Whether a stored head is for exactly our labels: the same names, and names that mean something."""
    if config.get("problem_type") not in (None, SINGLE_LABEL) or not _are_named(stored_names):
        return False
    return len(stored_names) == len(label_set) and set(stored_names) == set(label_set.names)


def without_head(weights: dict[str, Tensor], *, architectures: Sequence[str]) -> dict[str, Tensor]:
    """The weights without any head: one of the same size would be taken for ours.

    The `head` of a masked-language model (ModernBERT) is kept: transformers starts the classifier from it.
    """
    is_pretraining = any(re.search(PRETRAINING, name) for name in architectures)
    return {
        name: tensor
        for name, tensor in weights.items()
        if not is_head(name) or (is_pretraining and name.startswith("head."))
    }


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


def describe_head(
    config: dict[str, Any], stored_names: Sequence[str], *, carried: bool, kept: bool
) -> Finding:
    """M003 the head was kept, M004 a new one was made, and why an old one was left out.

    Args:
        config: config.json as it stands.
        stored_names: the checkpoint's label names in id order; empty where it has none.
        carried: whether the checkpoint holds a head that gives logits of labels.
        kept: whether that one is the model's now.
    """
    if kept:
        return Finding(
            "M003",
            "info",
            "The model already classifies these labels: its head is kept, and training goes on from it.",
            "To start with a new head, give the base model that it was trained from.",
        )
    sentence = "A new classification head was made; training starts it from random weights."
    if carried:
        sentence = f"{_why_not_kept(config, stored_names)}: a new head was made for your labels."
    return Finding("M004", "info", sentence)


def _why_not_kept(config: dict[str, Any], stored_names: Sequence[str]) -> str:
    """What the left-out head was for, as the beginning of a sentence."""
    architectures = [str(name) for name in config.get("architectures") or ()]
    if architectures and not any("ForSequenceClassification" in name for name in architectures):
        return f"The checkpoint has a head, but was not saved from a text classifier ({', '.join(architectures)})"
    if config.get("problem_type") not in (None, SINGLE_LABEL):
        return f"The model is a classifier with the problem_type {config['problem_type']!r}"
    if not _are_named(stored_names):
        return "The model is a classifier of labels that it does not name"
    return f"The model is a classifier of other labels ({list_names(stored_names)})"


def _are_named(names: Sequence[str]) -> bool:
    """Whether the names mean something: `LABEL_0` says nothing about what was learned."""
    return bool(names) and not any(GENERIC_NAME.fullmatch(name) for name in names)
