from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from bertsmith.model.linear import DirectLinear

NUM_INPUTS, NUM_OUTPUTS = 48, 36
TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-5}
"""Sums of at most 60 products of about 1, each rounded to 1e-16 or 6e-8, in another order."""
SHAPES = [(7,), (1, 60), (3, 1), (2, 5)]


def pair(dtype: torch.dtype, *, bias: bool = True) -> tuple[DirectLinear, nn.Linear]:
    """The same layer twice, with parameters of its own each."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        linear = nn.Linear(NUM_INPUTS, NUM_OUTPUTS, bias=bias, dtype=dtype)
    return DirectLinear(copy.deepcopy(linear)), linear


def draw(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def weighted_sum(values: Tensor) -> Tensor:
    """A scalar in which every value has another weight, so that no two gradients can be exchanged."""
    return (values * draw(*values.shape, dtype=values.dtype, seed=9)).sum()


def difference(one: Tensor | None, other: Tensor | None) -> float:
    assert one is not None and other is not None
    return (one - other).abs().max().item()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_values_and_gradients_are_those_of_the_plain_layer(
    dtype: torch.dtype, bias: bool, shape: tuple[int, ...]
) -> None:
    direct, plain = pair(dtype, bias=bias)
    ours, theirs = (draw(*shape, NUM_INPUTS, dtype=dtype).requires_grad_() for _ in range(2))
    output, expected = direct(ours), plain(theirs)
    weighted_sum(output).backward()
    weighted_sum(expected).backward()

    assert output.shape == expected.shape
    assert difference(output, expected) <= TOLERANCE[dtype]
    assert difference(ours.grad, theirs.grad) <= TOLERANCE[dtype]
    assert difference(direct.weight.grad, plain.weight.grad) <= TOLERANCE[dtype]
    if bias:
        assert difference(direct.bias.grad, plain.bias.grad) <= TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_values_without_gradients_are_those_of_the_plain_layer(dtype: torch.dtype) -> None:
    direct, plain = pair(dtype)
    inputs = draw(2, 5, NUM_INPUTS, dtype=dtype)
    with torch.no_grad():
        assert difference(direct(inputs), plain(inputs)) <= TOLERANCE[dtype]


@pytest.mark.parametrize("bias", [True, False])
def test_outputs_that_are_asked_for_are_slices_of_all(bias: bool) -> None:
    """As ModernBERT's last layer asks for the query of some tokens, and for key and value of all."""
    direct, plain = pair(torch.float64, bias=bias)
    few, many = draw(2, NUM_INPUTS), draw(9, NUM_INPUTS, seed=1)
    first, rest = direct(few, outputs=slice(0, 12)), direct(many, outputs=slice(12, NUM_OUTPUTS))
    expected_first, expected_rest = plain(few)[:, :12], plain(many)[:, 12:]
    (weighted_sum(first) + weighted_sum(rest)).backward()
    (weighted_sum(expected_first) + weighted_sum(expected_rest)).backward()

    assert difference(first, expected_first) <= 1e-13
    assert difference(rest, expected_rest) <= 1e-13
    assert difference(direct.weight.grad, plain.weight.grad) <= 1e-13
    if bias:
        assert difference(direct.bias.grad, plain.bias.grad) <= 1e-13


def test_outputs_that_no_one_asks_for_have_no_gradient() -> None:
    direct, _ = pair(torch.float64)
    weighted_sum(direct(draw(3, NUM_INPUTS), outputs=slice(0, 12))).backward()
    gradient = direct.weight.grad
    assert gradient is not None

    assert (gradient[:12] != 0).all()
    assert (gradient[12:] == 0).all()


def test_gradients_of_several_calls_are_summed() -> None:
    """As ALBERT calls one layer many times, and as micro-batches follow each other."""
    direct, plain = pair(torch.float64)
    for layer in (direct, plain):
        (
            weighted_sum(layer(draw(3, NUM_INPUTS))) + weighted_sum(layer(draw(4, NUM_INPUTS, seed=1)))
        ).backward()
        weighted_sum(layer(draw(5, NUM_INPUTS, seed=2))).backward()

    assert difference(direct.weight.grad, plain.weight.grad) <= 1e-13
    assert difference(direct.bias.grad, plain.bias.grad) <= 1e-13


@pytest.mark.parametrize("outputs", [slice(None), slice(0, NUM_OUTPUTS // 2)])
def test_the_first_write_of_a_step_overwrites_what_stood_there_and_keeps_the_memory(outputs: slice) -> None:
    direct, plain = pair(torch.float64)
    direct.weight.grad = torch.full_like(direct.weight, torch.nan)
    memory = direct.weight.grad.data_ptr()
    weighted_sum(direct(draw(3, NUM_INPUTS), outputs=outputs)).backward()
    weighted_sum(plain(draw(3, NUM_INPUTS))[:, outputs]).backward()

    assert difference(direct.weight.grad, plain.weight.grad) <= 1e-13
    assert direct.weight.grad is not None and direct.weight.grad.data_ptr() == memory


def test_a_second_step_overwrites_the_first_once_the_place_is_said_to_be_empty() -> None:
    direct, plain = pair(torch.float64)
    weighted_sum(direct(draw(3, NUM_INPUTS))).backward()
    direct.place.is_empty = True
    weighted_sum(direct(draw(4, NUM_INPUTS, seed=1))).backward()
    weighted_sum(plain(draw(4, NUM_INPUTS, seed=1))).backward()

    assert difference(direct.weight.grad, plain.weight.grad) <= 1e-13


@pytest.mark.parametrize("frozen", ["weight", "bias"])
def test_a_frozen_parameter_gets_no_gradient_and_the_other_its_own(frozen: str) -> None:
    direct, plain = pair(torch.float64)
    for layer in (direct, plain):
        getattr(layer, frozen).requires_grad_(False)
        weighted_sum(layer(draw(3, NUM_INPUTS))).backward()
    trained = "bias" if frozen == "weight" else "weight"

    assert getattr(direct, frozen).grad is None
    assert difference(getattr(direct, trained).grad, getattr(plain, trained).grad) <= 1e-13


def test_the_layer_has_the_parameters_of_the_one_that_it_stands_for() -> None:
    linear = nn.Linear(NUM_INPUTS, NUM_OUTPUTS)
    direct = DirectLinear(linear)

    assert direct.weight is linear.weight
    assert direct.bias is linear.bias
    assert (direct.in_features, direct.out_features) == (NUM_INPUTS, NUM_OUTPUTS)
