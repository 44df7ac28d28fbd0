"""Attention of packed rows: every token sees the tokens of its own row, and no padding is stored.

Rows lie end to end in one row of tokens. For the two matrix products of attention alone, rows of like length are put
into one padded block; nothing else of the network sees the padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from bertsmith.model.dropout import keep_mask

PADDED_TOKENS = 512
"""A block of up to so many tokens, padding included, is not cut: small products cost their call, not their size."""
PADDED_AREA = 1.3
"""A larger block computes at most this many times the scores that its rows need."""


@dataclass(frozen=True)
class Block:
    """Rows of like length that attention computes together. `slots` = rows × longest."""

    rows: Tensor
    """(block rows,) which rows of the batch."""
    tokens: Tensor
    """(real slots,) the packed token of each."""
    slots: Tensor
    """(real slots,) where each stands in the padded block."""
    token_of_slot: Tensor
    """(slots,) the packed token of each; any token for padding."""
    longest: int
    """Tokens of the longest row."""
    is_padding: Tensor | None
    """(block rows, 1, 1, longest) bool, True where there is no token; None where all are equally long."""


@dataclass(frozen=True)
class PackedRows:
    """Where the rows of a packed batch lie."""

    starts: Tensor
    """(rows,) the first token of every row."""
    lengths: Tensor
    """(rows,) tokens of every row."""
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, lengths: NDArray[np.int64], *, device: torch.device) -> PackedRows:
        """The places of rows of these lengths that lie end to end."""
        starts = np.cumsum(lengths) - lengths
        blocks = tuple(
            _block(np.sort(rows), starts=starts, lengths=lengths, device=device) for rows in _like_lengths(lengths)
        )
        return cls(_tensor(starts, device), _tensor(lengths, device), blocks)

    def __len__(self) -> int:
        return len(self.starts)

    def mean(self, hidden_states: Tensor) -> Tensor:
        """(rows, hidden) mean of every row's tokens, of (tokens, hidden)."""
        row_of_token = torch.repeat_interleave(self.lengths)
        summed = hidden_states.new_zeros(len(self), hidden_states.shape[-1])
        return summed.index_add(0, row_of_token, hidden_states) / self.lengths[:, None]


def _like_lengths(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The rows in groups whose padding is bounded, longest first."""
    order = np.argsort(-lengths, kind="stable")
    first = 0
    for end in range(1, len(order) + 1):
        if end < len(order):
            longest, group = lengths[order[first]], lengths[order[first : end + 1]]
            if longest * len(group) <= PADDED_TOKENS or longest**2 * len(group) <= PADDED_AREA * (group**2).sum():
                continue
        yield order[first:end]
        first = end


def _block(
    rows: NDArray[np.int64], *, starts: NDArray[np.int64], lengths: NDArray[np.int64], device: torch.device
) -> Block:
    longest = int(lengths[rows].max())
    positions = np.arange(longest)
    is_real = positions < lengths[rows][:, None]
    token_of_slot = np.where(is_real, starts[rows][:, None] + positions, starts[rows[0]]).ravel()
    slots = np.flatnonzero(is_real)
    return Block(
        rows=_tensor(rows, device),
        tokens=_tensor(token_of_slot[slots], device),
        slots=_tensor(slots, device),
        token_of_slot=_tensor(token_of_slot, device),
        longest=longest,
        is_padding=None if is_real.all() else torch.from_numpy(~is_real)[:, None, None, :].to(device),
    )


def _tensor(values: NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.from_numpy(values).to(device, non_blocking=True)


@dataclass(frozen=True)
class AttentionSettings:
    """What holds for one call."""

    rows: PackedRows
    scaling: float
    dropout: float = 0.0
    """Share of the attention probabilities set to zero."""
    window: int | None = None
    """A token sees those fewer than so many places away; None: its whole row."""
    generator: torch.Generator | None = None
    """Draws the dropout masks."""


def attend(query: Tensor, key: Tensor, value: Tensor, settings: AttentionSettings) -> Tensor:
    """(queries, heads, head size): scaled dot-product attention inside every row.

    Args:
        query: (queries, heads, head size); a query for every token, or one for the first token of every row.
        key: (tokens, heads, head size).
        value: like the key.
        settings: where the rows lie, and what holds for this layer.
    """
    if torch.is_grad_enabled() and (query.requires_grad or key.requires_grad or value.requires_grad):
        attended: Tensor = _RowAttention.apply(query, key, value, settings)  # type: ignore[no-untyped-call]
        return attended
    output = torch.empty_like(query)
    for block in settings.rows.blocks:
        queries, keys, values = _padded(query, key, value, block)
        allowed = _allowed(block, settings, queries)
        attended = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=allowed, scale=settings.scaling
        )
        _put_back(attended, block, output, num_rows=len(settings.rows))
    return output


class _RowAttention(torch.autograd.Function):
    """The same with gradients and dropout; what is stored is the probabilities and the masks."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, settings: AttentionSettings) -> Tensor:
        output = torch.empty_like(query)
        ctx.settings, ctx.num_queries, ctx.num_tokens = settings, query.shape[0], key.shape[0]
        saved: list[Tensor | None] = []
        for block in settings.rows.blocks:
            queries, keys, values = _padded(query, key, value, block)
            scores = torch.matmul(queries, keys.transpose(-2, -1)).mul_(settings.scaling)
            allowed = _allowed(block, settings, queries)
            if allowed is not None:
                scores.masked_fill_(~allowed, torch.finfo(scores.dtype).min)
            probabilities = torch.softmax(scores, dim=-1)
            keep = None
            dropped = probabilities
            if settings.dropout > 0:
                assert settings.generator is not None, "dropout without a generator"
                keep = keep_mask(probabilities, settings.dropout, generator=settings.generator)
                dropped = probabilities * keep
                dropped.mul_(1 / (1 - settings.dropout))
            _put_back(torch.matmul(dropped, values), block, output, num_rows=len(settings.rows))
            saved += [queries, keys, values, probabilities, keep]
        ctx.save_for_backward(*saved)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        settings: AttentionSettings = ctx.settings
        heads, num_rows = gradient.shape[1:], len(settings.rows)
        d_query = gradient.new_empty(ctx.num_queries, *heads)
        d_key = gradient.new_empty(ctx.num_tokens, *heads)
        d_value = gradient.new_empty(ctx.num_tokens, *heads)
        saved = ctx.saved_tensors
        for number, block in enumerate(settings.rows.blocks):
            queries, keys, values, probabilities, keep = saved[5 * number : 5 * number + 5]
            d_output = _padded_gradient(gradient, block, is_first_only=ctx.num_queries != ctx.num_tokens)
            scale = 1.0 if keep is None else 1 / (1 - settings.dropout)
            dropped = probabilities if keep is None else (probabilities * keep).mul_(scale)
            d_values = torch.matmul(dropped.transpose(-2, -1), d_output)
            d_probabilities = torch.matmul(d_output, values.transpose(-2, -1))
            if keep is not None:
                d_probabilities.mul_(keep).mul_(scale)
            d_scores = torch._softmax_backward_data(
                d_probabilities, probabilities, -1, probabilities.dtype
            ).mul_(settings.scaling)
            _put_back(torch.matmul(d_scores, keys), block, d_query, num_rows=num_rows)
            _put_back(torch.matmul(d_scores.transpose(-2, -1), queries), block, d_key, num_rows=num_rows)
            _put_back(d_values, block, d_value, num_rows=num_rows)
        return d_query, d_key, d_value, None


def _padded(query: Tensor, key: Tensor, value: Tensor, block: Block) -> tuple[Tensor, Tensor, Tensor]:
    """The block's (rows, heads, longest, head size); queries have one place where they are of first tokens only."""
    is_first_only = query.shape[0] != key.shape[0]
    index = block.rows if is_first_only else block.token_of_slot
    return (
        _blocked(query, index, block),
        _blocked(key, block.token_of_slot, block),
        _blocked(value, block.token_of_slot, block),
    )


def _blocked(values: Tensor, index: Tensor, block: Block) -> Tensor:
    """(block rows, heads, places, head size) of (tokens, heads, head size)."""
    picked = values.index_select(0, index)
    return picked.view(len(block.rows), -1, *values.shape[1:]).transpose(1, 2).contiguous()


def _padded_gradient(gradient: Tensor, block: Block, *, is_first_only: bool) -> Tensor:
    """The block's gradient of the output; that of padding is zero."""
    if is_first_only:
        return _blocked(gradient, block.rows, block)
    blocked = _blocked(gradient, block.token_of_slot, block)
    if block.is_padding is not None:
        blocked.masked_fill_(block.is_padding.transpose(-2, -1), 0)
    return blocked


def _put_back(blocked: Tensor, block: Block, output: Tensor, *, num_rows: int) -> None:
    """Write the block's real places to their packed ones, in place."""
    flat = blocked.transpose(1, 2).flatten(0, 1)
    if len(output) == num_rows:
        output.index_copy_(0, block.rows, flat)
    elif block.is_padding is None:
        output.index_copy_(0, block.tokens, flat)
    else:
        output.index_copy_(0, block.tokens, flat.index_select(0, block.slots))


def _allowed(block: Block, settings: AttentionSettings, queries: Tensor) -> Tensor | None:
    """(block rows, 1, 1 or longest, longest) bool, True where a query sees a key; None where it sees every one."""
    allowed = None if block.is_padding is None else ~block.is_padding
    if settings.window is None or block.longest <= settings.window:
        return allowed
    places = torch.arange(block.longest, device=queries.device)
    near = (places[: queries.shape[2], None] - places).abs() < settings.window
    return near if allowed is None else allowed & near
