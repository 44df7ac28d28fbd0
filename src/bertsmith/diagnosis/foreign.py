"""Runs of other tools as plain values: trainer_state.json, model cards, pasted tables, and our own results.json.

A path or text → `ForeignRun`. Every figure may be missing; none is filled in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from bertsmith.diagnosis.foreign_run import ForeignEpoch, ForeignRun, averaging_word, columns_of
from bertsmith.diagnosis.printed_table import read_table
from bertsmith.errors import UnreadableFile

MOST_BYTES = 50_000_000
"""A longer file is no model card and no trainer state."""
ROUNDED = 6
"""Scores with more digits than this were not rounded."""
FLOAT32_DECIMALS = 7
GONE = 0.01
"""A logged loss below this may go on to 0.0 by itself; from a higher one, 0.0 stands for NaN."""


def read_foreign(path: Path) -> ForeignRun:
    """The run in a folder or file.

    A folder is searched for results.json (ours), trainer_state.json (also in its newest checkpoint), then README.md.

    Raises:
        UnreadableFile: nothing of this is there, or it cannot be read.
    """
    if path.is_dir():
        path = _file_in(path)
    if not path.is_file():
        raise UnreadableFile(str(path), "there is no such file or folder.", remedy="Check the path.")
    if path.stat().st_size > MOST_BYTES:
        raise UnreadableFile(
            str(path), "the file is too large to be a card or a trainer state.", remedy="Give another file."
        )
    text = path.read_text("utf-8", errors="replace")
    if path.suffix == ".json":
        return _from_json(path, text)
    return read_table(text, name=str(path))


def _file_in(folder: Path) -> Path:
    """The file that tells most of a run's folder."""
    by_step = sorted(folder.glob("checkpoint-*"), key=lambda path: _last_number(path.name))
    wanted = [folder / "results.json", folder / "trainer_state.json"]
    wanted += [path / "trainer_state.json" for path in reversed(by_step)] + [folder / "README.md"]
    found = next((path for path in wanted if path.is_file()), None)
    if found is None:
        raise UnreadableFile(
            str(folder),
            "the folder holds neither results.json nor trainer_state.json nor README.md.",
            remedy="Give a run folder, a Hugging Face output folder, a model card, or - for a table on standard input.",
        )
    return found


def _last_number(name: str) -> int:
    found = re.findall(r"\d+", name)
    return int(found[-1]) if found else -1


def _from_json(path: Path, text: str) -> ForeignRun:
    """Our results.json, or a trainer_state.json."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UnreadableFile(
            str(path), f"this is not JSON ({error}).", remedy="Copy the file again."
        ) from error
    if isinstance(values, dict) and isinstance(values.get("epochs"), list):
        return _ours(str(path), values)
    if isinstance(values, dict) and isinstance(values.get("log_history"), list):
        return _from_log(str(path), values["log_history"])
    raise UnreadableFile(
        str(path),
        "the file has neither `epochs` (bertsmith's results.json) nor `log_history` (trainer_state.json).",
        remedy="Give one of these, or a model card.",
    )


def _ours(name: str, values: Mapping[str, Any]) -> ForeignRun:
    """Our results.json, with the verdict that the run came to itself."""
    verdict, labels = values.get("verdict"), values.get("labels")
    own = None
    if isinstance(verdict, dict) and isinstance(verdict.get("outcome"), str):
        told = tuple(str(reason) for reason in verdict.get("reasons", ()))
        own = (verdict["outcome"], str(verdict.get("sentence", "")), told)
    return ForeignRun(
        name,
        tuple(_known(epoch) for epoch in values["epochs"] if isinstance(epoch, dict)),
        decimals=None,
        f1_is_macro=values.get("positive_label") is None,
        recall_is_macro=values.get("positive_label") is None,
        num_labels=len(labels) if isinstance(labels, list) and len(labels) >= 2 else None,
        own_verdict=own,
    )


def _known(values: Mapping[str, Any]) -> ForeignEpoch:
    """The figures that we know by name."""
    names = {field.name for field in fields(ForeignEpoch)}
    return ForeignEpoch(**{name: _number(value) for name, value in values.items() if name in names})


def _number(value: object) -> Any:
    """A number as it is; None for anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _from_log(name: str, log: Sequence[Any]) -> ForeignRun:
    """The evaluations of a trainer's log; an epoch's training loss is the last that was logged before it."""
    epochs: list[ForeignEpoch] = []
    train_loss: float | None = None
    for entry in (entry for entry in log if isinstance(entry, dict)):
        if "eval_loss" in entry or any(key.startswith("eval_") for key in entry):
            figures = {
                key.removeprefix("eval_"): value for key, value in entry.items() if key.startswith("eval_")
            }
            epochs.append(
                _known(
                    {
                        "epoch": entry.get("epoch"),
                        "step": entry.get("step"),
                        "train_loss": train_loss,
                        "validation_loss": figures.pop("loss", None),
                    }
                    | _by_column(figures)
                )
            )
        elif "loss" in entry:
            train_loss = _number(entry["loss"])
    entries = (entry for entry in log if isinstance(entry, dict))
    prefixed = dict.fromkeys(key for entry in entries for key in entry if key.startswith("eval_"))
    names = [key.removeprefix("eval_") for key in prefixed if key != "eval_loss"]
    named = [key for key, column in zip(names, columns_of(names), strict=True) if column is not None]
    return ForeignRun(
        name,
        tuple(epochs),
        decimals=_decimals(epochs),
        f1_is_macro=averaging_word(named, "f1") == "macro",
        recall_is_macro=averaging_word(named, "recall") == "macro",
        loss_became_nan=_became_nan(log),
    )


def _became_nan(log: Sequence[Any]) -> bool:
    """Whether a training loss or gradient norm was not finite.

    Trap: the standard trainer logs a loss that is not a number as 0.0. Its gradient norm stays NaN; an older trainer does
    not log one, and then a 0.0 that follows a loss of some size is no number.
    """
    before = math.inf
    for entry in (entry for entry in log if isinstance(entry, dict) and "loss" in entry):
        loss, norm = _number(entry["loss"]), _number(entry.get("grad_norm"))
        if not _is_finite(loss) or (norm is not None and not _is_finite(norm)):
            return True
        if loss == 0.0 and norm is None and before >= GONE:
            return True
        before = loss
    return False


def _by_column(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Figures under our names."""
    columns = columns_of(list(figures))
    return {
        column: value for column, value in zip(columns, figures.values(), strict=True) if column is not None
    }


def _decimals(epochs: Sequence[ForeignEpoch]) -> int | None:
    """Digits that the scores of a log were rounded to; None where they are in full.

    Trap: float32 written as a float has many digits, of which seven count.
    """
    scores = [getattr(epoch, name) for epoch in epochs for name in ("accuracy", "precision", "recall", "f1")]
    known = [score for score in scores if score is not None and math.isfinite(score)]
    digits = max((len(repr(float(score)).partition(".")[2]) for score in known), default=0)
    if digits <= ROUNDED:
        return digits or None
    is_float32 = all(float(np.float32(score)) == score for score in known)
    return FLOAT32_DECIMALS if is_float32 else None


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
