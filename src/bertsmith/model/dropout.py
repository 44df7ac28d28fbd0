"""Dropout whose masks come from an explicit generator, never from torch's global one.

`make_dropout_explicit(model)` → a `torch.Generator` that every dropout of the model draws from; seed it
before each forward pass and the masks are a pure function of that seed. The global generator gave ten
different results in ten repeats under threads, and its state would have to be saved to resume.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION_NAME = "bertsmith_explicit_dropout"


class ExplicitDropout(nn.Dropout):
    """`nn.Dropout` that draws from the generator it was given."""

    def __init__(self, p: float, *, generator: torch.Generator) -> None:
        super().__init__(p)
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        """The input with a share `p` of its values set to zero and the others scaled by 1 / (1 - p)."""
        if not self.training or self.p == 0.0:
            return input
        return drop(input, self.p, generator=self.generator)


def drop(values: Tensor, p: float, *, generator: torch.Generator) -> Tensor:
    """`values` with a share `p` set to zero and the others scaled by 1 / (1 - p): the mean stays."""
    if p >= 1:
        return torch.zeros_like(values)
    keep = keep_mask(values, p, generator=generator)
    # Scaled after the product: a mask of bfloat16 would hold 1.109 for 1 / 0.9, each value 0.15 % too small.
    return (values * keep).mul_(1 / (1 - p))


def keep_mask(values: Tensor, p: float, *, generator: torch.Generator) -> Tensor:
    """A mask of the shape and type of `values`: 1 where kept, else 0.

    On a CPU the random numbers are the cost, so four values share a 64-bit draw: 34 µs instead of 223 µs with
    `bernoulli_` for (100, 384). The share kept is then 1 - p to within 2⁻¹⁷. Compared into the type of the values at
    once: 7 µs; as bool, and then turned into it: 43 µs.
    """
    if values.device.type != "cpu":
        return torch.empty_like(values).bernoulli_(1 - p, generator=generator)
    most_kept = round((1 - p) * 65536) - 32769  # of the numbers from -32768 to 32767
    draws = torch.empty((values.numel() + 3) // 4, dtype=torch.int64)
    draws.random_(-(2**63), None, generator=generator)
    keep = torch.empty(values.shape, dtype=values.dtype)
    places = draws.view(torch.int16)[: values.numel()].view(values.shape)
    return torch.le(places, max(most_kept, -32768), out=keep)


def make_dropout_explicit(model: PreTrainedModel, *, device: torch.device) -> torch.Generator:
    """Replace every dropout of the model in place; gives the generator that all of them draw from."""
    generator = torch.Generator(device=device)
    give_generator(model, generator)
    if model._supports_sdpa and model.config._attn_implementation in ("sdpa", "eager"):
        model.set_attn_implementation(ATTENTION_NAME)
    return generator


def give_generator(model: nn.Module, generator: torch.Generator) -> None:
    """Let every dropout of the model draw from this generator, in place."""
    for module in list(model.modules()):
        module.dropout_generator = generator  # type: ignore[assignment]  # read by explicit_dropout_attention
        for name, child in list(module.named_children()):
            if type(child) is nn.Dropout:
                setattr(module, name, ExplicitDropout(child.p, generator=generator).train(child.training))
            elif isinstance(child, ExplicitDropout):
                child.generator = generator


def explicit_dropout_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention; with dropout, its mask comes from the module's own generator.

    Args:
        module: the attention layer; `make_dropout_explicit` gave it its `dropout_generator`.
        query: (batch, heads, sequence, head size).
        key: like the query.
        value: like the query.
        attention_mask: (batch, 1, sequence, sequence) bool, True where allowed; None for everywhere.
        dropout: share of the attention probabilities set to zero; 0 when not training.
        scaling: factor of the scores; by default 1 / √(head size).
        **kwargs: what some families hand to every attention; only torch's own reads it.
    """
    if dropout == 0.0:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=0.0, scaling=scaling, is_causal=False, **kwargs
        )
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    probabilities = drop(scores.softmax(dim=-1), dropout, generator=module.dropout_generator)  # type: ignore[arg-type]
    return (probabilities @ value).transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION_NAME, explicit_dropout_attention)
AttentionMaskInterface.register(ATTENTION_NAME, sdpa_mask)
