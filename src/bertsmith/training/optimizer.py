"""Adam with the field's usual parameter groups: no weight decay on biases and normalisation weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import nn

from bertsmith.config import TrainingConfig


def make_optimizer(
    parameters: Mapping[str, nn.Parameter], *, undecayed: Collection[str], recipe: TrainingConfig
) -> torch.optim.AdamW:
    """Bias-corrected Adam with decoupled weight decay.

    Args:
        parameters: what is trained, by name.
        undecayed: names of those that weight decay leaves alone; see `undecayed_names`.
        recipe: rates, betas, epsilon and decay.

    Source: the groups of the `transformers` Trainer, which a parity test holds it to.
    """
    groups = [
        {
            "params": [parameter for name, parameter in parameters.items() if name not in undecayed],
            "weight_decay": recipe.weight_decay,
        },
        {
            "params": [parameter for name, parameter in parameters.items() if name in undecayed],
            "weight_decay": 0.0,
        },
    ]
    return torch.optim.AdamW(
        groups,
        lr=recipe.learning_rate,
        betas=(recipe.adam_beta1, recipe.adam_beta2),
        eps=recipe.adam_epsilon,
        fused=True,
    )


def undecayed_names(model: nn.Module) -> set[str]:
    """Names of the biases (also MPNet's relative attention bias) and of the weights of norm layers."""
    names = {name for name, _ in model.named_parameters() if "bias" in name}
    for prefix, module in model.named_modules():
        if "norm" in type(module).__name__.lower():
            names |= {f"{prefix}.{name}" for name, _ in module.named_parameters(recurse=False)}
    return names
