"""Every file that a run writes, in one place: a run folder is a Hugging Face model folder with more beside it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertsmith.errors import NotARunFolder, RunFolderError, RunFolderExists

MARK = "# A bertsmith run: these settings repeat it (bertsmith train --config run.toml --output elsewhere).\n"
"""First line of every run.toml; what tells a run folder from any other."""


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run, whether written yet or not."""

    path: Path

    @property
    def settings(self) -> Path:
        """The resolved settings; written first, so that a folder is known as ours from its start."""
        return self.path / "run.toml"

    @property
    def card(self) -> Path:
        """The model card."""
        return self.path / "README.md"

    @property
    def images(self) -> Path:
        """The folder of the card's pictures."""
        return self.path / "images"

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The pictures that a card may have."""
        return tuple(self.images / name for name in ("curves.png", "confusion.png", "reliability.png"))

    @property
    def trainer_state(self) -> Path:
        """The course of the training as the Hugging Face Trainer writes it, for tools that read its folders."""
        return self.path / "trainer_state.json"

    @property
    def results(self) -> Path:
        """Every number of the card, machine-readable."""
        return self.path / "results.json"

    @property
    def predictions(self) -> Path:
        """The test rows with label, prediction, probability, correct."""
        return self.path / "predictions.csv"

    @property
    def splits(self) -> Path:
        """Which row went where, and why."""
        return self.path / "splits.csv"

    @property
    def findings(self) -> Path:
        """What was found about the data and the model."""
        return self.path / "findings.json"

    @property
    def log(self) -> Path:
        """One line per step and per epoch."""
        return self.path / "log.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Weights of the best and of the last epoch."""
        return self.path / "checkpoints"

    def checkpoint_weights(self, epoch_index: int) -> Path:
        """Weights as they were after an epoch (0-based index)."""
        return self.checkpoints / f"epoch-{epoch_index + 1}" / "model.safetensors"

    @property
    def weights(self) -> Path:
        """The weights of the chosen model; not there for a failed run."""
        return self.path / "model.safetensors"

    @property
    def model_files(self) -> tuple[Path, ...]:
        """What makes the folder a Hugging Face model."""
        names = (
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
            "sentence_bert_config.json",
        )
        return tuple(self.path / name for name in names)

    def is_ours(self) -> bool:
        """Whether bertsmith wrote this folder."""
        try:
            with self.settings.open("r", encoding="utf-8") as file:
                return file.readline() == MARK
        except (OSError, UnicodeDecodeError):
            return False

    def must_be_free(self, *, overwrite: bool) -> None:
        """Refuse a folder that holds something, unless it is an earlier run to be overwritten.

        Raises:
            RunFolderExists: an earlier run, and `overwrite` is off.
            NotARunFolder: something that bertsmith did not write.
            RunFolderError: the path is a file, or lies below one.
        """
        if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
            raise RunFolderError(f"{self.path}: this is not a folder. Choose another --output.")
        above = next((folder for folder in self.path.parents if folder.exists()), self.path.parent)
        if above.exists() and not above.is_dir():
            raise RunFolderError(
                f"{self.path}: {above} is a file, so it can hold no folder. Choose another --output."
            )
        if not self.path.exists() or not any(self.path.iterdir()):
            return
        if not self.is_ours():
            raise NotARunFolder(
                f"{self.path}: this folder holds files that bertsmith did not write. Choose another --output."
            )
        if not overwrite:
            raise RunFolderExists(
                f"{self.path}: an earlier run is already there. Choose another --output, or replace it with --overwrite."
            )

    def create(self, settings: str) -> None:
        """Make the folder, remove what an earlier run wrote there, and write the settings.

        Files that no run writes stay untouched.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            written = (
                self.card,
                *self.pictures,
                self.trainer_state,
                self.results,
                self.predictions,
                self.splits,
                self.findings,
                self.log,
                *self.model_files,
            )
            for file in written:
                file.unlink(missing_ok=True)
            if self.checkpoints.is_dir() and not self.checkpoints.is_symlink():
                shutil.rmtree(self.checkpoints)
            self.settings.write_text(MARK + settings, encoding="utf-8")
        except OSError as error:
            raise RunFolderError(
                f"{self.path}: the run folder cannot be written ({error.strerror}). Choose another --output."
            ) from error


def runs_that_read(fingerprint: str, *, beside: RunFolder) -> int:
    """How many other run folders beside this one say that they scored test rows of this fingerprint.

    A folder that cannot be read counts as none.
    """
    count = 0
    own = beside.path.resolve()
    for folder in own.parent.glob("*/"):
        if folder == own:
            continue
        try:
            values = json.loads(RunFolder(folder).results.read_text("utf-8"))
            same = values["data"]["test_fingerprint"] == fingerprint
            count += bool(same and values["test_reads"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return count


def write_json(path: Path, value: Any) -> None:
    """Indented JSON with every character as itself; NaN and infinity are our bug: ValueError."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
