"""The architectures that take the packed path, and the last layer of each, for the first tokens of the rows only.

Keys and values are computed for all tokens; query, output and feed-forward for the first token of every row. The layer's
own modules do the work in the order in which `transformers` calls them; `tests/parity` holds each family to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn
from transformers import PretrainedConfig
from transformers.models.modernbert.modeling_modernbert import apply_rotary_pos_emb


class Attend(Protocol):
    """The attention of the packed path, as `transformers` calls it."""

    def __call__(
        self,
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: None,
        **settings: Any,
    ) -> tuple[Tensor, None]:
        """(1, queries, heads, head size) of query, key and value as (1, heads, places, head size)."""


LastLayer = Callable[[Any, Tensor, Tensor, Attend, dict[str, Any]], Tensor]
"""(layer, hidden states (tokens, hidden), first tokens (rows,), attention, what else the layer was given) →
(rows, hidden)."""


@dataclass(frozen=True)
class Family:
    """What the packed path has to know of an architecture."""

    layers: Callable[[Any], nn.ModuleList]
    """The encoder's list of modules whose last is its last layer."""
    last_layer: LastLayer
    calls_of_last_layer: Callable[[PretrainedConfig], int] = lambda config: 1
    """How often that module is called in a forward pass."""
    counts_from_padding: bool = False
    """Whether positions count from the padding token's id + 1; else from 0."""


def bert_last_layer(
    layer: Any, hidden: Tensor, starts: Tensor, attend: Attend, given: dict[str, Any]
) -> Tensor:
    """BERT, RoBERTa, XLM-R, ELECTRA."""
    attention, first = layer.attention.self, hidden[starts]
    context = _attended(
        attention,
        (attention.query(first), attention.key(hidden), attention.value(hidden)),
        attend=attend,
        dropout=attention.dropout.p,
        head_size=attention.attention_head_size,
    )
    attended = layer.attention.output(context, first)
    output: Tensor = layer.output(layer.intermediate(attended), attended)
    return output


def distilbert_last_layer(
    layer: Any, hidden: Tensor, starts: Tensor, attend: Attend, given: dict[str, Any]
) -> Tensor:
    """DistilBERT."""
    attention, first = layer.attention, hidden[starts]
    context = _attended(
        attention,
        (attention.q_lin(first), attention.k_lin(hidden), attention.v_lin(hidden)),
        attend=attend,
        dropout=attention.dropout.p,
        head_size=attention.attention_head_size,
    )
    attended = layer.sa_layer_norm(attention.out_lin(context) + first)
    output: Tensor = layer.output_layer_norm(layer.ffn(attended) + attended)
    return output


def albert_last_layer(
    layer: Any, hidden: Tensor, starts: Tensor, attend: Attend, given: dict[str, Any]
) -> Tensor:
    """ALBERT."""
    attention, first = layer.attention, hidden[starts]
    context = _attended(
        attention,
        (attention.query(first), attention.key(hidden), attention.value(hidden)),
        attend=attend,
        dropout=attention.attention_dropout.p,
        head_size=attention.attention_head_size,
    )
    attended = attention.LayerNorm(first + attention.output_dropout(attention.dense(context)))
    output: Tensor = layer.full_layer_layer_norm(layer.ff_chunk(attended) + attended)
    return output


def modernbert_last_layer(
    layer: Any, hidden: Tensor, starts: Tensor, attend: Attend, given: dict[str, Any]
) -> Tensor:
    """ModernBERT: one matrix for query, key and value, and rotary positions."""
    attention, normed = layer.attn, layer.attn_norm(hidden)
    size = hidden.shape[-1]
    query = attention.Wqkv(normed[starts], outputs=slice(0, size))
    key, value = attention.Wqkv(normed, outputs=slice(size, 3 * size)).split(size, dim=-1)
    cosine, sine = given["position_embeddings"]
    query = _rotated(_heads(query, attention.head_dim), cosine[:, starts], sine[:, starts])
    key = _rotated(_heads(key, attention.head_dim), cosine, sine)
    context, _ = attend(
        attention,
        query,
        key,
        _heads(value, attention.head_dim),
        None,
        dropout=attention.attention_dropout if attention.training else 0.0,
        scaling=attention.head_dim**-0.5,
        sliding_window=attention.sliding_window,
    )
    first = hidden[starts] + attention.out_drop(attention.Wo(context[0].flatten(1)))
    output: Tensor = first + layer.mlp(layer.mlp_norm(first))
    return output


def _attended(
    attention: Any, states: tuple[Tensor, Tensor, Tensor], *, attend: Attend, dropout: float, head_size: int
) -> Tensor:
    """(rows, hidden) the context of the first tokens, of query, key and value as (places, hidden)."""
    query, key, value = (_heads(state, head_size) for state in states)
    context, _ = attend(
        attention,
        query,
        key,
        value,
        None,
        dropout=dropout if attention.training else 0.0,
        scaling=attention.scaling,
    )
    return context[0].flatten(1)


def _heads(states: Tensor, head_size: int) -> Tensor:
    """(1, heads, places, head size) of (places, hidden)."""
    return states.view(1, states.shape[0], -1, head_size).transpose(1, 2)


def _rotated(states: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Query or key at its positions."""
    rotated: Tensor = apply_rotary_pos_emb(states, states, cosine, sine)[0]
    return rotated


def _encoder_layers(encoder: Any) -> nn.ModuleList:
    layers: nn.ModuleList = encoder.encoder.layer
    return layers


def _albert_calls(config: Any) -> int:
    """Passes through the last group of layers, which share their weights."""
    passes_per_group = config.num_hidden_layers / config.num_hidden_groups
    groups = [int(layer / passes_per_group) for layer in range(config.num_hidden_layers)]
    return groups.count(config.num_hidden_groups - 1)


_BERT = Family(layers=_encoder_layers, last_layer=bert_last_layer)
_ROBERTA = Family(layers=_encoder_layers, last_layer=bert_last_layer, counts_from_padding=True)
FAMILIES = {
    "BertForSequenceClassification": _BERT,
    "ElectraForSequenceClassification": _BERT,
    "RobertaForSequenceClassification": _ROBERTA,
    "XLMRobertaForSequenceClassification": _ROBERTA,
    "DistilBertForSequenceClassification": Family(
        layers=lambda encoder: encoder.transformer.layer, last_layer=distilbert_last_layer
    ),
    "AlbertForSequenceClassification": Family(
        layers=lambda encoder: encoder.encoder.albert_layer_groups[-1].albert_layers,
        last_layer=albert_last_layer,
        calls_of_last_layer=_albert_calls,
    ),
    "ModernBertForSequenceClassification": Family(
        layers=lambda encoder: encoder.layers, last_layer=modernbert_last_layer
    ),
}
"""The packed path is open to these classes; at load each model is still held to the padded one."""
