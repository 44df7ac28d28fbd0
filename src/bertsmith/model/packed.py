"""The same network on packed rows: attention inside each row, the last layer only where the head reads it.

The rows of a batch lie end to end in one row of tokens, so that linear layers see no padding. The model's code stays
that of `transformers`: a copy of the model that shares its weights gets our attention and a shorter last layer. The
model itself is not changed.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel

from bertsmith.model.dropout import give_generator
from bertsmith.model.families import FAMILIES, Family
from bertsmith.model.linear import DirectLinear
from bertsmith.model.row_attention import AttentionSettings, PackedRows, attend
from bertsmith.tokens.batching import PackedBatch

ATTENTION_NAME = "bertsmith_packed"


@dataclass
class Pass:
    """What the modules of one copy need to know during one forward pass."""

    generator: torch.Generator
    """Draws the dropout masks."""
    rows: PackedRows | None = None
    """Where the rows lie; None between two passes."""
    last_layer_calls_left: int = 0
    """ALBERT calls one module as several layers: the last of them is told by its count."""


class PackedNetwork:
    """A copy of a classifier that reads packed rows; its parameters are other objects with the same storage."""

    def __init__(self, model: PreTrainedModel, *, device: torch.device) -> None:
        self._family = FAMILIES[type(model).__name__]
        self._pass = Pass(torch.Generator(device=device))
        own = dict(model.named_parameters())
        self.parameters = {
            name: nn.Parameter(parameter.detach(), requires_grad=parameter.requires_grad)
            for name, parameter in own.items()
        }
        """By their names in the model; each with a gradient of its own."""
        shared: dict[int, Any] = {id(own[name]): parameter for name, parameter in self.parameters.items()}
        self.module = copy.deepcopy(model, shared)
        self.module.set_attn_implementation(ATTENTION_NAME)
        give_generator(self.module, self._pass.generator)
        self._linears = _make_direct(self.module)
        placed = {id(linear.weight) for linear in self._linears}
        self._others = [parameter for parameter in self.parameters.values() if id(parameter) not in placed]
        for module in self.module.modules():
            module.packed_pass = self._pass  # type: ignore[assignment]  # read by packed_attention
        _shorten(self.module, self._family, current=self._pass)

    def forget_gradient(self) -> None:
        """The next backward pass begins a new gradient; that of the linear layers keeps its memory."""
        for linear in self._linears:
            linear.place.forget()
        for parameter in self._others:
            parameter.grad = None

    def drop_old_gradients(self) -> None:
        """Take away what an earlier step left where this one gave nothing."""
        for linear in self._linears:
            linear.place.drop_if_empty()

    def seed(self, seed: int) -> None:
        """The dropout masks of the next forward pass are a function of this seed."""
        self._pass.generator.manual_seed(seed)

    def logits(self, batch: PackedBatch, embeddings: Tensor | None = None) -> Tensor:
        """(rows, labels) of the rows of a batch.

        Args:
            batch: on the model's device.
            embeddings: (tokens, embedding size) of the batch's tokens, taken in place of its ids.
        """
        self._pass.rows = PackedRows(batch.lengths, device=batch.input_ids.device)
        self._pass.last_layer_calls_left = self._family.calls_of_last_layer(self.module.config)
        inputs = {"position_ids": batch.position_ids[None]}
        if embeddings is None:
            inputs["input_ids"] = batch.input_ids[None]
        else:
            inputs["inputs_embeds"] = embeddings[None]
        if batch.token_type_ids is not None:
            inputs["token_type_ids"] = batch.token_type_ids[None]
        logits: Tensor = self.module(**inputs).logits
        self._pass.rows = None
        return logits


def can_pack(model: PreTrainedModel) -> bool:
    """Whether the packed path knows the model's architecture."""
    return type(model).__name__ in FAMILIES


def first_position(model: PreTrainedModel) -> int:
    """The position of a row's first token: 0, or where a family counts from its padding token's id, that + 1."""
    family = FAMILIES.get(type(model).__name__)
    counts_from_padding = family is not None and family.counts_from_padding
    return int(model.config.pad_token_id or 0) + 1 if counts_from_padding else 0


def _make_direct(module: nn.Module) -> list[DirectLinear]:
    """Put a `DirectLinear` in place of every linear layer; gives them."""
    direct = []
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear:
                direct.append(DirectLinear(child))
                setattr(parent, name, direct[-1])
    return direct


def _shorten(module: PreTrainedModel, family: Family, *, current: Pass) -> None:
    """Let the copy compute for the first tokens of the rows what the head reads of them alone, in place."""
    encoder = cast(Any, module.base_model)
    if getattr(module.config, "classifier_pooling", "cls") == "mean":
        encoder.final_norm = MeanOfRows(encoder.final_norm, current=current)
        return
    layers = family.layers(encoder)
    layers[-1] = ShortLastLayer(layers[-1], family, current=current)


class ShortLastLayer(nn.Module):
    """The last layer, computed for the first token of every row only; where it serves as an earlier one, whole."""

    def __init__(self, layer: nn.Module, family: Family, *, current: Pass) -> None:
        super().__init__()
        self.layer, self._family, self._pass = layer, family, current
        # ModernBERT looks up what it gives a layer by this name.
        self.attention_type = getattr(layer, "attention_type", None)

    def forward(self, hidden_states: Tensor, *arguments: Any, **settings: Any) -> Tensor:
        """(1, tokens, hidden) → (rows, 1, hidden)."""
        self._pass.last_layer_calls_left -= 1
        if self._pass.last_layer_calls_left:
            return cast(Tensor, self.layer(hidden_states, *arguments, **settings))
        starts = _rows(self._pass).starts
        first = self._family.last_layer(self.layer, hidden_states[0], starts, packed_attention, settings)
        return first[:, None]


class MeanOfRows(nn.Module):
    """The norm behind the last layer, then the mean of every row, for heads that read that."""

    def __init__(self, norm: nn.Module, *, current: Pass) -> None:
        super().__init__()
        self.norm, self._pass = norm, current

    def forward(self, hidden_states: Tensor) -> Tensor:
        """(1, tokens, hidden) → (rows, 1, hidden)."""
        return _rows(self._pass).mean(self.norm(hidden_states)[0])[:, None]


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention inside every row, as `transformers` calls it.

    Args:
        module: the attention layer of a `PackedNetwork`.
        query: (1, heads, queries, head size); a query for every token, or one for each row's first.
        key: (1, heads, tokens, head size).
        value: like the key.
        attention_mask: None, as no mask is built for this attention.
        dropout: share of the attention probabilities set to zero; 0 when not training.
        scaling: factor of the scores; by default 1 / √(head size).
        **kwargs: what some families hand to every attention; `sliding_window`: a token sees those fewer than so many
            places away.
    """
    current = cast(Pass, module.packed_pass)
    settings = AttentionSettings(
        rows=_rows(current),
        scaling=query.shape[-1] ** -0.5 if scaling is None else scaling,
        dropout=dropout,
        window=kwargs.get("sliding_window"),
        generator=current.generator,
    )
    queries, keys, values = (states[0].transpose(0, 1) for states in (query, key, value))
    return attend(queries, keys, values, settings)[None], None


def _rows(current: Pass) -> PackedRows:
    assert current.rows is not None, "outside a forward pass"
    return current.rows


# No mask builder of this name is registered, so transformers builds none.
AttentionInterface.register(ATTENTION_NAME, packed_attention)
