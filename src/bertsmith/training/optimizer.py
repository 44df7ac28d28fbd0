"""Adam with the field's usual parameter groups: no weight decay on biases and normalisation weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import nn

from bertsmith.config import TrainingConfig
from bertsmith.errors import NotEnoughMemory
from bertsmith.model.trying import attempt


def make_optimizer(
    parameters: Mapping[str, nn.Parameter], *, undecayed: Collection[str], recipe: TrainingConfig
) -> torch.optim.AdamW:
    """Bias-corrected Adam with decoupled weight decay, with its moments: a step that is tried again must not find half of them.

    Args:
        parameters: what is trained, by name.
        undecayed: names of those that weight decay leaves alone; see `undecayed_names`.
        recipe: rates, betas, epsilon and decay.

    Raises:
        NotEnoughMemory: the moments do not fit.

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
    optimizer = torch.optim.AdamW(
        groups,
        lr=recipe.learning_rate,
        betas=(recipe.adam_beta1, recipe.adam_beta2),
        eps=recipe.adam_epsilon,
        fused=True,
    )
    if attempt(lambda: _make_moments(optimizer)) is None:
        megabytes = sum(2 * parameter.nbytes for parameter in parameters.values()) / 1e6
        raise NotEnoughMemory(
            f"there is not enough memory to train this model: Adam's moments alone take {megabytes:,.0f} MB. "
            "Take a smaller model: --model minilm, for one."
        )
    return optimizer


def _make_moments(optimizer: torch.optim.AdamW) -> bool:
    """Give every parameter the state that torch would give it at its first gradient, all zeros."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            optimizer.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            }
    return True


def undecayed_names(model: nn.Module) -> set[str]:
    """Names of the biases (also MPNet's relative attention bias) and of the weights of norm layers."""
    names = {name for name, _ in model.named_parameters() if "bias" in name}
    for prefix, module in model.named_modules():
        if "norm" in type(module).__name__.lower():
            names |= {f"{prefix}.{name}" for name, _ in module.named_parameters(recurse=False)}
    return names
