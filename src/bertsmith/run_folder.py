"""Every file that a run writes, in one place: a run folder is a Hugging Face model folder with more beside it."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertsmith.durable_files import bytes_free, must_take_files, part_of, remove_part, write_whole
from bertsmith.errors import ConfigError, NoRoom, NotARunFolder, RunFolderError, RunFolderExists
from bertsmith.printing import is_hidden

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
    def report(self) -> Path:
        """The page: answer, evidence and doubts."""
        return self.path / "report.html"

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
        """What an unfinished run goes on from; of a finished one, the weights of the best and of the last epoch."""
        return self.path / "checkpoints"

    @property
    def lock(self) -> Path:
        """Held by the process that writes the run; gone when it ends in order."""
        return self.path / ".lock"

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
            RunFolderError: the path is a file, or lies below one, or no file can be written there.
        """
        with self._refusals_told():
            self._refuse_what_is_there(overwrite=overwrite)
            self._must_take_files()

    @contextlib.contextmanager
    def _refusals_told(self) -> Iterator[None]:
        """What the system refuses inside is a RunFolderError."""
        try:
            yield
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            remedy = "Make room, or choose another --output." if is_full else "Choose another --output."
            raise RunFolderError(
                f"{self.path}: the run folder cannot be written ({error.strerror}). {remedy}"
            ) from error

    def _refuse_what_is_there(self, *, overwrite: bool) -> None:
        """No file, nothing of somebody else's, and no earlier run that is not to be replaced."""
        if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
            raise RunFolderError(f"{self.path}: this is not a folder. Choose another --output.")
        above = next((folder for folder in self.path.parents if folder.exists()), self.path.parent)
        if above.exists() and not above.is_dir():
            raise RunFolderError(
                f"{self.path}: {above} is a file, so it can hold no folder. Choose another --output."
            )
        # What a process that was killed before its first whole file leaves.
        traces = {self.lock, part_of(self.settings), part_of(self.weights)}
        if not self.path.exists() or traces.issuperset(self.path.iterdir()):
            return
        if not self.is_ours():
            raise NotARunFolder(
                f"{self.path}: this folder holds files that bertsmith did not write. Choose another --output."
            )
        if not overwrite:
            unfinished = "" if self.results.exists() else ", or go on with it with --resume"
            raise RunFolderExists(
                f"{self.path}: an earlier run is already there. Choose another --output, or replace it with --overwrite{unfinished}."
            )

    def _must_take_files(self) -> None:
        """Write and remove a file where the weights will be; folders that were made for it are removed again."""
        made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            must_take_files(self.weights)
        finally:
            for folder in made:
                with contextlib.suppress(OSError):  # one that was never made
                    folder.rmdir()

    def must_have_room(self, num_bytes: int) -> None:
        """Refuse a disk that has less free.

        Raises:
            NoRoom: with both figures.
        """
        free = bytes_free(self.path)
        if free < num_bytes:
            raise NoRoom(self.path, num_bytes=num_bytes, free=free)

    def create(self, settings: str) -> None:
        """Make the folder, remove what an earlier run wrote there, and write the settings.

        Files that no run writes stay untouched.

        Raises:
            ConfigError: a name in the settings that no TOML file can hold.
            RunFolderError: the folder cannot be written.
        """
        refuse_undecodable(settings)
        with self._refusals_told():
            self.path.mkdir(parents=True, exist_ok=True)
            written = (
                self.card,
                self.report,
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
                remove_part(file)
            remove_part(self.path / "model")
            if self.checkpoints.is_dir() and not self.checkpoints.is_symlink():
                shutil.rmtree(self.checkpoints)
            write_whole(self.settings, MARK + settings)


def folder_of(output: str | None, *, data_name: str) -> RunFolder:
    """The run folder: the one asked for, else `runs/` and the data file's name without its ending."""
    if output:
        return RunFolder(Path(output))
    stem = "".join("_" if is_hidden(character) else character for character in Path(data_name).stem)
    return RunFolder(Path("runs") / (stem if stem.strip(".") else "data"))  # trap: `...csv` has the stem `..`


def refuse_undecodable(settings: str) -> None:
    """Refuse a path with bytes that are not UTF-8: Python holds each of them as half of a surrogate pair.

    Raises:
        ConfigError: there is one.
    """
    for line in settings.split("\n"):
        if re.search("[\ud800-\udfff]", line):
            problem = f"run.toml cannot hold {line}: the name has bytes that are not UTF-8. Rename it."
            raise ConfigError([problem])


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
    """Indented JSON with every character as itself, whole or not at all; NaN and infinity are our bug: ValueError.

    Half of a surrogate pair, which a column's name can hold, has no UTF-8 form; its escape is the same text in JSON.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, text.encode("utf-8", "backslashreplace"))
