"""Runs of other tools as plain values: trainer_state.json, model cards, pasted tables, and our own results.json.

A path or text → `ForeignRun`. Every figure may be missing; none is filled in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bertsmith.errors import UnreadableFile

MOST_BYTES = 50_000_000
"""A longer file is no model card and no trainer state."""
CLASSIFICATION = ("f1", "accuracy", "precision", "recall")
NAMES: dict[str, tuple[str, ...]] = {
    "train_loss": ("training loss", "train loss", "loss"),
    "epoch": ("epoch", "epochs"),
    "step": ("step", "steps"),
    "validation_loss": ("validation loss", "eval loss", "val loss", "valid loss"),
    "f1": (
        "f1",
        "f1 score",
        "f1score",
        "macro f1",
        "f1 macro",
        "eval f1",
        "f1 weighted",
        "weighted f1",
        "f1 micro",
    ),
    "accuracy": ("accuracy", "acc", "eval accuracy"),
    "precision": ("precision", "eval precision", "macro precision", "precision macro"),
    "recall": ("recall", "eval recall", "macro recall", "recall macro"),
}
REGRESSION = ("mse", "rmse", "mae", "pearson", "pearsonr", "spearmanr", "spearman", "r2", "combined score")
ONLY_BINARY_F1 = ("f1", "f1 score", "f1score", "eval f1")
NUMBER = re.compile(r"[-+]?(\d+(\.(?P<decimals>\d*))?|\.\d+)([eE][-+]?\d+)?|nan|inf|[-+]inf", re.IGNORECASE)


@dataclass(frozen=True)
class ForeignEpoch:
    """One row of a published table; None is a figure that is not there."""

    epoch: float | None = None
    step: int | None = None
    train_loss: float | None = None
    validation_loss: float | None = None
    f1: float | None = None
    accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None


@dataclass(frozen=True)
class ForeignRun:
    """What a run of any tool tells of itself."""

    name: str
    epochs: tuple[ForeignEpoch, ...]
    decimals: int | None
    """Digits behind the point that the scores were printed with; None where they are in full."""
    is_regression: bool = False
    """Whether its figures are those of a regression."""
    f1_is_macro: bool = False
    """Whether the table says that its F1 is an average over labels."""
    num_labels: int | None = None
    """Where the run itself says it."""
    own_verdict: tuple[str, str, tuple[str, ...]] | None = None
    """Outcome, sentence and reasons of a run of ours, which saw more than its table."""
    loss_became_nan: bool = False
    """Whether the training loss or a gradient norm was logged as NaN, or as the 0.0 that stands for it."""


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
    became_nan = False
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
            norm = _number(entry.get("grad_norm"))
            # Trap: the standard trainer logs a loss that is not a number as 0.0; its gradient norm stays NaN.
            became_nan |= not _is_finite(train_loss) or (norm is not None and not _is_finite(norm))
            became_nan |= train_loss == 0.0
    return ForeignRun(name, tuple(epochs), decimals=None, loss_became_nan=became_nan)


def _by_column(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Figures under our names."""
    found = {}
    for name, value in figures.items():
        column = column_of(name)
        if column is not None and column not in found:
            found[column] = value
    return found


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def column_of(name: str) -> str | None:
    """Our name of a column; None for one that we do not use."""
    folded = fold(name)
    return next((ours for ours, theirs in NAMES.items() if folded in theirs), None)


def fold(name: str) -> str:
    """A column's name without case, marks and underscores."""
    return re.sub(r"[\s_:*`]+", " ", name).strip().lower()


def read_table(text: str, *, name: str) -> ForeignRun:
    """The results table in Markdown, or separated by tabs or several spaces.

    Raises:
        UnreadableFile: there is no such table.
    """
    best: tuple[list[str], list[list[str]]] | None = None
    for header, rows in _tables(text.splitlines()):
        known = {column_of(cell) for cell in header} - {None}
        is_results = "epoch" in known or "step" in known or "validation_loss" in known
        if (
            is_results
            and rows
            and (best is None or len(known) > len({column_of(cell) for cell in best[0]} - {None}))
        ):
            best = header, rows
    if best is None:
        raise UnreadableFile(
            name,
            "there is no table of training results in it (expected columns such as Epoch, Validation Loss, Accuracy, F1).",
            remedy="Give the model card with its results table, or paste the table on standard input (-).",
        )
    header, rows = best
    columns = [column_of(cell) for cell in header]
    folded = [fold(cell) for cell in header]
    scores = [
        cell for row in rows for column, cell in zip(columns, row, strict=False) if column in CLASSIFICATION
    ]
    named_f1 = next(
        (fold(cell) for cell, column in zip(header, columns, strict=True) if column == "f1"), "f1"
    )
    return ForeignRun(
        name,
        tuple(_row(columns, row) for row in rows),
        decimals=max((_decimals(cell) for cell in scores), default=0) or None,
        is_regression=not any(column in CLASSIFICATION for column in columns)
        and any(cell in REGRESSION for cell in folded),
        f1_is_macro=named_f1 not in ONLY_BINARY_F1,
    )


def _tables(lines: Iterable[str]) -> Iterable[tuple[list[str], list[list[str]]]]:
    """(header, rows) of every block of lines that have cells."""
    block: list[list[str]] = []
    for line in [*lines, ""]:
        cells = _cells(line)
        if len(cells) > 1:
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                block.append(cells)
        elif block:
            yield block[0], block[1:]
            block = []


def _cells(line: str) -> list[str]:
    """The cells of a line: between bars, else between tabs or two spaces and more."""
    line = line.strip()
    if "|" in line:
        return [cell.strip() for cell in line.strip("|").split("|")]
    return [cell for cell in re.split(r"\t+|\s{2,}", line) if cell]


def _row(columns: Sequence[str | None], cells: Sequence[str]) -> ForeignEpoch:
    """The figures of one row; `No log` and gaps are None."""
    values: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=False):
        plain = cell.strip("*` ").replace(",", "")
        if column is None or column in values or not NUMBER.fullmatch(plain):
            continue
        values[column] = (
            int(float(plain)) if column == "step" and plain.replace(".0", "").isdecimal() else float(plain)
        )
    return ForeignEpoch(**values)


def _decimals(cell: str) -> int:
    """Digits behind the point."""
    found = NUMBER.fullmatch(cell.strip("*` "))
    return len(found.group("decimals") or "") if found and "e" not in cell.lower() else 0
