"""Rows per second of the training steps: ours beside the Hugging Face Trainer with dynamic padding.

Both sides train the same model on the same rows in the same run, alternating; the figure is the ratio of the medians,
because one absolute time says nothing on a shared machine. Rows come from BERTSMITH_DATA/sst2_sentences/train.csv
where that variable is set, else from the example reviews.

    make bench-trainer        BERTSMITH_DATA=/path/to/data make bench-trainer
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from transformers import (
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from bertsmith.config import ModelConfig, TrainingConfig
from bertsmith.data.example import Dataset, LabelSet
from bertsmith.data.reading import read_examples
from bertsmith.data.table import ReadOptions
from bertsmith.model.loading import LoadedModel, load_base
from bertsmith.runtime import choose_runtime
from bertsmith.tokens.batching import EncodedDataset
from bertsmith.tokens.encoding import TextEncoder
from bertsmith.training.history import ValidationScores
from bertsmith.training.loop import Plan, train

NUM_STEPS = 40
NUM_ROUNDS = 5


def main() -> None:
    """Print rows per second of both sides and the ratio."""
    dataset = rows()
    label_set = LabelSet.from_labels(dataset.labels)
    print(
        f"{len(dataset)} rows, {NUM_STEPS} steps of 8, MiniLM, {torch.get_num_threads()} threads, {NUM_ROUNDS} rounds"
    )
    ours, theirs = [], []
    for round_number in range(1, NUM_ROUNDS + 1):
        ours.append(our_rows_per_second(dataset, label_set))
        theirs.append(trainer_rows_per_second(dataset, label_set))
        print(f"round {round_number}: bertsmith {ours[-1]:.1f}, Trainer {theirs[-1]:.1f} rows/s", flush=True)
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"medians: bertsmith {statistics.median(ours):.1f}, Trainer {statistics.median(theirs):.1f} rows/s")
    print(f"ratio {ratio:.2f} (rounds {min(ratios):.2f} to {max(ratios):.2f})")


def rows() -> Dataset:
    """The first rows that the steps need."""
    data = os.environ.get("BERTSMITH_DATA")
    file = (
        Path(data) / "sst2_sentences" / "train.csv"
        if data
        else Path(__file__).parents[1] / "examples" / "reviews.csv"
    )
    return read_examples(file, ReadOptions(limit=NUM_STEPS * 8)).dataset


def our_rows_per_second(dataset: Dataset, label_set: LabelSet) -> float:
    """The training steps alone, as results.json reports them."""
    loaded, encoded, recipe = prepared(dataset, label_set)
    runtime = choose_runtime(device="cpu", precision="float32", threads=None)
    layout = loaded.layout
    plan = Plan.of(len(encoded), recipe=recipe, layout=layout, runtime=runtime)
    shares = dict.fromkeys(label_set.names, 1 / len(label_set))
    scores = ValidationScores(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, shares, shares)
    history = train(loaded.model, encoded, plan=plan, validate=lambda: scores)
    return history.num_rows / history.training_seconds


def trainer_rows_per_second(dataset: Dataset, label_set: LabelSet) -> float:
    """From the first step's beginning to the last one's end."""
    loaded, encoded, recipe = prepared(dataset, label_set)
    clock = StepClock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            learning_rate=recipe.learning_rate,
            per_device_train_batch_size=recipe.batch_size,
            num_train_epochs=1,
            seed=recipe.seed,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = Trainer(
            model=loaded.model,
            args=arguments,
            train_dataset=features(encoded),  # type: ignore[arg-type]  # any sequence of dicts is a map-style dataset
            data_collator=DataCollatorWithPadding(loaded.tokenizer),
            callbacks=[clock],
        )
        trainer.train()
    return len(dataset) / (clock.ended - clock.started)


class StepClock(TrainerCallback):
    """When the first step began and the last one ended."""

    started = ended = 0.0

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Remember the first."""
        self.started = self.started or time.perf_counter()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Remember the last."""
        self.ended = time.perf_counter()


def prepared(dataset: Dataset, label_set: LabelSet) -> tuple[LoadedModel, EncodedDataset, TrainingConfig]:
    """A fresh model, the encoded rows and the published recipe for one epoch."""
    loaded = load_base(ModelConfig(model="minilm"), label_set, seed=42)
    texts = TextEncoder(loaded.backend, loaded.max_length).encode(dataset.texts)
    return (
        loaded,
        EncodedDataset(texts, np.array(label_set.ids_of(dataset.labels), np.int64)),
        TrainingConfig(epochs=1),
    )


def features(encoded: EncodedDataset) -> list[dict[str, object]]:
    """The same token ids as the Trainer wants them."""
    texts, labels = encoded.texts, encoded.label_ids
    assert labels is not None
    return [
        {
            "input_ids": texts.input_ids[texts.offsets[row] : texts.offsets[row + 1]].tolist(),
            "token_type_ids": texts.token_type_ids[texts.offsets[row] : texts.offsets[row + 1]].tolist(),
            "attention_mask": [1] * int(texts.lengths[row]),
            "labels": int(labels[row]),
        }
        for row in range(len(encoded))
    ]


if __name__ == "__main__":
    main()
