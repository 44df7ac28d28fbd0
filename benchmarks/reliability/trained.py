"""The run that is killed and damaged: a tiny model on few rows, all of its kinds of steps in a second or two."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

from tests.killable_training import start_training
from tests.story.rows import keyword_rows, write_csv
from tests.tiny_models import write_tiny_model

RECIPE: dict[str, Any] = {
    "learning_rate": 5e-3,
    "epochs": 3,
    "device": "cpu",
    "threads": 1,
    "weight_decay": 0.01,
    "warmup_ratio": 0.1,
    "micro_batch_size": 3,
    "checkpoint_every": "2",
}
"""Dropout is on, batches of 8 rows go through in threes, and the last batch of an epoch is smaller."""
NUM_ROWS = 150


def write_inputs(folder: Path) -> dict[str, Any]:
    """The rows and the model; what `finetune` is called with, but for its output."""
    data = write_csv(folder / "rows.csv", keyword_rows(NUM_ROWS))
    return {"data": str(data), "model": str(write_tiny_model(folder / "tiny")), **RECIPE}


def run_whole(settings: dict[str, Any], folder: Path, **more: Any) -> float:
    """A training to its end, in a child; gives its seconds."""
    started = time.perf_counter()
    child = start_training(**settings, output=str(folder), **more)
    child.join()
    if child.exitcode:
        raise RuntimeError(f"the training ended with {child.exitcode}")
    return time.perf_counter() - started


def end_in_the_same_bits(folder: Path, unbroken: Path) -> bool:
    """Whether model, log and predictions equal the unbroken run's, byte for byte."""
    names = ("model.safetensors", "log.jsonl", "predictions.csv", "config.json")
    return all(digest(folder / name) == digest(unbroken / name) for name in names)


def digest(file: Path) -> str:
    """SHA-256 of a file; empty where there is none."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


def how_to_go_on(folder: Path) -> dict[str, Any]:
    """What a user would do: go on where the tool can, else the same command again."""
    if (folder / "checkpoints" / "began_with.json").exists():
        return {
            "resume": not (folder / "results.json").exists(),
            "overwrite": (folder / "results.json").exists(),
        }
    return {"overwrite": True}
