"""The same run gives the same bits, and no global random state has a say in it."""

from __future__ import annotations

import pytest
import torch
from tests.learning.small_run import make_rows, run, weights
from tests.tiny_models import FAMILIES, tiny_model

from bertsmith.training.history import StepRecord

Bits = tuple[dict[str, torch.Tensor], list[StepRecord]]


def trained(family: str = "bert", *, dropout: float = 0.1, num_rows: int = 24, **settings: int) -> Bits:
    """The weights and steps of one epoch from the same first weights."""
    model = tiny_model(family, dropout=dropout, num_labels=2)
    _, steps = run(model, make_rows(num_rows, family), family, epochs=1, learning_rate=1e-3, **settings)
    return weights(model), steps


def same_bits(one: Bits, other: Bits) -> bool:
    return one[1] == other[1] and all(torch.equal(one[0][name], other[0][name]) for name in one[0])


def test_the_same_seed_gives_the_same_bits_twice() -> None:
    assert same_bits(trained(seed=7), trained(seed=7))


def test_another_seed_gives_other_bits() -> None:
    assert not same_bits(trained(seed=7), trained(seed=8))


def test_another_seed_gives_other_dropout_masks() -> None:
    """Rows in one order, so that only the masks differ."""
    assert not same_bits(trained(seed=7, in_order=True), trained(seed=8, in_order=True))


def test_without_dropout_and_in_one_order_the_seed_has_no_say() -> None:
    assert same_bits(trained(dropout=0.0, seed=7, in_order=True), trained(dropout=0.0, seed=8, in_order=True))


def test_another_attempt_gives_other_dropout_masks_on_the_same_rows() -> None:
    assert not same_bits(trained(attempt=0), trained(attempt=1))
    assert same_bits(trained(dropout=0.0, attempt=0), trained(dropout=0.0, attempt=1))


def mask_seeds(*, attempt: int = 0) -> list[int]:
    """What the dropout generator was seeded with at each forward pass of 3 steps of 2 micro-batches."""
    model = tiny_model(num_labels=2)
    seeds: list[int] = []
    model.register_forward_pre_hook(lambda module, _: seeds.append(module.dropout_generator.initial_seed()))
    run(model, make_rows(24), epochs=1, micro_batch_size=4, attempt=attempt)
    return seeds


def test_every_step_micro_batch_and_attempt_has_its_own_masks() -> None:
    seeds = mask_seeds(attempt=0) + mask_seeds(attempt=1)

    assert len(seeds) == len(set(seeds)) == 12


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_torchs_global_generator_neither_decides_the_bits_nor_is_drawn_from(
    family: str, attention: str
) -> None:
    """So every dropout of the family draws from the explicit generator."""
    results, states_kept = [], []
    for global_seed in (1, 2):
        model = tiny_model(family, dropout=0.1, num_labels=2)
        if model._supports_sdpa:
            model.set_attn_implementation(attention)
        torch.manual_seed(global_seed)
        state = torch.get_rng_state()
        _, steps = run(model, make_rows(8, family), family, epochs=2, learning_rate=1e-3)
        states_kept.append(torch.equal(state, torch.get_rng_state()))
        results.append((weights(model), steps))

    assert same_bits(*results)
    assert states_kept == [True, True]


@pytest.mark.parametrize("family", FAMILIES)
def test_dropout_is_at_work_in_every_family(family: str) -> None:
    """Without this, the test of the global generator would hold of a model that drops nothing."""
    assert not same_bits(
        trained(family, num_rows=8, seed=7), trained(family, num_rows=8, seed=7, dropout=0.0)
    )
