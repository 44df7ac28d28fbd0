"""Their side: the Hugging Face Trainer, its pipeline, and a plain loop over rows sorted by length.

The model is loaded by transformers itself, so that nothing of ours is in it. The Trainer takes the rows in their order, as
ours does: the batches are the same.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
    pipeline,
)
from transformers.utils import logging

from benchmarks.speed.case import Case
from benchmarks.speed.ours import SEED, Hook, Prepared, TrainingTime
from bertsmith.data.example import Dataset

EXAMPLE_LENGTH = 128
"""What the example script pads to by default. Source: transformers/examples/pytorch/text-classification/run_glue.py."""
PREDICT_BATCH_SIZE = 32
Features = list[dict[str, Any]]


@dataclass
class StepClock(TrainerCallback):
    """When the first step began and the last one ended."""

    before: Hook
    started: float = 0.0
    ended: float = 0.0
    has_begun: bool = field(default=False, init=False)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Remember the first."""
        if not self.has_begun:
            self.has_begun = True
            self.before()
            self.started = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Remember the last."""
        self.ended = time.perf_counter()


def be_quiet() -> None:
    """No warnings and bars of transformers between the figures."""
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def load_model(prepared: Prepared) -> PreTrainedModel:
    """The same weights under the same number of labels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            prepared.loaded.path, num_labels=len(prepared.label_set), dtype=torch.float32
        )
    return model


def features_of(prepared: Prepared, *, pad_to: int | None = None) -> Features:
    """The same token ids as the Trainer wants them; with `pad_to`, every row cut and padded to that length."""
    texts, labels = prepared.encoded.texts, prepared.encoded.label_ids
    assert labels is not None
    rows: Features = []
    for row in range(len(prepared.encoded)):
        tokens = slice(texts.offsets[row], texts.offsets[row + 1])
        input_ids, types = texts.input_ids[tokens].tolist(), texts.token_type_ids[tokens].tolist()
        mask = [1] * len(input_ids)
        if pad_to is not None:
            rest = max(0, pad_to - len(input_ids))
            input_ids = input_ids[:pad_to] + [prepared.loaded.layout.pad_id] * rest
            types, mask = types[:pad_to] + [0] * rest, mask[:pad_to] + [0] * rest
        rows.append(
            {
                "input_ids": input_ids,
                "token_type_ids": types,
                "attention_mask": mask,
                "labels": int(labels[row]),
            }
        )
    return rows


def _trainer(prepared: Prepared, case: Case, features: Features, **more: Any) -> Trainer:
    """The published recipe for one epoch, with nothing printed or saved."""
    arguments = TrainingArguments(
        output_dir=tempfile.gettempdir(),  # nothing is written there
        learning_rate=5e-5,
        per_device_train_batch_size=case.batch_size,
        per_device_eval_batch_size=case.batch_size,
        num_train_epochs=1,
        seed=SEED,
        train_sampling_strategy="sequential",
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=case.device == "cpu",
        bf16=case.device != "cpu",
    )
    trainer = Trainer(
        model=load_model(prepared), args=arguments, train_dataset=features, eval_dataset=features, **more
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def train_once(
    prepared: Prepared, case: Case, *, pad_to: int | None = None, before: Hook = lambda: None
) -> TrainingTime:
    """One pass in the order of the rows; `before` is called just before the first step."""
    clock = StepClock(before)
    collator = DataCollatorWithPadding(prepared.loaded.tokenizer) if pad_to is None else default_data_collator
    features = features_of(prepared, pad_to=pad_to)
    trainer = _trainer(prepared, case, features, data_collator=collator, callbacks=[clock])
    called = time.perf_counter()
    trainer.train()
    whole = time.perf_counter() - called
    return TrainingTime(steps=clock.ended - clock.started, around=whole - (clock.ended - clock.started))


def evaluator(prepared: Prepared, case: Case) -> Callable[[], float]:
    """A function that evaluates all rows with dynamic padding; gives the seconds."""
    collator = DataCollatorWithPadding(prepared.loaded.tokenizer)
    trainer = _trainer(prepared, case, features_of(prepared), data_collator=collator)

    def evaluate_once() -> float:
        started = time.perf_counter()
        trainer.evaluate()
        return time.perf_counter() - started

    return evaluate_once


def piper(folder: Path, case: Case, dataset: Dataset) -> Callable[[], float]:
    """A function that sends the texts through a pipeline in batches of 32; gives the seconds."""
    classify = pipeline("text-classification", str(folder), device=case.device)
    pairs = dataset.text_pairs
    inputs: Any = dataset.texts
    if pairs is not None:
        inputs = [{"text": text, "text_pair": pair} for text, pair in zip(dataset.texts, pairs, strict=True)]

    def predict_once() -> float:
        started = time.perf_counter()
        classify(inputs, batch_size=PREDICT_BATCH_SIZE, truncation=True)
        return time.perf_counter() - started

    return predict_once


def sorted_loop(folder: Path, case: Case, dataset: Dataset) -> Callable[[], float]:
    """A function that does what a careful user writes: rows of like length padded together; gives the seconds."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).to(case.device).eval()

    def predict_once() -> float:
        started = time.perf_counter()
        rows = tokenizer(dataset.texts, dataset.text_pairs, truncation=True)
        lengths = [len(ids) for ids in rows["input_ids"]]
        order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
        with torch.inference_mode():
            for start in range(0, len(order), PREDICT_BATCH_SIZE):
                chosen = order[start : start + PREDICT_BATCH_SIZE]
                batch = {name: [values[row] for row in chosen] for name, values in rows.items()}
                inputs = tokenizer.pad(batch, return_tensors="pt").to(case.device)
                model(**inputs).logits.softmax(dim=-1).tolist()
        return time.perf_counter() - started

    return predict_once
