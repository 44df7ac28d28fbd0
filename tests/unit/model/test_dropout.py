from __future__ import annotations

import copy
import math

import pytest
import torch
from tests.learning.small_run import layout_of, make_rows
from tests.tiny_models import tiny_model
from torch import Tensor, nn
from torch.nn import functional

from bertsmith.model.dropout import drop, explicit_dropout_attention, make_dropout_explicit
from bertsmith.tokens.batching import collate
from bertsmith.training.randomness import draw_seed

CPU = torch.device("cpu")
NUM_DRAWS = 10**6


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mask(*shape: int, seed: int = 0, p: float = 0.5) -> Tensor:
    """Which ones are kept."""
    return drop(torch.ones(shape), p, generator=generator(seed)) != 0


@pytest.mark.parametrize("p", [0.05, 0.1, 0.3, 0.5, 0.9])
def test_the_share_kept_is_within_four_standard_errors(p: float) -> None:
    standard_error = math.sqrt(p * (1 - p) / NUM_DRAWS)

    assert abs(mask(NUM_DRAWS, p=p).double().mean().item() - (1 - p)) < 4 * standard_error


@pytest.mark.parametrize("lane", range(4))
def test_each_quarter_of_a_random_word_keeps_its_share(lane: int) -> None:
    """Four values share one 64-bit draw."""
    kept = mask(NUM_DRAWS, p=0.1)[lane::4].double()

    assert abs(kept.mean().item() - 0.9) < 4 * math.sqrt(0.09 / len(kept))


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 128])
def test_neighbouring_values_are_dropped_independently(distance: int) -> None:
    """The correlation of n independent pairs has the standard error 1 / √n."""
    kept = mask(NUM_DRAWS, p=0.1).double()
    correlation = torch.corrcoef(torch.stack([kept[:-distance], kept[distance:]]))[0, 1].item()

    assert abs(correlation) < 4 / math.sqrt(NUM_DRAWS)


def test_the_kept_values_are_scaled_so_that_the_mean_stays() -> None:
    values = torch.rand(NUM_DRAWS, generator=generator(1)) + 1
    dropped = drop(values, 0.1, generator=generator())
    kept = dropped != 0

    assert torch.allclose(dropped[kept], values[kept] / 0.9, rtol=1e-6)


def test_the_gradient_passes_where_the_value_was_kept() -> None:
    values = torch.rand(1000, requires_grad=True)
    dropped = drop(values, 0.3, generator=generator())
    dropped.sum().backward()

    assert torch.allclose(values.grad, torch.where(dropped != 0, 1 / 0.7, 0.0), rtol=1e-6)


def test_the_mean_stays_in_bfloat16_too() -> None:
    """1 / 0.9 in bfloat16 is 1.109, 0.15 % too small; rounding 10⁶ products errs both ways."""
    values = (torch.rand(NUM_DRAWS, generator=generator(1)) + 1).bfloat16()
    dropped = drop(values, 0.1, generator=generator()).double()
    kept = dropped != 0

    assert (dropped[kept].sum() / values.double()[kept].sum()).item() == pytest.approx(1 / 0.9, rel=2e-4)


@pytest.mark.parametrize(("p", "mean"), [(0.0, 1.0), (1e-9, 1.0), (1.0, 0.0)])
def test_the_ends_of_the_range_keep_all_or_nothing(p: float, mean: float) -> None:
    assert drop(torch.ones(1000), p, generator=generator()).mean().item() == mean


@pytest.mark.parametrize("shape", [(1,), (3,), (5, 7), (0, 4), (2, 3, 5, 7)])
def test_any_shape_can_be_dropped(shape: tuple[int, ...]) -> None:
    assert drop(torch.ones(shape), 0.1, generator=generator()).shape == shape


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_type_of_the_values_stays_and_has_no_say_in_the_mask(dtype: torch.dtype) -> None:
    dropped = drop(torch.ones(100, dtype=dtype), 0.5, generator=generator())

    assert dropped.dtype == dtype
    assert torch.equal(dropped != 0, mask(100))


def test_a_mask_is_a_function_of_the_seed() -> None:
    torch.manual_seed(1)
    one = mask(10, 100, seed=3)
    torch.manual_seed(2)

    assert torch.equal(one, mask(10, 100, seed=3))
    assert not torch.equal(one, mask(10, 100, seed=4))


def test_the_number_of_threads_has_no_say_in_the_mask() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        one = mask(400, 400)
    finally:
        torch.set_num_threads(threads)

    assert torch.equal(one, mask(400, 400))


KEY = ("dropout", 42, 0, 1, 0)  # purpose, seed, attempt, step, micro-batch


@pytest.mark.parametrize(
    "other",
    [("dropout", 43, 0, 1, 0), ("dropout", 42, 1, 1, 0), ("dropout", 42, 0, 2, 0), ("dropout", 42, 0, 1, 1)],
    ids=["seed", "attempt", "step", "micro-batch"],
)
def test_masks_are_unrelated_where_one_part_of_the_key_differs(other: tuple[str, int, int, int, int]) -> None:
    """Two independent masks at p = ½ agree in half of their places, give or take 4 × 0.5 / √n."""
    agreement = (
        (mask(NUM_DRAWS, seed=draw_seed(*KEY)) == mask(NUM_DRAWS, seed=draw_seed(*other))).double().mean()
    )

    assert abs(agreement.item() - 0.5) < 2 / math.sqrt(NUM_DRAWS)


class Layers(nn.Module):
    """Two layers of nothing but dropout, one of them deeper."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Dropout(0.5)
        self.deeper = nn.Sequential(nn.Dropout(0.5))


def explicit_layers() -> tuple[nn.Module, torch.Generator]:
    model = tiny_model(num_labels=2)
    model.extra = Layers()
    return model, make_dropout_explicit(model, device=CPU)


def test_layers_draw_different_masks() -> None:
    model, own = explicit_layers()
    model.train()
    own.manual_seed(0)
    ones = torch.ones(1000)

    assert not torch.equal(model.extra.first(ones), model.extra.deeper(ones))


def test_every_dropout_of_a_model_draws_from_the_one_generator() -> None:
    model = tiny_model(dropout=0.5, num_labels=2).train()
    own = make_dropout_explicit(model, device=CPU)
    layers = [module for module in model.modules() if isinstance(module, nn.Dropout)]

    assert len(layers) > 5
    for layer in layers:
        own.manual_seed(3)
        assert torch.equal(layer(torch.ones(100)) != 0, mask(100, seed=3))


def test_without_training_nothing_is_dropped() -> None:
    dataset = make_rows(4)
    batch = collate(dataset, torch.arange(4).numpy(), layout=layout_of("bert"))
    model = tiny_model(dropout=0.5, num_labels=2)
    with torch.no_grad():
        plain = model(**batch.inputs()).logits
        make_dropout_explicit(model, device=CPU)
        explicit = model.eval()(**batch.inputs()).logits
        dropping = model.train()(**batch.inputs()).logits

    assert torch.equal(plain, explicit)
    assert not torch.allclose(plain, dropping, atol=1e-3)


def test_a_model_made_explicit_twice_draws_from_the_newer_generator() -> None:
    model, _ = explicit_layers()
    newer = make_dropout_explicit(model, device=CPU)

    generators = {id(module.generator) for module in model.modules() if hasattr(module, "generator")}
    assert generators == {id(newer)}
    assert {id(module.dropout_generator) for module in model.modules()} == {id(newer)}


def test_a_model_made_explicit_can_be_copied() -> None:
    model, _ = explicit_layers()

    assert copy.deepcopy(model).state_dict().keys() == model.state_dict().keys()


def heads(seed: int) -> Tensor:
    """(batch, heads, sequence, head size)."""
    return torch.randn(2, 3, 7, 4, generator=generator(seed), dtype=torch.float64)


def attention_layer() -> nn.Module:
    layer = nn.Module()
    layer.dropout_generator = generator()
    return layer


def allowed() -> Tensor:
    """(2, 1, 7, 7): the second row's last three tokens are padding."""
    lengths = torch.tensor([7, 4])
    return (torch.arange(7) < lengths[:, None])[:, None, None, :].expand(2, 1, 7, 7)


@pytest.mark.parametrize("scaling", [None, 0.3])
@pytest.mark.parametrize("is_masked", [True, False])
def test_attention_that_drops_next_to_nothing_is_torchs_own(
    *, is_masked: bool, scaling: float | None
) -> None:
    """p = 1e-9 keeps every value, by the way that computes the probabilities in the open."""
    query, key, value = heads(1), heads(2), heads(3)
    attention_mask = allowed() if is_masked else None
    ours, _ = explicit_dropout_attention(
        attention_layer(), query, key, value, attention_mask, dropout=1e-9, scaling=scaling
    )
    theirs = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, scale=scaling
    )

    assert torch.allclose(ours, theirs.transpose(1, 2), atol=1e-12)


def test_attention_drops_probabilities_not_values() -> None:
    """With values of 1, an output is the scaled sum of the probabilities kept: 1 on average."""
    query, key = (torch.randn(8, 4, 64, 8, generator=generator(seed)) for seed in (1, 2))
    attended, _ = explicit_dropout_attention(
        attention_layer(), query, key, torch.ones_like(query), None, dropout=0.2
    )

    assert attended.mean().item() == pytest.approx(1, abs=0.02)
    assert attended.std().item() > 0.02
    assert torch.allclose(
        attended.std(dim=-1), torch.zeros(()), atol=1e-6
    )  # one mask for all of a head's channels


def test_a_padded_token_is_never_attended_to_while_dropping() -> None:
    query, key, value = heads(1), heads(2), heads(3)
    results = []
    for padding_value in (0.0, 100.0):
        value = value.clone()
        value[1, :, 4:] = padding_value
        attended, _ = explicit_dropout_attention(attention_layer(), query, key, value, allowed(), dropout=0.5)
        results.append(attended)

    assert torch.equal(results[0][1], results[1][1])
