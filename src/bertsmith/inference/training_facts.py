"""What a folder says about how its model was trained: how texts were cut, from which columns they came."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bertsmith.config import Config
from bertsmith.data.table import ReadOptions
from bertsmith.errors import ModelNotFound, NotARunFolder, RunFolderError, nearest
from bertsmith.run_folder import RunFolder

REMEDY = "Restore it, or remove it: prediction works without it."


@dataclass(frozen=True)
class TrainingFacts:
    """How the model read its rows in training."""

    truncate: Literal["head", "head-tail"] = "head"
    reads_pairs: bool | None = None
    """None where the folder does not say: a model of another tool."""
    text_column: str | None = None
    pair_column: str | None = None
    label_column: str | None = None
    num_columns: int | None = None
    """Columns of the training file; None where the folder does not say."""
    positive_label: str | None = None
    """The label that F1, precision and recall were about."""

    def prefer_columns(self, options: ReadOptions, header: Sequence[str]) -> ReadOptions:
        """The user's columns, else those of the training where the table has them, else left to be recognised."""
        asked = {
            "text_column": options.text_column,
            "pair_column": options.pair_column,
            "label_column": options.label_column,
        }
        if options.text_column is not None or self.text_column is None or self.text_column not in header:
            return options
        # Trap: columns without names are called by their number, and column 1 of another file is another thing.
        if self.text_column.isdecimal() and len(header) != self.num_columns:
            return options
        trained = {name: getattr(self, name) for name, column in asked.items() if column is None}
        return replace(options, **{name: column for name, column in trained.items() if column in header})


def require_model(path: Path) -> None:
    """Refuse a folder without a model.

    Raises:
        NotARunFolder: not there, not a folder, not readable, or nothing in it that we know.
        ModelNotFound: an earlier run, but one that left no model.
    """
    try:
        has_config = path.is_dir() and (path / "config.json").is_file()
    except OSError as error:
        raise NotARunFolder(
            f"{path}: the folder cannot be read ({error.strerror}). Check the path and its permissions."
        ) from error
    if has_config:
        return
    if not path.is_dir():
        siblings = (folder.name for folder in path.parent.glob("*") if folder.is_dir())
        missing = f"there is no such folder.{nearest(path.name, siblings)}"
        what = "this is a file, not a folder." if path.exists() else missing
        raise NotARunFolder(f"{path}: {what} Give the folder that bertsmith train wrote.")
    run = RunFolder(path)
    if not run.is_ours():
        raise NotARunFolder(
            f"{path}: there is no model in this folder (no config.json), and bertsmith did not write it. "
            "Give the folder that bertsmith train wrote, or any Hugging Face text classifier."
        )
    raise ModelNotFound(
        f"{path}: this run left no model, so nothing can be predicted with it. {_verdict(run)}"
        "Train again, or keep the last epoch's model of a failed run with --keep-failed-model."
    )


def read_training_facts(path: Path) -> TrainingFacts:
    """What run.toml and results.json say; for a folder of another tool, nothing is known.

    Raises:
        ConfigError: a run.toml of ours that cannot be used.
        RunFolderError: a results.json that is not JSON.
    """
    run = RunFolder(path)
    _require_readable(run.settings)
    if not run.is_ours():
        return TrainingFacts()
    config = Config.from_toml(run.settings)
    columns = _inside(_inside(_results(run), "data"), "columns")
    if not columns:  # still being written, or removed: the settings know what the user asked for
        asked = config.data.pair_column
        return TrainingFacts(
            truncate=config.model.truncate,
            reads_pairs=None if asked is None else True,
            text_column=config.data.text_column,
            pair_column=asked,
            label_column=config.data.label_column,
            positive_label=config.data.positive_label,
        )
    return TrainingFacts(
        truncate=config.model.truncate,
        reads_pairs=columns.get("pair") is not None,
        text_column=_name(columns.get("text")),
        pair_column=_name(columns.get("pair")),
        label_column=_name(columns.get("label")),
        num_columns=number if isinstance(number := columns.get("number"), int) else None,
        positive_label=config.data.positive_label,
    )


def _require_readable(path: Path) -> None:
    """Refuse settings that are there and cannot be read: without them texts could be cut in another way.

    A pipe or a device under the name of a file would be read for ever.
    """
    try:
        if stat.S_IFMT(path.stat().st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise RunFolderError(f"{path}: this is not a regular file. {REMEDY}")
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunFolderError(f"{path}: this file cannot be read ({error.strerror}). {REMEDY}") from error


def _verdict(run: RunFolder) -> str:
    """The run's own sentence, where it came to one."""
    sentence = _inside(_results(run), "verdict").get("sentence")
    return f"Its verdict: {sentence} " if sentence else ""


def _inside(values: dict[str, Any], name: str) -> dict[str, Any]:
    """The object of this name; empty where there is none, or something else in its place."""
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _name(value: object) -> str | None:
    """A column's name, if it is one."""
    return value if isinstance(value, str) else None


def _results(run: RunFolder) -> dict[str, Any]:
    """`results.json`; empty where there is none."""
    _require_readable(run.results)
    try:
        results = json.loads(run.results.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise RunFolderError(f"{run.results}: this file cannot be read ({error}). {REMEDY}") from error
    if not isinstance(results, dict):
        raise RunFolderError(f"{run.results}: this is not a JSON object. {REMEDY}")
    return results
