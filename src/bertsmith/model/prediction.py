"""Logits of a whole dataset: no gradients, no dropout, rows in their original order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from bertsmith.errors import NotEnoughMemory
from bertsmith.model.packed import PackedNetwork
from bertsmith.model.trying import attempt
from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import EncodedDataset, Layout, by_length, by_num_tokens, collate, pack
from bertsmith.tokens.encoding import EncodedTexts

NoProgress: Callable[[int], None] = lambda num_rows: None  # noqa: E731 - a named default for an argument
TOKENS_PER_ROW = 128
"""A packed batch holds as many tokens as its number of rows would have with this many each."""


@dataclass
class TokenBudget:
    """How many tokens a pass without gradients may hold; it shrinks where memory does not suffice, and stays so."""

    most: int | None = None
    """Tokens, padding included; None: nothing has failed yet."""
    tell: Callable[[str], None] = field(default=lambda sentence: None, compare=False)
    """Told once for every batch that did not fit."""
    _asked: tuple[int, int] | None = field(default=None, init=False)
    """Rows and tokens of the batch that did not fit, until a smaller one did."""

    def shrink(self, rows: int, *, tokens: int, of_half: int) -> None:
        """Learn that so many tokens do not fit; half of the rows have `of_half`.

        Raises:
            NotEnoughMemory: it was a single row.
        """
        if rows == 1:
            raise NotEnoughMemory(
                f"there is not enough memory to score a single row of {tokens:,} tokens. "
                "Cut the texts shorter: a smaller --max-length at training."
            )
        self._asked = self._asked or (rows, tokens)
        self.most = of_half

    def fitted(self) -> None:
        """Tell what was learned, if anything was."""
        if self._asked is not None:
            rows, tokens = self._asked
            self._asked = None
            self.tell(
                f"There was not enough memory to score {rows:,} rows ({tokens:,} tokens) in one pass: "
                f"from now on it is at most {self.most:,} tokens. No row is left out."
            )


def predict_logits(
    model: PreTrainedModel,
    dataset: EncodedDataset,
    *,
    layout: Layout,
    batch_size: int,
    runtime: Runtime,
    on_rows: Callable[[int], None] = NoProgress,
    budget: TokenBudget | None = None,
) -> NDArray[np.float32]:
    """(rows, labels) logits, in the order of the dataset.

    A batch that does not fit in memory is done in smaller ones, and so are those after it.

    Args:
        model: on the runtime's device; left in the mode (training or not) in which it came.
        dataset: encoded rows; labels are not looked at.
        layout: how the model wants its rows laid out.
        batch_size: rows per forward pass; packed, so many times 128 tokens. Rows of like length go together.
        runtime: device, precision and threads.
        on_rows: called with the number of rows just done.
        budget: what is known of the memory; it learns.

    Raises:
        NotEnoughMemory: a single row does not fit.
    """
    budget = budget or TokenBudget()
    logits = np.empty((len(dataset), int(model.config.num_labels or 0)), np.float32)
    was_training = model.training
    model.train(False)  # noqa: FBT003 - torch's own signature
    try:
        forward = _forward(model, dataset, layout=layout, runtime=runtime)
        waiting = list(batches_of(dataset.texts, layout=layout, batch_size=batch_size))
        num_tokens = partial(num_tokens_of, dataset.texts, layout=layout)
        for rows, of_rows in _within(budget, waiting, forward=forward, num_tokens=num_tokens):
            logits[rows] = of_rows
            on_rows(len(rows))
    finally:
        model.train(was_training)
    return logits


Rows = NDArray[np.int64]


def batches_of(texts: EncodedTexts, *, layout: Layout, batch_size: int) -> Iterator[Rows]:
    """The rows of every pass, as long as all of them fit."""
    if layout.is_packed:
        return by_num_tokens(texts, most=TOKENS_PER_ROW * batch_size)
    return by_length(texts, size=batch_size)


def num_tokens_of(texts: EncodedTexts, rows: Rows, *, layout: Layout) -> int:
    """Of a pass over these rows, padding included."""
    lengths = texts.lengths[rows]
    return int(lengths.sum() if layout.is_packed else lengths.max() * len(rows))


def _within(
    budget: TokenBudget,
    batches: list[Rows],
    *,
    forward: Callable[[Rows], NDArray[np.float32]],
    num_tokens: Callable[[Rows], int],
) -> Iterator[tuple[Rows, NDArray[np.float32]]]:
    """Rows with their logits, batch by batch; a batch that does not fit is halved, and its halves done in its place."""
    waiting = batches[::-1]
    while waiting:
        rows = waiting.pop()
        half = rows[: (len(rows) + 1) // 2]  # of the longer rows
        if len(rows) == 1 or budget.most is None or num_tokens(rows) <= budget.most:
            logits = attempt(partial(forward, rows))
            if logits is not None:
                budget.fitted()
                yield rows, logits
                continue
            budget.shrink(len(rows), tokens=num_tokens(rows), of_half=num_tokens(half))
        waiting += [rows[len(half) :], half]


def _forward(
    model: PreTrainedModel, dataset: EncodedDataset, *, layout: Layout, runtime: Runtime
) -> Callable[[Rows], NDArray[np.float32]]:
    """Rows → (rows, labels) their logits, packed where the model takes that."""
    network = PackedNetwork(model, device=runtime.device) if layout.is_packed else None

    def forward(rows: Rows) -> NDArray[np.float32]:
        with torch.inference_mode(), runtime.autocast():
            if network is not None:
                logits = network.logits(pack(dataset, rows, layout=layout, device=runtime.device))
            else:
                batch = collate(dataset, rows, layout=layout).to(runtime.device)
                logits = model(**batch.inputs()).logits
            of_rows: NDArray[np.float32] = logits.float().cpu().numpy()
        return of_rows

    return forward
