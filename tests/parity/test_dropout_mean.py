"""Dropout of the packed path against that of `transformers`: its masks sit at the same places and do the same to the logits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from tests.learning.small_run import CPU, encoded, layout_of
from tests.tiny_models import tiny_model
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from transformers import PreTrainedModel

from bertsmith.model.packed import PackedNetwork
from bertsmith.tokens.batching import EncodedDataset, collate, pack

FAMILY_NAMES = ("bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert", "modernbert")
NUM_MASKS = 2000
DROPOUT = 0.2
ROWS = ([2, 120, 3], [2, 140, 200, 170, 130, 125, 3], [2])
"""Short, longer, and one token alone."""
TOLERANCE = 1e-6
"""Eager attention of ModernBERT rounds to float32; the other families come within 1e-15."""


def scaled_model(family: str, *, dropout: float) -> PreTrainedModel:
    """In training mode, with matrices of a standard deviation of 0.2, so that attention is far from uniform.

    Its own attention is the eager one, that of the papers: torch's fused one takes no probability of 1.
    """
    model = tiny_model(family, dropout=dropout, num_labels=3, num_hidden_layers=3)
    if family == "distilbert":
        model = tiny_model(family, dropout=dropout, num_labels=3, n_layers=3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(0.2 / parameter.std())
    model.set_attn_implementation("eager")
    return model.double().train()


def padded_logits(model: PreTrainedModel, rows: list[list[int]], family: str) -> Tensor:
    """Of the model of transformers, which draws from torch's global generator."""
    batch = collate(EncodedDataset(encoded(rows)), np.arange(len(rows)), layout=layout_of(family))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        logits: Tensor = model(**batch.inputs()).logits
    return logits.detach()


def packed_logits(model: PreTrainedModel, rows: list[list[int]], family: str) -> Tensor:
    network = PackedNetwork(model, device=CPU.device)
    network.module.train()
    network.seed(0)
    dataset = EncodedDataset(encoded(rows))
    batch = pack(dataset, np.arange(len(rows)), layout=layout_of(family), device=CPU.device)
    return network.logits(batch).detach()


@dataclass(frozen=True)
class Place:
    """A number of a model that says how much is dropped somewhere."""

    name: str
    owner: Any
    attribute: str

    def set(self, share: float) -> None:
        setattr(self.owner, self.attribute, share)


def places(model: PreTrainedModel) -> list[Place]:
    """Every place at which the model may drop; all are set to 0."""
    found = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Dropout):
            found.append(Place(name, module, "p"))
        elif isinstance(getattr(module, "attention_dropout", None), float):
            found.append(Place(f"{name}.attention_dropout", module, "attention_dropout"))
    for place in found:
        place.set(0.0)
    return found


def places_that_count(model: PreTrainedModel, family: str) -> list[str]:
    """Those at which dropping everything changes the logits; the packed path must give the same logits for each.

    What a mask of zeros gives is certain, so one forward pass of each path tells whether they hold the same place.
    """
    rows = [*ROWS]
    all_places = places(model)
    nothing_dropped = padded_logits(model, rows, family)
    assert (packed_logits(model, rows, family) - nothing_dropped).abs().max() <= TOLERANCE
    counting = []
    for place in all_places:
        place.set(1.0)
        theirs, ours = padded_logits(model, rows, family), packed_logits(model, rows, family)
        place.set(0.0)
        assert (ours - theirs).abs().max() <= TOLERANCE, place.name
        if (theirs - nothing_dropped).abs().max() > 1e-3:
            counting.append(place.name)
    return counting


BERT_PLACES = [
    "bert.embeddings.dropout",
    *(
        f"bert.encoder.layer.{layer}.{place}"
        for layer in range(3)
        for place in ("attention.self.dropout", "attention.output.dropout", "output.dropout")
    ),
    "dropout",
]
NUM_PLACES = {
    "bert": 11,  # embeddings; probabilities, attention and feed-forward of three layers; head
    "roberta": 11,  # the head's one module drops twice
    "xlm-roberta": 11,
    "distilbert": 8,  # embeddings; probabilities and feed-forward of three layers; head
    "electra": 11,
    "albert": 4,  # embeddings; probabilities and attention of the layer that serves as all; head
    "modernbert": 11,
}


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_masks_sit_at_the_same_places(family: str) -> None:
    counting = places_that_count(scaled_model(family, dropout=DROPOUT), family)

    assert len(counting) == NUM_PLACES[family]
    assert family != "bert" or counting == BERT_PLACES


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_masks_sit_at_the_same_places_of_a_frozen_encoder(family: str) -> None:
    """What is not trained drops all the same."""
    model = scaled_model(family, dropout=DROPOUT)
    model.base_model.requires_grad_(False)

    assert len(places_that_count(model, family)) == NUM_PLACES[family]


def num_calls(model: PreTrainedModel, logits: Callable[[PreTrainedModel], Tensor]) -> int:
    """How often a forward pass goes through a dropout module; attention probabilities go through none."""
    calls: list[nn.Module] = []
    handle = register_module_forward_hook(lambda module, *_: calls.append(module))
    try:
        logits(model)
    finally:
        handle.remove()
    return sum(isinstance(module, nn.Dropout) for module in calls)


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_as_many_masks_are_drawn(family: str) -> None:
    """RoBERTa's head drops twice in one place, and ALBERT's one layer three times."""
    model = scaled_model(family, dropout=DROPOUT)
    theirs = num_calls(model, lambda model: padded_logits(model, [*ROWS], family))
    ours = num_calls(model, lambda model: packed_logits(model, [*ROWS], family))

    assert ours == theirs >= 5  # the smallest, of ALBERT and DistilBERT: embeddings, one in each layer, head


def standard_errors(ours: Tensor, theirs: Tensor) -> Tensor:
    """By how many standard errors the means over the rows differ, for every column."""
    error = ((ours.var(dim=0) + theirs.var(dim=0)) / len(ours)).sqrt()
    return (ours.mean(dim=0) - theirs.mean(dim=0)).abs() / error


@pytest.mark.parametrize("row", ROWS)
def test_mean_and_spread_of_the_logits_over_many_masks_are_the_same(row: list[int]) -> None:
    """Every copy of a row in a batch has masks of its own, so one batch of 2,000 copies has 2,000 masks.

    The spread is the mean of the squared distances to the logits without dropout; it tells of a forgotten place where
    the mean might not.
    """
    model = scaled_model("bert", dropout=DROPOUT)
    ours, theirs = (
        packed_logits(model, [row] * NUM_MASKS, "bert"),
        padded_logits(model, [row] * NUM_MASKS, "bert"),
    )
    nothing_dropped = padded_logits(model.eval(), [row], "bert")
    theirs_squared, ours_squared = (theirs - nothing_dropped) ** 2, (ours - nothing_dropped) ** 2

    # Without dropout the mean would be beyond four standard errors: the test can tell.
    error = theirs.std(dim=0) / math.sqrt(NUM_MASKS)
    assert ((theirs.mean(dim=0) - nothing_dropped[0]).abs() / error).max() > 8
    assert standard_errors(ours, theirs).max() <= 4
    assert standard_errors(ours_squared, theirs_squared).max() <= 4
