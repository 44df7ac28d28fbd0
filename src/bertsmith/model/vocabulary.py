"""Only the rows of the vocabulary that the training rows use are trained; the others are put back as they were.

Adam updates every row of the embedding matrix at every step, and most of them belong to words that the data never
holds: their gradient is always zero. Without weight decay such a row never changes; with it, it shrinks by the same
factor in every step.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel


class VocabularyInUse:
    """The embedding rows of the tokens in use, as a parameter of their own."""

    def __init__(self, model: PreTrainedModel, input_ids: NDArray[np.int32]) -> None:
        """Take the rows of these ids, and the padding token's, out of the model's embedding matrix."""
        embeddings = cast(nn.Embedding, model.get_input_embeddings())
        self._matrix = embeddings.weight
        padding = [] if embeddings.padding_idx is None else [embeddings.padding_idx]
        ids = np.union1d(input_ids, np.array(padding, np.int32)).astype(np.int64)
        self._ids = torch.from_numpy(ids).to(self._matrix.device)
        places = np.full(embeddings.num_embeddings, -1, np.int64)
        places[ids] = np.arange(len(ids))
        self._place_of_id = torch.from_numpy(places).to(self._matrix.device)
        self._padding_place = None if embeddings.padding_idx is None else int(places[embeddings.padding_idx])
        self._shrunk_by = 1.0
        self._touched: list[Tensor] = []
        self.rows = nn.Parameter(self._matrix.detach()[self._ids])
        """(tokens in use, embedding size), in the order of their ids."""
        self.rows.grad = torch.zeros_like(self.rows)

    def look_up(self, input_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Places in `rows` (tokens,) of these ids, and their embeddings (tokens, embedding size) as a leaf."""
        places = self._place_of_id[input_ids]
        return places, self.rows.detach()[places].requires_grad_()

    def add_gradient(self, places: Tensor, embeddings: Tensor) -> None:
        """Add what the backward pass left at the leaf that `look_up` gave."""
        assert self.rows.grad is not None
        if embeddings.grad is None:
            return
        self._touched.append(places)
        self.rows.grad.index_add_(0, places, embeddings.grad)
        if self._padding_place is not None:
            self.rows.grad[self._padding_place] = 0  # as nn.Embedding leaves its padding row

    def forget_gradient(self) -> None:
        """Make the gradient zero again; only the rows that a batch touched are written."""
        assert self.rows.grad is not None
        for places in self._touched:
            self.rows.grad.index_fill_(0, places, 0)
        self._touched.clear()

    def shrink(self, factor: float) -> None:
        """Remember that a step shrank every decayed weight by this factor."""
        self._shrunk_by *= factor

    @torch.no_grad()
    def put_back(self) -> None:
        """Bring the model's own matrix to where the plain method would have it now."""
        if self._shrunk_by != 1.0:
            self._matrix.mul_(self._shrunk_by)
            self._shrunk_by = 1.0
        self._matrix.index_copy_(0, self._ids, self.rows.detach())

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """The rows with their ids, and the factor that the other rows still have to shrink by. Nothing is copied or changed."""
        return {"ids": self._ids, "rows": self.rows.detach()}, {"shrunk_by": self._shrunk_by}

    @torch.no_grad()
    def put(self, tensors: dict[str, Tensor], numbers: dict[str, float]) -> None:
        """Put back what `state` gave, which may be of other training rows; the model's own matrix is in place already."""
        if torch.equal(tensors["ids"].to(self._ids.device), self._ids):
            self.rows.copy_(tensors["rows"])
            self._shrunk_by = numbers["shrunk_by"]
            return
        self._matrix.mul_(numbers["shrunk_by"])
        self._matrix.index_copy_(0, tensors["ids"].to(self._ids.device), tensors["rows"].to(self._matrix))
        self.rows.copy_(self._matrix[self._ids])
