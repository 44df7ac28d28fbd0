"""This file knows how to compute the gradient of one optimizer step: on packed rows, or on padded ones.

Either leaves the gradient of the rows' mean loss in the `.grad` of its `parameters`, and gives that loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertsmith.model.dropout import make_dropout_explicit
from bertsmith.model.heads import Classifier, summed_cross_entropy
from bertsmith.model.packed import PackedNetwork
from bertsmith.model.vocabulary import VocabularyInUse
from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import EncodedDataset, Layout, collate, pack, split_rows
from bertsmith.training.randomness import draw_seed

DropoutKey = tuple[int | str, ...]
"""What the masks of a step are a function of, beside micro-batch and shard."""


@dataclass(frozen=True)
class BatchSettings:
    """What holds for every step of a run."""

    layout: Layout
    runtime: Runtime
    micro_batch_size: int | None = None
    """Rows per forward and backward pass; None: all of the step."""
    class_weights: tuple[float, ...] | None = None
    """What each row of a label counts in the loss, in id order; None: one."""

    def micro_batches(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """The rows in groups small enough for memory."""
        return split_rows(rows, size=self.micro_batch_size or len(rows))

    def loss(self, logits: Tensor, label_ids: Tensor | None, *, num_rows: int) -> Tensor:
        """What these rows add to the mean loss of a step of so many rows, in nats."""
        assert label_ids is not None, "rows without labels cannot be trained on"
        weights = None
        if self.class_weights is not None:
            weights = torch.tensor(self.class_weights, dtype=torch.float32, device=logits.device)
        return summed_cross_entropy(logits, label_ids, weights) / num_rows


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Name → parameter of all that is to be trained, in the model's order."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


class PaddedGradients:
    """The model as it is, on rows padded to the longest: for architectures that the packed path does not know."""

    def __init__(self, model: Classifier, dataset: EncodedDataset, *, settings: BatchSettings) -> None:
        self._model, self._dataset, self._settings = model, dataset, settings
        self._generator = make_dropout_explicit(model, device=settings.runtime.device)
        self.parameters = trainable(model)
        """What the optimizer updates."""

    def compute(self, rows: NDArray[np.int64], *, dropout_key: DropoutKey) -> float:
        """Leave the gradient of these rows' mean loss in `.grad`; gives the loss in nats."""
        loss = 0.0
        runtime = self._settings.runtime
        self._model.train()
        for index, micro_rows in enumerate(self._settings.micro_batches(rows)):
            self._generator.manual_seed(draw_seed(*dropout_key, index))
            batch = collate(self._dataset, micro_rows, layout=self._settings.layout).to(runtime.device)
            with runtime.autocast():
                logits = self._model(**batch.inputs()).logits
            part = self._settings.loss(logits, batch.label_ids, num_rows=len(rows))
            part.backward()  # type: ignore[no-untyped-call]
            loss += part.item()
        return loss

    def forget(self) -> None:
        """Drop the gradient."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def shrink(self, factor: float) -> None:
        """Nothing to do: the optimizer has shrunk all of the weights."""

    def put_back(self) -> None:
        """Nothing to do: what is trained is the model's own weights."""

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Nothing to keep: what is trained is the model's own weights."""
        return {}, {}

    def put(self, tensors: dict[str, Tensor], numbers: dict[str, float]) -> None:
        """Nothing to put back."""


class PackedGradients:
    """A copy of the network that shares the model's weights, on packed rows."""

    def __init__(self, model: Classifier, dataset: EncodedDataset, *, settings: BatchSettings) -> None:
        self._dataset, self._settings = dataset, settings
        self._network = PackedNetwork(model, device=settings.runtime.device)
        self._network.module.train()
        self.parameters = trainable(model)
        """What the optimizer updates; the embedding rows in use stand in place of the whole matrix."""
        matrix = cast(nn.Embedding, model.get_input_embeddings()).weight
        self._vocabulary = VocabularyInUse(model, dataset.texts.input_ids) if matrix.requires_grad else None
        for name, parameter in self.parameters.items():
            self.parameters[name] = self._network.parameters[name]
            if parameter is matrix and self._vocabulary is not None:
                self.parameters[name] = self._vocabulary.rows

    def compute(self, rows: NDArray[np.int64], *, dropout_key: DropoutKey) -> float:
        """Leave the gradient of these rows' mean loss in `.grad`; gives the loss in nats."""
        loss = 0.0
        runtime = self._settings.runtime
        for index, micro_rows in enumerate(self._settings.micro_batches(rows)):
            self._network.seed(draw_seed(*dropout_key, index))
            batch = pack(self._dataset, micro_rows, layout=self._settings.layout, device=runtime.device)
            looked_up = None if self._vocabulary is None else self._vocabulary.look_up(batch.input_ids)
            with runtime.autocast():
                logits = self._network.logits(batch, None if looked_up is None else looked_up[1])
            part = self._settings.loss(logits, batch.label_ids, num_rows=len(rows))
            part.backward()  # type: ignore[no-untyped-call]
            loss += part.item()
            if self._vocabulary is not None and looked_up is not None:
                self._vocabulary.add_gradient(*looked_up)
        self._network.drop_old_gradients()
        return loss

    def forget(self) -> None:
        """Drop the gradient."""
        self._network.forget_gradient()
        if self._vocabulary is not None:
            self._vocabulary.forget_gradient()

    def shrink(self, factor: float) -> None:
        """Learn that the step shrank every decayed weight by this factor."""
        if self._vocabulary is not None:
            self._vocabulary.shrink(factor)

    def put_back(self) -> None:
        """Let the model hold the embedding rows as they are now."""
        if self._vocabulary is not None:
            self._vocabulary.put_back()

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """What the model does not hold yet: the embedding rows in use and how far the others have shrunk."""
        return ({}, {}) if self._vocabulary is None else self._vocabulary.state()

    def put(self, tensors: dict[str, Tensor], numbers: dict[str, float]) -> None:
        """Put back what `state` gave; the model's own weights are in place already."""
        if self._vocabulary is not None:
            self._vocabulary.put(tensors, numbers)
