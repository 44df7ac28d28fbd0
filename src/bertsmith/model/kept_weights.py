"""A model's weights as named tensors, and back: what a checkpoint keeps of it."""

from __future__ import annotations

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from bertsmith.errors import IncompatibleModel


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Name → tensor of every parameter and every buffer that is saved; a shared one once. They are the model's own: no copies."""
    saved = model.state_dict(keep_vars=True).keys()
    named = [*model.named_parameters(), *model.named_buffers()]
    return {name: tensor.detach() for name, tensor in named if name in saved}


@torch.no_grad()
def put_weights(model: nn.Module, tensors: dict[str, Tensor], *, name: str) -> None:
    """Put tensors that `weights_of` gave into the model, in place.

    Args:
        model: of the same architecture.
        tensors: of every name.
        name: of the file that they are from, for the error.

    Raises:
        IncompatibleModel: a name or a shape is not the model's.
    """
    own = weights_of(model)
    other = own.keys() ^ tensors.keys()
    other |= {key for key in own.keys() & tensors.keys() if own[key].shape != tensors[key].shape}
    if other:
        raise IncompatibleModel(
            name,
            f"the weights are not this model's: {min(other)!r} differs.",
            remedy="Resume with the model that the run began with, or start the run again.",
        )
    for key, tensor in own.items():
        tensor.copy_(tensors[key])


def as_bytes(tensors: dict[str, Tensor]) -> bytes:
    """The tensors as the content of a safetensors file: a copy of what they are now, from any device."""
    return save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, {"format": "pt"}
    )


def from_bytes(content: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    return load(content)
