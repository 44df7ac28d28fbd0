"""This file knows how to make batches: which rows in which order, and their tensors.

`EncodedTexts` + label ids → `Batch`. The order of the training rows is a pure function of (seed, epoch).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertsmith.tokens.encoding import EncodedTexts


@dataclass(frozen=True)
class EncodedDataset:
    """Encoded rows and, where they have labels, the id of each."""

    texts: EncodedTexts
    label_ids: NDArray[np.int64] | None = None
    """(rows,) or None for rows to be predicted."""

    def __post_init__(self) -> None:
        if self.label_ids is not None and len(self.label_ids) != len(self.texts):
            raise ValueError(f"{len(self.texts)} rows but {len(self.label_ids)} labels")

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Batch:
    """Rows padded to the longest of them. Shapes: (batch, sequence) and (batch,)."""

    input_ids: Tensor
    """(batch, sequence) int64."""
    attention_mask: Tensor
    """(batch, sequence) int64: 1 for a real token, 0 for padding."""
    token_type_ids: Tensor | None
    """(batch, sequence) int64, or None where the model takes none."""
    label_ids: Tensor | None
    """(batch,) int64."""
    num_tokens: int
    """Real tokens, padding not counted."""

    def __len__(self) -> int:
        return self.input_ids.shape[0]

    @property
    def labels(self) -> Tensor:
        """(batch,) the label ids of rows that have them."""
        assert self.label_ids is not None, "rows without labels cannot be trained on"
        return self.label_ids

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(
            input_ids=self.input_ids.to(device, non_blocking=True),
            attention_mask=self.attention_mask.to(device, non_blocking=True),
            token_type_ids=None
            if self.token_type_ids is None
            else self.token_type_ids.to(device, non_blocking=True),
            label_ids=None if self.label_ids is None else self.label_ids.to(device, non_blocking=True),
            num_tokens=self.num_tokens,
        )

    def inputs(self) -> dict[str, Tensor]:
        """The keyword arguments of a `transformers` model."""
        inputs = {"input_ids": self.input_ids, "attention_mask": self.attention_mask}
        return inputs if self.token_type_ids is None else inputs | {"token_type_ids": self.token_type_ids}


@dataclass(frozen=True)
class PackedBatch:
    """Rows end to end, without padding. Shapes: (tokens,) and (rows,)."""

    input_ids: Tensor
    """(tokens,) int64."""
    position_ids: Tensor
    """(tokens,) int64: each row's own positions."""
    token_type_ids: Tensor | None
    """(tokens,) int64, or None where the model takes none."""
    lengths: NDArray[np.int64]
    """(rows,) tokens of every row."""
    label_ids: Tensor | None
    """(rows,) int64."""

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def num_tokens(self) -> int:
        """Tokens of all rows."""
        return len(self.input_ids)


@dataclass(frozen=True)
class Layout:
    """How the model wants its rows laid out."""

    pad_id: int
    uses_token_types: bool
    """Whether the second text of a pair has token type 1."""
    is_packed: bool = False
    """End to end, without padding; else padded to the longest."""
    first_position: int = 0
    """The position of a packed row's first token."""


def pack(
    dataset: EncodedDataset, rows: NDArray[np.int64], *, layout: Layout, device: torch.device
) -> PackedBatch:
    """The batch of these rows, end to end in their order."""
    texts = dataset.texts
    lengths = texts.lengths[rows]
    places = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    tokens = np.repeat(texts.offsets[rows], lengths) + places

    def on_device(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values.astype(np.int64, copy=False)).to(device, non_blocking=True)

    return PackedBatch(
        input_ids=on_device(texts.input_ids[tokens]),
        position_ids=on_device(places + layout.first_position),
        token_type_ids=on_device(texts.token_type_ids[tokens]) if layout.uses_token_types else None,
        lengths=lengths,
        label_ids=None if dataset.label_ids is None else on_device(dataset.label_ids[rows]),
    )


def collate(dataset: EncodedDataset, rows: NDArray[np.int64], *, layout: Layout) -> Batch:
    """The batch of these rows, padded at their end to the longest of them."""
    texts = dataset.texts
    lengths = texts.lengths[rows]
    shape = (len(rows), int(lengths.max()))
    input_ids = np.full(shape, layout.pad_id, np.int64)
    token_type_ids = np.zeros(shape, np.int64)
    for index, row in enumerate(rows):
        tokens = slice(texts.offsets[row], texts.offsets[row + 1])
        input_ids[index, : lengths[index]] = texts.input_ids[tokens]
        token_type_ids[index, : lengths[index]] = texts.token_type_ids[tokens]
    attention_mask = (np.arange(shape[1]) < lengths[:, None]).astype(np.int64)
    return Batch(
        input_ids=torch.from_numpy(input_ids),
        attention_mask=torch.from_numpy(attention_mask),
        token_type_ids=torch.from_numpy(token_type_ids) if layout.uses_token_types else None,
        label_ids=None if dataset.label_ids is None else torch.from_numpy(dataset.label_ids[rows]),
        num_tokens=int(lengths.sum()),
    )


def shuffled_rows(num_rows: int, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """(rows,) the order of the training rows in an epoch (0-based): a pure function of (seed, epoch)."""
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(num_rows)


def split_rows(rows: NDArray[np.int64], *, size: int) -> Iterator[NDArray[np.int64]]:
    """The rows in groups of `size`; the last may be smaller."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def by_length(texts: EncodedTexts, *, size: int) -> Iterator[NDArray[np.int64]]:
    """All rows in groups of `size`, rows of like length together, so that little padding is computed."""
    order = np.argsort(-texts.lengths, kind="stable")
    yield from split_rows(order, size=size)


def by_num_tokens(texts: EncodedTexts, *, most: int) -> Iterator[NDArray[np.int64]]:
    """All rows in groups of at most so many tokens (a longer row stands alone), rows of like length together."""
    order = np.argsort(-texts.lengths, kind="stable")
    ends = np.cumsum(texts.lengths[order])
    first = 0
    while first < len(order):
        before = ends[first - 1] if first else 0
        end = max(first + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield order[first:end]
        first = end
