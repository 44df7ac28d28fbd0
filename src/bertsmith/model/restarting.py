"""A loaded model's weights as they were before training, in place; on request another head or new top layers."""

from __future__ import annotations

import torch
from torch import nn

from bertsmith.config import ModelConfig
from bertsmith.model.loading import LoadedModel, load_base


def reset_weights(loaded: LoadedModel, *, seed: int, reinitialised_layers: int = 0) -> None:
    """Put the pretrained weights back, in place; no network is asked, no random state changed.

    Args:
        loaded: the model, trained or not, on any device.
        seed: draws the new head (a kept head stays as it was) and the new layers.
        reinitialised_layers: so many top layers of the encoder start from random weights.
    """
    settings = ModelConfig(model=str(loaded.path), max_length=loaded.max_length)
    fresh = load_base(settings, loaded.label_set, seed=seed)
    if reinitialised_layers:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for layer in encoder_layers(fresh.model)[-reinitialised_layers:]:
                # Trap: transformers marks the weights that it loaded, and its initialisers leave marked ones as they are.
                for weight in layer.parameters():
                    weight._is_hf_initialized = False  # type: ignore[attr-defined]
                layer.apply(fresh.model._init_weights)
    loaded.model.load_state_dict(fresh.model.state_dict())


def encoder_layers(model: nn.Module) -> list[nn.Module]:
    """The encoder's layers, first to last: its longest list of modules."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return list(max(lists, key=len, default=()))
