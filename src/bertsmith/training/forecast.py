"""This file knows how much memory a training will take, before its first step, and which setting makes it fit.

What autograd keeps is not guessed from the architecture: four small forward passes are watched, and tell what a token, a
row and a pair of tokens of one row cost. The passes of the run are known, as their rows and order are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertsmith.config import TrainingConfig
from bertsmith.console import byte_size
from bertsmith.findings import Finding
from bertsmith.model.dropout import make_dropout_explicit
from bertsmith.model.heads import Classifier, summed_cross_entropy
from bertsmith.model.packed import PackedNetwork
from bertsmith.model.prediction import batches_of, num_tokens_of
from bertsmith.model.trying import attempt
from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import EncodedDataset, Layout, collate, pack, shuffled_rows
from bertsmith.tokens.encoding import EncodedTexts
from bertsmith.training.gradients import trainable
from bertsmith.training.memory import free_bytes, held_bytes

PROBE_TOKENS = 64
"""Tokens of the longest row that is watched."""
ROWS_ORDERED = 2_000_000
"""Rows of so many epochs are put in their order to find the largest pass; further epochs are as the others."""
SPREAD = 1.2
"""What the C library and CUDA's allocator hold for values of many sizes, beside what is asked for: 1.1 to 1.3 measured."""
PROGRAM = 20_000_000
"""Bytes that the first step adds to the program itself."""
CODE_PER_SHAPE = {"training": 4_200_000, "scoring": 1_800_000}
"""Bytes of code that oneDNN keeps for every number of tokens that it meets, of about 14 and 6 products of 0.3 MB."""
MOST_CODE = 1024 * 300_000
"""oneDNN keeps the code of 1,024 products."""
SHORTEST = 16
"""Tokens; no smaller `--max-length` is proposed."""


@dataclass(frozen=True)
class PassCosts:
    """What a pass takes, in bytes: what autograd keeps, and what is held for a moment."""

    fixed: float
    per_row: float
    per_token: float
    per_pair: float
    """Of tokens of one row, itself included."""
    for_a_moment: float
    """Per token: the gradients and intermediate values of one layer."""

    def of(self, lengths: NDArray[np.int64], starts: NDArray[np.int64], *, is_packed: bool) -> int:
        """The most that a pass takes; `starts` are the indices in `lengths` (rows,) at which the passes begin."""
        rows = np.diff(np.append(starts, len(lengths)))
        if is_packed:
            tokens, pairs = np.add.reduceat(lengths, starts), np.add.reduceat(lengths**2, starts)
        else:
            longest = np.maximum.reduceat(lengths, starts)
            tokens, pairs = rows * longest, rows * longest**2
        kept = self.fixed + self.per_row * rows + self.per_token * tokens + self.per_pair * pairs
        return int(SPREAD * (kept + self.for_a_moment * tokens).max())


@dataclass(frozen=True)
class Forecast:
    """How many bytes a run will take, about; all but `held` come on top of what is held now."""

    held: int
    """Weights, data and program; on a GPU the weights alone."""
    weights: int
    """The model's, part of what is held."""
    gradients: int
    """With the embedding rows in use, which are trained in a copy."""
    moments: int
    activations: int
    """Of the largest pass of training."""
    scoring: int
    """Of the largest pass without gradients."""
    checkpoint: int
    """The copy of weights and moments that is written while the next steps run."""
    code: int
    """What is compiled on a CPU for the shapes that occur."""
    free: int | None
    findings: tuple[Finding, ...] = ()

    @property
    def needed_bytes(self) -> int:
        """On top of what is held now."""
        # Summed: what a training pass frees has other sizes than what scoring asks for, and is hardly used again.
        training = self.gradients + self.moments + self.activations
        return training + self.scoring + self.checkpoint + self.code

    @property
    def peak_bytes(self) -> int:
        """All of it."""
        return self.held + self.needed_bytes

    @property
    def sentence(self) -> str:
        """In one line."""
        free = "" if self.free is None else f"; {byte_size(self.free)} more are free"
        return (
            f"Memory: about {byte_size(self.peak_bytes)} at the peak: {byte_size(self.held)} held now (weights {byte_size(self.weights)}), "
            f"gradients {byte_size(self.gradients)}, Adam's moments {byte_size(self.moments)}, "
            f"activations {byte_size(self.activations)}, scoring {byte_size(self.scoring)}, a checkpoint {byte_size(self.checkpoint)}, "
            f"compiled code {byte_size(self.code)}{free}."
        )


def forecast(
    model: Classifier,
    dataset: EncodedDataset,
    *,
    validation: EncodedDataset,
    layout: Layout,
    recipe: TrainingConfig,
    runtime: Runtime,
) -> Forecast | None:
    """What training this model on these rows will take; None where not even the small passes fit.

    Args:
        model: on the runtime's device.
        dataset: the encoded training rows.
        validation: the rows that are scored after every epoch.
        layout: how the model wants its rows laid out.
        recipe: rows per step and per pass, seed.
        runtime: device and precision.
    """
    is_packed = layout.is_packed
    costs = attempt(lambda: pass_costs(model, dataset, layout=layout, runtime=runtime))
    if costs is None:
        return None
    trained = _trained_bytes(model, dataset, is_packed=is_packed)
    in_use = _embedding_bytes(model, dataset) if is_packed else 0
    passes = _Passes(dataset.texts.lengths, recipe=recipe, costs=costs, is_packed=is_packed)
    scored = _scored_tokens(validation, layout=layout, rows=recipe.eval_batch_size)
    weights = sum(parameter.nbytes for parameter in model.parameters())
    expected = Forecast(
        held=held_bytes(runtime.device),
        weights=weights,
        gradients=trained + in_use,
        moments=2 * trained,
        activations=passes.activations(recipe.micro_batch_size or recipe.batch_size),
        scoring=int(costs.for_a_moment * scored.max()),
        # Of the moments twice: safetensors makes bytes of each tensor, and then of the file.
        checkpoint=weights + 2 * (2 * trained) if runtime.device.type == "cpu" else 0,
        code=_code_bytes(passes, scored) if runtime.device.type == "cpu" else 0,
        free=free_bytes(runtime.device),
    )
    return _with_finding(expected, passes)


def pass_costs(model: Classifier, dataset: EncodedDataset, *, layout: Layout, runtime: Runtime) -> PassCosts:
    """What passes cost, by four small ones."""
    shortest = max(1, min(PROBE_TOKENS, int(dataset.texts.lengths.max())) // 4)
    forward = _probe(model, dataset, layout=layout, runtime=runtime)
    shapes = ([shortest], [2 * shortest], [4 * shortest], [shortest, shortest])
    seen = [_kept_bytes(model, lambda lengths=lengths: forward(lengths)) for lengths in shapes]  # type: ignore[misc]
    terms = [[1, len(shape), sum(shape), sum(length**2 for length in shape)] for shape in shapes]
    fixed, per_row, per_token, per_pair = np.linalg.lstsq(np.array(terms, float), np.array(seen, float))[0]
    if not layout.is_packed or runtime.device.type != "cpu":
        # Attention of all rows at once, with the gradients of its scores; packed on a CPU it is row by row.
        per_pair += 3 * _width(runtime) * getattr(model.config, "num_attention_heads", 1)
    return PassCosts(fixed, per_row, per_token, per_pair, for_a_moment=_moment_bytes(model, runtime))


def _probe(
    model: Classifier, dataset: EncodedDataset, *, layout: Layout, runtime: Runtime
) -> Callable[[Sequence[int]], Tensor]:
    """Lengths of rows → the loss of such rows, as training computes it."""
    device = runtime.device
    network = PackedNetwork(model, device=device) if layout.is_packed else None
    if network is None:
        make_dropout_explicit(model, device=device)
    else:
        network.module.train()

    def forward(lengths: Sequence[int]) -> Tensor:
        rows, every = _rows_of(lengths, dataset), np.arange(len(lengths))
        if network is None:
            with runtime.autocast():
                logits = model(**collate(rows, every, layout=layout).to(device).inputs()).logits
        else:
            batch = pack(rows, every, layout=layout, device=device)
            matrix = _embedding_matrix(model)
            embeddings = matrix.detach()[batch.input_ids].requires_grad_()
            with runtime.autocast():
                logits = network.logits(batch, embeddings if matrix.requires_grad else None)
        return summed_cross_entropy(logits, torch.zeros(len(lengths), dtype=torch.int64, device=device))

    return forward


def _rows_of(lengths: Sequence[int], dataset: EncodedDataset) -> EncodedDataset:
    """Rows of these lengths, of tokens of the data."""
    ids = np.resize(dataset.texts.input_ids, sum(lengths))
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    none_cut = np.zeros(len(lengths), bool)
    return EncodedDataset(EncodedTexts(ids, np.zeros(len(ids), np.int8), ends, none_cut))


def _kept_bytes(model: Classifier, forward: Callable[[], Tensor]) -> int:
    """What autograd keeps of a forward pass in training mode, each memory once, without the weights."""
    kept: dict[int, int] = {}

    def see(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        # Trap: an output that its own node keeps would hold the graph, and with it the model, for good.
        return tensor.detach()

    was_training = model.training
    model.train()
    try:
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(see, lambda tensor: tensor):
            loss = forward()
    finally:
        model.train(was_training)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    del loss  # kept until here: what is freed could be handed out again, and be counted once
    return sum(num_bytes for place, num_bytes in kept.items() if place not in own)


def _moment_bytes(model: Classifier, runtime: Runtime) -> float:
    """Per token, of the widest layer: what its backward pass holds beside what autograd keeps."""
    widest = max(
        (module.out_features for module in model.modules() if isinstance(module, nn.Linear)), default=0
    )
    hidden = int(getattr(model.config, "hidden_size", widest))
    return float(_width(runtime) * (3 * widest + 2 * hidden))


def _width(runtime: Runtime) -> int:
    """Bytes of a value."""
    return 2 if runtime.autocast_dtype is not None else 4


def _trained_bytes(model: Classifier, dataset: EncodedDataset, *, is_packed: bool) -> int:
    """Of all that the optimizer updates; packed, only the embedding rows in use are."""
    total = sum(parameter.nbytes for parameter in trainable(model).values())
    matrix = _embedding_matrix(model)
    if not is_packed or not matrix.requires_grad:
        return total
    return total - matrix.nbytes + _embedding_bytes(model, dataset)


def _embedding_bytes(model: Classifier, dataset: EncodedDataset) -> int:
    """Of the embedding rows in use."""
    return len(np.unique(dataset.texts.input_ids)) * _embedding_matrix(model)[0].nbytes


def _embedding_matrix(model: Classifier) -> Tensor:
    return cast(nn.Embedding, model.get_input_embeddings()).weight


def _scored_tokens(rows_scored: EncodedDataset, *, layout: Layout, rows: int) -> NDArray[np.int64]:
    """(passes,) tokens of every pass without gradients, padding included."""
    texts = rows_scored.texts
    batches = batches_of(texts, layout=layout, batch_size=rows)
    return np.array([num_tokens_of(texts, batch, layout=layout) for batch in batches] or [0])


def _code_bytes(passes: _Passes, scored: NDArray[np.int64]) -> int:
    """What oneDNN compiles: packed, for every number of tokens anew; padded rows take MKL's products."""
    if not passes.is_packed:
        return PROGRAM
    trained = passes.num_shapes(passes.recipe.micro_batch_size or passes.recipe.batch_size)
    code = CODE_PER_SHAPE["training"] * trained + CODE_PER_SHAPE["scoring"] * len(np.unique(scored))
    return PROGRAM + min(MOST_CODE, code)


@dataclass(frozen=True)
class _Passes:
    """The passes of a run, in numbers."""

    lengths: NDArray[np.int64]
    recipe: TrainingConfig
    costs: PassCosts
    is_packed: bool

    def activations(self, micro_batch_size: int, *, max_length: int | None = None) -> int:
        """Of the largest pass with so many rows; with `max_length`, of texts that are cut there."""
        lengths = self.lengths if max_length is None else np.minimum(self.lengths, max_length)
        starts = self._starts(micro_batch_size)
        return max(self.costs.of(lengths[rows], starts, is_packed=self.is_packed) for rows in self._orders())

    def num_shapes(self, micro_batch_size: int) -> int:
        """How many numbers of tokens a packed pass has."""
        starts, num_rows = self._starts(micro_batch_size), len(self.lengths)
        tokens = [np.add.reduceat(self.lengths[rows], starts) for rows in self._orders()]
        # `max_steps` may end the run before.
        passes_per_step = -(-self.recipe.batch_size // micro_batch_size)
        num_steps = self.recipe.max_steps or -(-num_rows // self.recipe.batch_size) * self.recipe.epochs
        return len(np.unique(np.concatenate(tokens)[: num_steps * passes_per_step]))

    def _starts(self, micro_batch_size: int) -> NDArray[np.int64]:
        """(passes,) where each begins in an epoch's order of the rows."""
        place_in_step = np.arange(len(self.lengths)) % self.recipe.batch_size
        return np.flatnonzero(place_in_step % micro_batch_size == 0)

    def _orders(self) -> Iterator[NDArray[np.int64]]:
        """The rows of every epoch, in their order."""
        num_rows = len(self.lengths)
        for epoch in range(max(1, min(self.recipe.epochs, ROWS_ORDERED // num_rows))):
            yield shuffled_rows(num_rows, seed=self.recipe.seed, epoch=epoch)


def _with_finding(expected: Forecast, passes: _Passes) -> Forecast:
    """The same, with M007 where it will not fit."""
    if expected.free is None or expected.needed_bytes <= expected.free:
        return expected
    sentence = (
        f"training will likely not fit in memory: it needs about {byte_size(expected.needed_bytes)} more than it holds, "
        f"and {byte_size(expected.free)} are free."
    )
    left = expected.free - (expected.needed_bytes - expected.activations)
    finding = Finding("M007", "warning", sentence, remedy=_remedy(left, passes))
    return replace(expected, findings=(finding,))


def _remedy(left: int, passes: _Passes) -> str:
    """The setting whose activations fit in what is left beside all else."""
    micro_batch_size = passes.recipe.micro_batch_size or passes.recipe.batch_size
    while micro_batch_size > 1:
        micro_batch_size //= 2
        if passes.activations(micro_batch_size) <= left:
            return f"Take --micro-batch-size {micro_batch_size}: the gradient stays the same."
    max_length = 1 << (int(passes.lengths.max()) - 1).bit_length() - 1
    while max_length >= SHORTEST:
        if passes.activations(1, max_length=max_length) <= left:
            return f"Take --micro-batch-size 1 --max-length {max_length}: longer texts are cut."
        max_length //= 2
    return "No shorter text would fit either: take a smaller model or --eval-batch-size, or free memory."
