"""A small training run for tests: labelled rows of random words, a recipe, a free validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from tests.tiny_models import FAMILIES, tiny_model
from transformers import PreTrainedModel

from bertsmith.config import TrainingConfig
from bertsmith.model.packed import can_pack, first_position
from bertsmith.runtime import Runtime
from bertsmith.tokens.batching import EncodedDataset, Layout
from bertsmith.tokens.encoding import EncodedTexts
from bertsmith.training.history import History, StepRecord, ValidationScores
from bertsmith.training.loop import Observers, train
from bertsmith.training.plan import Plan

torch.set_num_threads(1)  # the models are tiny, and the same bits are promised for the same number of threads

CPU = Runtime(device=torch.device("cpu"), autocast_dtype=None, num_threads=1)
FIRST_WORD_ID = 110
NUM_WORDS = 200


def make_rows(
    num_rows: int, family: str = "bert", *, num_labels: int = 2, seed: int = 0, longest: int = 20
) -> EncodedDataset:
    """Rows of 4 to `longest` tokens; a word of the row tells its label, so there is something to learn."""
    draws = np.random.Generator(np.random.PCG64(seed))
    _, _, begin, end, _ = FAMILIES[family].special_ids
    label_ids = draws.integers(num_labels, size=num_rows)
    rows = []
    for label in label_ids:
        words = draws.integers(
            FIRST_WORD_ID + num_labels, FIRST_WORD_ID + NUM_WORDS, draws.integers(2, longest - 1)
        )
        words[draws.integers(len(words))] = FIRST_WORD_ID + label
        rows.append([begin, *words, end])
    return EncodedDataset(encoded(rows), label_ids.astype(np.int64))


def encoded(rows: list[list[int]]) -> EncodedTexts:
    """These ids as rows."""
    lengths = [len(row) for row in rows]
    return EncodedTexts(
        input_ids=np.array([token_id for row in rows for token_id in row], np.int32),
        token_type_ids=np.zeros(sum(lengths), np.int8),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        is_cut=np.zeros(len(rows), bool),
    )


def layout_of(family: str) -> Layout:
    """How the family's tiny model wants its rows laid out."""
    model = tiny_model(family, num_labels=2)
    return Layout(
        pad_id=FAMILIES[family].special_ids[0],
        uses_token_types=FAMILIES[family].token_types,
        is_packed=can_pack(model),
        first_position=first_position(model),
    )


def scores(
    *, f1: float = 0.5, loss: float = 0.6, predicted: tuple[float, float] = (0.5, 0.5), **others: float
) -> ValidationScores:
    """Validation scores over two equally frequent labels."""
    values = {"accuracy": 0.5, "precision": 0.5, "recall": 0.5, "macro_f1": f1} | others
    return ValidationScores(
        loss=loss,
        f1=f1,
        predicted_share=dict(zip("ab", predicted, strict=True)),
        true_share={"a": 0.5, "b": 0.5},
        **values,
    )


def plan_for(
    dataset: EncodedDataset, family: str = "bert", *, attempt: int = 0, runtime: Runtime = CPU, **recipe: Any
) -> Plan:
    """The plan of a run over these rows; `recipe` overrides the published one."""
    plan = Plan.of(len(dataset), recipe=TrainingConfig(**recipe), layout=layout_of(family), runtime=runtime)
    return replace(plan, attempt=attempt)


def run(
    model: PreTrainedModel,
    dataset: EncodedDataset,
    family: str = "bert",
    *,
    validate: Callable[[], ValidationScores] = scores,
    in_order: bool = False,
    on_epoch: Callable[..., None] = lambda record, is_best: None,
    attempt: int = 0,
    runtime: Runtime = CPU,
    class_weights: tuple[float, ...] | None = None,
    **recipe: Any,
) -> tuple[History, list[StepRecord]]:
    """Train the model in place; gives the history and every step's record."""
    steps: list[StepRecord] = []
    history = train(
        model,
        dataset,
        plan=replace(
            plan_for(dataset, family, attempt=attempt, runtime=runtime, **recipe),
            class_weights=class_weights,
            row_order=(lambda epoch: np.arange(len(dataset))) if in_order else None,
        ),
        validate=validate,
        observers=Observers(on_step=lambda record, num_rows: steps.append(record), on_epoch=on_epoch),
    )
    return history, steps


def weights(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """A copy of every weight."""
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest absolute difference between two sets of weights."""
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().max().item() for name in one)
