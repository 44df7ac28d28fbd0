"""How many numbers a configuration asks for, held against what the weights file has, before any of it is allocated."""

from __future__ import annotations

import torch
from transformers import PretrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights

from bertsmith.errors import IncompatibleModel
from bertsmith.model import classifier
from bertsmith.model.configuration import REFUSALS
from bertsmith.model.files import AGAIN
from bertsmith.model.tokenizer import first_line, quiet
from bertsmith.model.weights import Headers

FACTOR = 3
SLACK = 1_000_000
"""A model may be this much larger than its file: heads and poolers may be missing there, and buffers are in none."""
MOST_LEFT_OVER = 64
"""A file may hold this much more than the model: the first layer of a 24-layer one is a model too."""


def check_implied_size(
    model: str,
    built: type[PreTrainedModel],
    config: PretrainedConfig,
    *,
    headers: Headers,
    has_own_head: bool,
) -> None:
    """Refuse a configuration of more numbers than the weights file can fill, and a file of far more than it asks for.

    The model is laid out on torch's meta device, where tensors have shapes and no memory. What differs within these
    bounds is found later, tensor by tensor.

    Args:
        model: its name, for the message.
        built: the classifier's class.
        config: checked; its counts are small.
        headers: what the weights file holds.
        has_own_head: whether the head is to come from the file, too; else it is ours to make.

    Raises:
        IncompatibleModel: with both numbers, or with why no model can be laid out.
    """
    try:
        with quiet(), torch.device("meta"), no_init_weights():
            shapes = built(config)
    except REFUSALS as error:
        problem = (
            f"transformers cannot build it from its config.json and weights ({first_line(error)[:500]})."
        )
        raise IncompatibleModel(model, problem, remedy=AGAIN) from error
    tensors = dict(shapes.named_parameters()) | dict(shapes.named_buffers())
    implied = sum(
        tensor.numel() for name, tensor in tensors.items() if has_own_head or not classifier.is_head(name)
    )
    stored = sum(tensor.num_elements for tensor in headers.values())
    if implied <= FACTOR * stored + SLACK and stored <= MOST_LEFT_OVER * implied + SLACK:
        return
    problem = (
        f"config.json and its weights are not of the same model: config.json describes {implied:,} numbers, "
        f"the safetensors file holds {stored:,}."
    )
    raise IncompatibleModel(model, problem, remedy=AGAIN)
