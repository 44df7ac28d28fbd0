"""This file knows one fold: trained without it and the next one, chosen by the next one, and what it says of the fold.

What it came to is kept on disk, so that a run that was killed does not train it again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from bertsmith.console import Console
from bertsmith.data.example import Dataset
from bertsmith.diagnosis.baselines import fit_bag_of_words, majority_probabilities
from bertsmith.judgement import BASELINE_SHARE_OF_TRAINING
from bertsmith.model.restarting import reset_weights
from bertsmith.open_run import OpenRun
from bertsmith.preparation import Prepared, encode_labelled, encode_splits, label_ids_of
from bertsmith.rescued_training import train_until_learned
from bertsmith.sealed_folders import flaw_of, write_sealed
from bertsmith.training.history import History, Restart

FOLD_ARRAYS = ("validation", "test", "bag_of_words", "majority")


@dataclass(frozen=True)
class Fold:
    """What one fold's model says of the rows that it did not see."""

    history: History
    restarts: tuple[Restart, ...]
    best: int | None
    """Index of its best epoch; None where it failed."""
    validation: NDArray[np.float32]
    """(rows of the next fold, labels) logits."""
    test: NDArray[np.float32]
    """(rows of this fold, labels) logits."""
    bag_of_words: NDArray[np.float64]
    """(rows of this fold, labels) probabilities."""
    majority: NDArray[np.float64]
    """(rows of this fold, labels) the label shares of its training rows."""
    bag_of_words_rows: int


def run_fold(
    prepared: Prepared,
    rows: Dataset,
    numbers: NDArray[np.int64],
    number: int,
    *,
    opened: OpenRun,
    console: Console,
) -> Fold:
    """Train without a fold and the next one, choose by the next one, predict the fold."""
    num_folds = int(numbers.max()) + 1
    follows = (number + 1) % num_folds
    parts = {
        "train": rows.select(np.flatnonzero((numbers != number) & (numbers != follows)).tolist()),
        "validation": rows.select(np.flatnonzero(numbers == follows).tolist()),
        "test": rows.select(np.flatnonzero(numbers == number).tolist()),
    }
    fold = with_splits(prepared, **parts)
    reset_weights(fold.loaded, seed=fold.config.training.seed)
    attempts = opened.attempts(f"fold-{number + 1}")
    trained = train_until_learned(fold, attempts=attempts, log_path=opened.folder.log, console=console)
    best = None if trained.failed else attempts.best
    encoded = encode_labelled(parts["test"], encoder=fold.encoded.encoder, label_set=fold.data.label_set)
    majority = majority_probabilities(
        label_ids_of(fold.encoded.train), len(parts["test"]), num_labels=len(fold.data.label_set)
    )
    if best is not None:
        attempts.restore(fold.loaded.model, best)
    shares = np.log(majority).astype(np.float32)
    words = fit_bag_of_words(
        parts["train"],
        fold.data.label_set,
        seconds_allowed=BASELINE_SHARE_OF_TRAINING * trained.history.training_seconds,
    )
    return Fold(
        history=trained.history,
        restarts=tuple(replace(restart, fold=number + 1) for restart in trained.restarts),
        best=best,
        # A fold whose training failed knows no more than the label shares.
        validation=fold.logits(fold.encoded.validation, as_served=True)
        if best is not None
        else np.tile(shares[:1], (len(parts["validation"]), 1)),
        test=fold.logits(encoded, as_served=True) if best is not None else shares,
        bag_of_words=words.predict_probabilities(parts["test"].texts, parts["test"].text_pairs),
        majority=majority,
        bag_of_words_rows=words.rows,
    )


def write_fold(fold: Fold, path: Path) -> None:
    """Keep what a fold's model says, so that it is not trained again after a kill."""
    arrays = {name: np.ascontiguousarray(getattr(fold, name)) for name in FOLD_ARRAYS}
    values = {
        "history": fold.history.to_json(),
        "restarts": [restart.to_json() for restart in fold.restarts],
        "best": fold.best,
        "bag_of_words_rows": fold.bag_of_words_rows,
    }
    files = {"fold.safetensors": save(arrays), "fold.json": json.dumps(values).encode()}
    write_sealed(path, files)


def read_fold(path: Path, *, console: Console) -> Fold | None:
    """What `write_fold` kept; None where there is nothing, or it is damaged, which is told."""
    if not path.exists():
        return None
    flaw = flaw_of(path)
    if flaw is not None:
        console.say(f"Skipped {path.parent.name}/{path.name}: {flaw}.", style="yellow")
        return None
    values = json.loads((path / "fold.json").read_bytes())
    return Fold(
        history=History.from_json(values["history"], steps=()),
        restarts=tuple(Restart.from_json(restart) for restart in values["restarts"]),
        best=values["best"],
        bag_of_words_rows=values["bag_of_words_rows"],
        **load((path / "fold.safetensors").read_bytes()),
    )


def with_splits(prepared: Prepared, *, train: Dataset, validation: Dataset, test: Dataset) -> Prepared:
    """The same run on other splits; the labels and their order stay."""
    splits = replace(prepared.data.splits, train=train, validation=validation, test=test)
    data = replace(prepared.data, splits=splits)
    encoded = encode_splits(data, loaded=prepared.loaded, config=prepared.config)
    return replace(prepared, data=data, encoded=replace(encoded, findings=prepared.encoded.findings))
