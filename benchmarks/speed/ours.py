"""Our side. This is the only file here that calls what is measured: a change of its signatures ends here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.speed.case import Case
from benchmarks.speed.data import JOINED, num_rows_of, rows_of
from bertsmith.config import ModelConfig, TrainingConfig
from bertsmith.data.example import Dataset, LabelSet
from bertsmith.evaluation.scoring import point_scores
from bertsmith.inference.predictor import Predictor
from bertsmith.inference.training_facts import TrainingFacts
from bertsmith.model.loading import LoadedModel, load_base
from bertsmith.model.prediction import predict_logits
from bertsmith.runtime import Runtime, choose_runtime
from bertsmith.tokens.batching import EncodedDataset
from bertsmith.tokens.encoding import EncodedTexts, TextEncoder
from bertsmith.training.history import ValidationScores
from bertsmith.training.loop import Keeper, Observers, train
from bertsmith.training.plan import Plan

SEED = 42
Hook = Callable[[], None]


@dataclass(frozen=True)
class TrainingTime:
    """How long one training took."""

    steps: float
    """Seconds from the first step's beginning to the last one's end."""
    around: float
    """Seconds of the same call outside of them: setting up and clearing away."""


@dataclass(frozen=True)
class Prepared:
    """A fresh model and encoded rows: what both sides begin with."""

    loaded: LoadedModel
    dataset: Dataset
    label_set: LabelSet
    encoded: EncodedDataset
    """The rows that are measured."""
    runtime: Runtime


def prepare(case: Case, *, num_rows: int) -> Prepared:
    """The case's model and its first rows, encoded."""
    dataset, label_set = rows_of(case.data, num_rows)
    precision = "float32" if case.device == "cpu" else "bfloat16"
    runtime = choose_runtime(device=case.device, precision=precision, threads=None)
    config = ModelConfig(model=case.folder, max_length=case.max_length)
    loaded = load_base(config, label_set, seed=SEED)
    encoded = encode(loaded, dataset, label_set)
    loaded.model.to(runtime.device)  # type: ignore[arg-type]  # transformers types `to` too narrowly
    return Prepared(loaded, dataset, label_set, encoded, runtime)


def encode(loaded: LoadedModel, dataset: Dataset, label_set: LabelSet) -> EncodedDataset:
    """The rows as token ids and label ids."""
    texts = TextEncoder(loaded.backend, loaded.max_length).encode(dataset.texts, dataset.text_pairs)
    return EncodedDataset(texts, np.array(label_set.ids_of(dataset.labels), np.int64))


def with_whole_vocabulary(prepared: Prepared, case: Case) -> EncodedDataset:
    """The measured rows, and behind them all others of the data set: what is trained of the vocabulary is a whole run's."""
    if case.data.startswith(JOINED):
        return prepared.encoded
    key = (case.data, case.folder, case.max_length)
    if key not in _WHOLE:
        rest, _ = rows_of(case.data, num_rows_of(case.data))
        _WHOLE[key] = encode(prepared.loaded, rest, prepared.label_set)
    return joined(prepared.encoded, _WHOLE[key])


_WHOLE: dict[tuple[str, str, int | None], EncodedDataset] = {}


def joined(first: EncodedDataset, second: EncodedDataset) -> EncodedDataset:
    """The rows of both."""
    one, other = first.texts, second.texts
    assert first.label_ids is not None and second.label_ids is not None
    texts = EncodedTexts(
        input_ids=np.concatenate([one.input_ids, other.input_ids]),
        token_type_ids=np.concatenate([one.token_type_ids, other.token_type_ids]),
        offsets=np.concatenate([one.offsets, other.offsets[1:] + one.offsets[-1]]),
        is_cut=np.concatenate([one.is_cut, other.is_cut]),
    )
    return EncodedDataset(texts, np.concatenate([first.label_ids, second.label_ids]))


def train_once(
    prepared: Prepared, case: Case, *, before: Hook = lambda: None, keeper: Keeper | None = None
) -> TrainingTime:
    """One pass in the order of the rows; `before` is called when all is ready but nothing of the training is."""
    recipe = TrainingConfig(epochs=1, batch_size=case.batch_size, seed=SEED)
    layout, runtime = prepared.loaded.layout, prepared.runtime
    plan = Plan.of(len(prepared.encoded), recipe=recipe, layout=layout, runtime=runtime)
    rows = with_whole_vocabulary(prepared, case)
    started, ended = [0.0], [0.0]

    def row_order(_epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        # The last thing that the loop asks for before its first step.
        started[0] = time.perf_counter()
        return np.arange(len(prepared.encoded))

    def on_step(*_: object) -> None:
        ended[0] = time.perf_counter()

    before()
    called = time.perf_counter()
    train(
        prepared.loaded.model,
        rows,
        plan=replace(plan, row_order=row_order),
        validate=lambda: _no_scores(prepared.label_set),
        observers=Observers(on_step=on_step),
        keeper=keeper,
    )
    whole = time.perf_counter() - called
    return TrainingTime(steps=ended[0] - started[0], around=whole - (ended[0] - started[0]))


def evaluate_once(prepared: Prepared, case: Case) -> float:
    """Seconds of logits and scores of all rows, as after every epoch."""
    started = time.perf_counter()
    logits = predict_logits(
        prepared.loaded.model,
        prepared.encoded,
        layout=prepared.loaded.layout,
        batch_size=case.batch_size,
        runtime=prepared.runtime,
    )
    assert prepared.encoded.label_ids is not None
    point_scores(
        logits.astype(np.float64), prepared.encoded.label_ids, label_set=prepared.label_set, positive_id=None
    )
    return time.perf_counter() - started


def load_predictor(folder: Path, case: Case) -> Predictor:
    """The finished model, ready."""
    return Predictor.load(folder, device=case.device)


def predict_once(predictor: Predictor, dataset: Dataset) -> float:
    """Seconds from texts to labels and probabilities."""
    started = time.perf_counter()
    predictor.predict(dataset.texts, dataset.text_pairs)
    return time.perf_counter() - started


def predict_with(prepared: Prepared) -> float:
    """Seconds from texts to labels with the model as it is, without a folder."""
    facts = TrainingFacts()
    return predict_once(Predictor(prepared.loaded, runtime=prepared.runtime, facts=facts), prepared.dataset)


def encode_once(prepared: Prepared) -> float:
    """Seconds of tokenizing all rows."""
    started = time.perf_counter()
    encoder = TextEncoder(prepared.loaded.backend, prepared.loaded.max_length)
    encoder.encode(prepared.dataset.texts, prepared.dataset.text_pairs)
    return time.perf_counter() - started


def use_all_threads(num_threads: int) -> None:
    """Undo what either side may have set: each begins with all threads of the machine."""
    torch.set_num_threads(num_threads)


def _no_scores(label_set: LabelSet) -> ValidationScores:
    """Nothing is chosen here, so nothing is scored."""
    shares = dict.fromkeys(label_set.names, 1 / len(label_set))
    return ValidationScores(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, shares, shares)
