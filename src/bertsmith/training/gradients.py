"""This file knows how to compute the gradient of one optimizer step: on packed rows, or on padded ones.

Either leaves the gradient of the rows' mean loss in the `.grad` of its `parameters`, and gives that loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertsmith.errors import NotEnoughMemory
from bertsmith.model.dropout import make_dropout_explicit
from bertsmith.model.heads import Classifier, summed_cross_entropy
from bertsmith.model.packed import PackedNetwork
from bertsmith.model.trying import attempt
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
        self.micro_batch_size, self.lengths = settings.micro_batch_size, dataset.texts.lengths
        self._generator = make_dropout_explicit(model, device=settings.runtime.device)
        self.parameters = trainable(model)
        """What the optimizer updates."""

    def add(self, rows: NDArray[np.int64], *, num_rows: int, seed: int) -> float:
        """Add what these rows give to the gradient of a step of so many rows; gives what they add to its loss."""
        runtime = self._settings.runtime
        self._model.train()
        self._generator.manual_seed(seed)
        batch = collate(self._dataset, rows, layout=self._settings.layout).to(runtime.device)
        with runtime.autocast():
            logits = self._model(**batch.inputs()).logits
        part = self._settings.loss(logits, batch.label_ids, num_rows=num_rows)
        part.backward()  # type: ignore[no-untyped-call]
        return part.item()

    def compute(self, rows: NDArray[np.int64], *, dropout_key: DropoutKey) -> float:
        """Leave the gradient of these rows' mean loss in `.grad`; gives the loss in nats."""
        return compute_in_memory(self, rows, dropout_key=dropout_key)[0]

    def finish(self) -> None:
        """Nothing to do: what got no gradient has none."""

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
        self.micro_batch_size, self.lengths = settings.micro_batch_size, dataset.texts.lengths
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

    def add(self, rows: NDArray[np.int64], *, num_rows: int, seed: int) -> float:
        """Add what these rows give to the gradient of a step of so many rows; gives what they add to its loss."""
        runtime = self._settings.runtime
        self._network.seed(seed)
        batch = pack(self._dataset, rows, layout=self._settings.layout, device=runtime.device)
        looked_up = None if self._vocabulary is None else self._vocabulary.look_up(batch.input_ids)
        with runtime.autocast():
            logits = self._network.logits(batch, None if looked_up is None else looked_up[1])
        part = self._settings.loss(logits, batch.label_ids, num_rows=num_rows)
        part.backward()  # type: ignore[no-untyped-call]
        if self._vocabulary is not None and looked_up is not None:
            self._vocabulary.add_gradient(*looked_up)
        return part.item()

    def compute(self, rows: NDArray[np.int64], *, dropout_key: DropoutKey) -> float:
        """Leave the gradient of these rows' mean loss in `.grad`; gives the loss in nats."""
        return compute_in_memory(self, rows, dropout_key=dropout_key)[0]

    def finish(self) -> None:
        """Take away what an earlier step left where this one gave nothing."""
        self._network.drop_old_gradients()

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


Gradients = PackedGradients | PaddedGradients


def compute_in_memory(
    gradients: Gradients, rows: NDArray[np.int64], *, dropout_key: DropoutKey, most: int | None = None
) -> tuple[float, int | None]:
    """Leave the gradient of these rows' mean loss in `.grad`, in passes of as many rows as memory allows.

    Where an allocation fails, all that was summed up is dropped and the rows are done anew, in passes of half of the
    rows that did not fit, down to one. Without dropout the gradient is the same. With it the masks are others: a
    function of `dropout_key` and the rows per pass.

    Args:
        gradients: with no gradient in it yet.
        rows: (rows,) of the step.
        dropout_key: what the masks are a function of.
        most: rows per pass that memory is known to allow; None: those that the recipe asks for.

    Returns:
        The loss in nats, and the rows per pass that memory is now known to allow: `most`, where nothing failed.

    Raises:
        NotEnoughMemory: a single row does not fit.
    """
    planned = gradients.micro_batch_size or max(len(rows), most or 0)
    while True:
        size = planned if most is None else min(planned, most)
        key = dropout_key if size == planned else (*dropout_key, "rows per pass", size)
        loss, too_many = _try_passes(gradients, rows, dropout_key=key, size=size)
        if not too_many:
            gradients.finish()
            return loss, most
        gradients.forget()
        if size == 1:
            raise NotEnoughMemory(
                f"there is not enough memory to train on rows one by one, as with --micro-batch-size 1; the longest of this step has "
                f"{gradients.lengths[rows].max():,} tokens. Cut the texts shorter with --max-length, or take a smaller model."
            )
        most = max(1, too_many // 2)


def _try_passes(
    gradients: Gradients, rows: NDArray[np.int64], *, dropout_key: DropoutKey, size: int
) -> tuple[float, int]:
    """The loss, and the rows of the first pass that does not fit; 0 where all do."""
    loss = 0.0
    for index, of_pass in enumerate(split_rows(rows, size=size)):
        seed = draw_seed(*dropout_key, index)
        part = attempt(partial(gradients.add, of_pass, num_rows=len(rows), seed=seed))
        if part is None:
            return loss, len(of_pass)
        loss += part
    return loss, 0
