"""What a checkpoint keeps of a model comes back as the same bits, and only into the same model."""

from __future__ import annotations

import pytest
import torch
from tests.tiny_models import tiny_model

from bertsmith.errors import IncompatibleModel
from bertsmith.model.kept_weights import as_bytes, from_bytes, put_weights, weights_of


def test_weights_come_back_as_the_same_bits() -> None:
    model, other = tiny_model(seed=1, num_labels=2), tiny_model(seed=2, num_labels=2)
    content = as_bytes(weights_of(model))
    put_weights(other, from_bytes(content), name="weights.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_tied_and_transposed_weights_are_saved_once() -> None:
    class Tied(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = torch.nn.Linear(3, 4)
            self.b = torch.nn.Linear(3, 4)
            self.b.weight = self.a.weight
            self.c = torch.nn.Parameter(torch.randn(3, 5).T)

    model, other = Tied(), Tied()
    content = as_bytes(weights_of(model))
    put_weights(other, from_bytes(content), name="weights.safetensors")
    assert torch.equal(model.a.weight, other.b.weight)
    assert torch.equal(model.c, other.c)


def test_weights_of_another_model_are_refused() -> None:
    content = as_bytes(weights_of(tiny_model(num_labels=2)))
    with pytest.raises(IncompatibleModel, match=r"(?s)not this model's.*start the run again"):
        put_weights(tiny_model(num_labels=3), from_bytes(content), name="weights.safetensors")
