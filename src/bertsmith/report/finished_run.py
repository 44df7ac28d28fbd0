"""A run folder that is complete, read back: all that the page shows comes from these files and from nothing else."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bertsmith.config import Config
from bertsmith.data.csv_safety import restore_formula
from bertsmith.errors import NotARunFolder, RunFolderError, nearest
from bertsmith.run import SCHEMA
from bertsmith.run_folder import RunFolder

Value = TypeVar("Value")

MAX_CELL_CHARACTERS = 2**31 - 1
"""The csv module refuses longer cells; its own limit, 131,072, is shorter than some texts."""
COLUMNS = ("file", "line", "text", "label", "prediction", "probability")
"""Of predictions.csv, those that are read."""
REMEDY = "Restore it, or train again."


@dataclass(frozen=True)
class TestRow:
    """A row of predictions.csv."""

    __test__ = False  # pytest takes the name for a test's

    file: str
    line: str
    text: str
    text_pair: str | None
    label: str
    predicted: str
    probability: float
    """Of the prediction, in [0, 1]."""

    @property
    def row(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class LoggedAttempt:
    """One training, as log.jsonl tells it: a seed, a fold or an attempt begins another."""

    steps: tuple[tuple[int, float], ...]
    """(step, loss in nats) of every optimizer step with a finite loss."""
    epochs: tuple[dict[str, Any], ...]

    @property
    def last_step(self) -> int:
        """0 where no step was made."""
        return max((step for step, _ in self.steps), default=0)


@dataclass(frozen=True)
class FinishedRun:
    """What a complete run folder says."""

    name: str
    """The folder's name."""
    folder: RunFolder
    results: dict[str, Any]
    """`results.json`."""
    findings: tuple[dict[str, Any], ...]
    """`findings.json`: with the rows that show each."""
    test_rows: tuple[TestRow, ...]
    """Empty where the test rows were not read."""
    attempts: tuple[LoggedAttempt, ...]
    settings: Config
    weights_hash: str | None
    """SHA-256 of model.safetensors; None where there is none."""

    @property
    def labels(self) -> tuple[str, ...]:
        """In id order."""
        return tuple(self.results["labels"])


def read_finished_run(path: Path) -> FinishedRun:
    """Everything that a complete run left.

    Raises:
        NotARunFolder: bertsmith did not write this folder.
        RunFolderError: the run is not complete, or a file of it cannot be read.
    """
    folder = RunFolder(path)
    _require_run(folder)
    return FinishedRun(
        name=path.resolve().name,
        folder=folder,
        results=_results(folder),
        findings=tuple(_read(folder.findings, lambda text: list(json.loads(text)), missing=[])),
        test_rows=tuple(_read(folder.predictions, _test_rows, missing=[])),
        attempts=tuple(_read(folder.log, _attempts, missing=[])),
        settings=Config.from_toml(folder.settings),
        weights_hash=_hash(folder.weights),
    )


def _require_run(folder: RunFolder) -> None:
    """Refuse what is not a complete run."""
    path = folder.path
    if not path.is_dir():
        siblings = (other.name for other in path.parent.glob("*") if other.is_dir())
        what = (
            "this is a file, not a folder."
            if path.exists()
            else f"there is no such folder.{nearest(path.name, siblings)}"
        )
        raise NotARunFolder(f"{path}: {what} Give the folder that bertsmith train wrote.")
    if not folder.is_ours():
        raise NotARunFolder(
            f"{path}: bertsmith did not write this folder (no run.toml of ours). Give the folder that bertsmith train wrote."
        )
    if not folder.results.is_file():
        raise RunFolderError(
            f"{path}: this run is not finished: it has no results.json. Wait until it ends, or train again."
        )


def _results(folder: RunFolder) -> dict[str, Any]:
    """`results.json`, if it is one that this version wrote."""
    values: Any = _read(folder.results, json.loads, missing=None)
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise RunFolderError(
            f"{folder.results}: this is not the results.json of a run of this version (schema {SCHEMA!r} is expected). {REMEDY}"
        )
    return values


def _read(path: Path, parse: Callable[[str], Value], *, missing: Value) -> Value:
    """A file of the folder, parsed; another value where it is not there."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return parse(file.read())
    except FileNotFoundError:
        return missing
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{path}: this file cannot be read ({error}). {REMEDY}") from error


def _test_rows(text: str) -> list[TestRow]:
    """The rows of predictions.csv, without the apostrophes that keep spreadsheets from running them."""
    limit = csv.field_size_limit(MAX_CELL_CHARACTERS)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = list(reader)
    except csv.Error as error:
        raise ValueError(str(error)) from error
    finally:
        csv.field_size_limit(limit)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"it has no column {missing[0]!r}")
    return [
        TestRow(
            file=restore_formula(row["file"]),
            line=row["line"],
            text=restore_formula(row["text"]),
            text_pair=restore_formula(row["text_pair"]) if "text_pair" in row else None,
            label=restore_formula(row["label"]),
            predicted=restore_formula(row["prediction"]),
            probability=float(row["probability"]),
        )
        for row in rows
    ]


def _attempts(text: str) -> list[LoggedAttempt]:
    """The log, cut where another training begins."""
    attempts: list[LoggedAttempt] = []
    for part in _trainings(json.loads(line) for line in text.split("\n") if line):
        steps = [(line["step"], line["loss"]) for line in part if line["event"] == "step"]
        epochs = tuple(line for line in part if line["event"] == "epoch")
        finite = tuple((step, loss) for step, loss in steps if isinstance(loss, float | int))
        attempts.append(LoggedAttempt(finite, epochs))
    return attempts


def _trainings(lines: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The lines of each training: its steps begin with 1 again."""
    part: list[dict[str, Any]] = []
    last = 0
    for line in lines:
        if line["event"] == "step" and line["step"] <= last and part:
            yield part
            part = []
        if line["event"] in ("step", "epoch"):
            last = line["step"]
            part.append(line)
    if part:
        yield part


def _hash(path: Path) -> str | None:
    """SHA-256 of a file; None where it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
