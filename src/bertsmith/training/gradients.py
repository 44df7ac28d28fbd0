"""This file knows how to compute the gradient of one optimizer step: on packed rows over the cores, or on padded ones.

Either leaves the gradient of the rows' mean loss in the `.grad` of its `parameters`, and gives that loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
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
from bertsmith.tokens.batching import EncodedDataset, Layout, collate, deal, pack, split_rows
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

    def close(self) -> None:
        """Nothing to do."""


class PackedGradients:
    """Copies of the network that share its weights, one for each shard of a step's rows, on packed rows.

    Measured on two cores: two shards of one thread each do more than two threads per operation (docs/experiments.md).
    """

    def __init__(self, model: Classifier, dataset: EncodedDataset, *, settings: BatchSettings) -> None:
        self._dataset, self._settings = dataset, settings
        runtime = settings.runtime
        self.parameters = trainable(model)
        """What the optimizer updates; the embedding rows in use stand in place of the whole matrix."""
        matrix = cast(nn.Embedding, model.get_input_embeddings()).weight
        matrix_name = next((name for name, tensor in self.parameters.items() if tensor is matrix), None)
        self._vocabulary = None
        if matrix_name is not None:
            self._vocabulary = VocabularyInUse(model, dataset.texts.input_ids)
            self.parameters[matrix_name] = self._vocabulary.rows
        self._networks = [PackedNetwork(model, device=runtime.device) for _ in range(runtime.num_shards)]
        for network in self._networks:
            network.module.train()
        self._copied_names = [name for name in self.parameters if name != matrix_name]
        self._threads = ThreadPoolExecutor(
            runtime.num_shards, initializer=torch.set_num_threads, initargs=(runtime.threads_per_shard,)
        )

    def compute(self, rows: NDArray[np.int64], *, dropout_key: DropoutKey) -> float:
        """Leave the gradient of these rows' mean loss in `.grad`; gives the loss in nats."""
        loss = 0.0
        with self._settings.runtime.sharded():
            for index, micro_rows in enumerate(self._settings.micro_batches(rows)):
                shards = deal(self._dataset.texts, micro_rows, num_shards=len(self._networks))
                seeds = [draw_seed(*dropout_key, index, number) for number in range(len(shards))]
                for part, looked_up in self._run_all(shards, seeds, num_rows=len(rows)):
                    loss += part
                    if self._vocabulary is not None:
                        self._vocabulary.add_gradient(*looked_up)
        self._gather()
        return loss

    def _run_all(
        self, shards: list[NDArray[np.int64]], seeds: list[int], *, num_rows: int
    ) -> list[tuple[float, tuple[Tensor, Tensor]]]:
        """What `_run` gives of every shard, in their order."""
        jobs = [
            partial(self._run, network, shard, seed=seed, num_rows=num_rows)
            for network, shard, seed in zip(self._networks, shards, seeds, strict=False)
        ]
        if len(jobs) == 1:
            return [jobs[0]()]
        return list(self._threads.map(lambda job: job(), jobs))

    def _run(
        self, network: PackedNetwork, shard: NDArray[np.int64], *, seed: int, num_rows: int
    ) -> tuple[float, tuple[Tensor, Tensor]]:
        """Forward and backward of a shard: its loss, and places and gradient of its embeddings."""
        runtime = self._settings.runtime
        network.seed(seed)
        batch = pack(self._dataset, shard, layout=self._settings.layout, device=runtime.device)
        places, embeddings = (batch.input_ids, None)
        if self._vocabulary is not None:
            places, embeddings = self._vocabulary.look_up(batch.input_ids)
        with runtime.autocast():
            logits = network.logits(batch, embeddings)
        part = self._settings.loss(logits, batch.label_ids, num_rows=num_rows)
        part.backward()  # type: ignore[no-untyped-call]
        gradient = places if embeddings is None or embeddings.grad is None else embeddings.grad
        return part.item(), (places, gradient)

    def _gather(self) -> None:
        """Move the sum of the shards' gradients to the parameters that the optimizer updates."""
        for name in self._copied_names:
            copies = [network.parameters[name] for network in self._networks]
            gradients = [copy.grad for copy in copies if copy.grad is not None]
            for copy in copies:
                copy.grad = None
            for gradient in gradients[1:]:
                gradients[0].add_(gradient)
            self.parameters[name].grad = gradients[0] if gradients else None

    def forget(self) -> None:
        """Drop the gradient."""
        for name in self._copied_names:
            self.parameters[name].grad = None
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

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)
