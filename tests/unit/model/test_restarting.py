"""A restart begins from the pretrained weights; only what a remedy names is drawn anew."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.tiny_models import write_tiny_model

from bertsmith.config import ModelConfig
from bertsmith.data.example import LabelSet
from bertsmith.model.loading import LoadedModel, load_base
from bertsmith.model.restarting import reset_weights

LABELS = LabelSet(("negative", "positive"))
HEAD = "classifier."
TOP_LAYER = "bert.encoder.layer.1."


@pytest.fixture
def trained(tmp_path: Path) -> LoadedModel:
    """A model of which training has changed every weight."""
    loaded = load_base(ModelConfig(model=str(write_tiny_model(tmp_path / "base"))), LABELS, seed=1)
    with torch.no_grad():
        for weight in loaded.model.parameters():
            weight.add_(1.0)
    return loaded


def pretrained(loaded: LoadedModel, *, seed: int = 1) -> dict[str, torch.Tensor]:
    return load_base(ModelConfig(model=str(loaded.path)), LABELS, seed=seed).model.state_dict()


def changed(loaded: LoadedModel, before: dict[str, torch.Tensor]) -> set[str]:
    """Names of the weights that are not what they were."""
    after = loaded.model.state_dict()
    return {name for name, weight in before.items() if not torch.equal(weight, after[name])}


def test_a_restart_has_the_pretrained_weights_and_the_same_head(trained: LoadedModel) -> None:
    reset_weights(trained, seed=1)

    assert changed(trained, pretrained(trained)) == set()


def test_another_seed_draws_another_head_and_nothing_else(trained: LoadedModel) -> None:
    reset_weights(trained, seed=2)

    names = changed(trained, pretrained(trained))
    assert names and all(name.startswith(HEAD) for name in names)
    assert changed(trained, pretrained(trained, seed=2)) == set()


def test_a_new_top_layer_is_drawn_and_the_layers_below_stay(trained: LoadedModel) -> None:
    state = torch.random.get_rng_state()

    reset_weights(trained, seed=1, reinitialised_layers=1)

    # Biases and norms of the tiny model are 0 and 1 before and after.
    names = changed(trained, pretrained(trained))
    assert names and all(name.startswith(TOP_LAYER) for name in names)
    assert {
        name for name in pretrained(trained) if name.startswith(TOP_LAYER) and name.endswith("dense.weight")
    } <= names
    assert torch.equal(torch.random.get_rng_state(), state)
