"""This file knows how an unfinished prediction file is continued: what stands beside it, and when it may not be.

`out.csv.partial` grows by whole groups of rows. `out.csv.partial.json` says how many rows and bytes of it are on the disk, what they hash to,
and with which model, options and input they were made. Behind those bytes, and only if all of that is the same, `--resume` goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from bertsmith.durable_files import write_whole
from bertsmith.errors import ConfigError, DataError
from bertsmith.inference.destination import not_written, partial_of, record_of
from bertsmith.inference.output_file import OutputFile
from bertsmith.inference.row_stream import ReadRow

SECONDS_BETWEEN_RECORDS = 1.0
"""A kill costs at most so much work, and the group that was under way."""
MODEL_FILES = (
    *(
        "*.safetensors",
        "*.safetensors.index.json",
        "config.json",
        "tokenizer*.json",
        "special_tokens_map.json",
    ),
    *("vocab.*", "sentence_bert_config.json", "run.toml"),
)
"""What the answers depend on."""


@dataclass(frozen=True)
class Done:
    """What of the output is on the disk."""

    rows: int = 0
    num_bytes: int = 0
    output_sha256: str = ""
    input_sha256: str = ""
    """Of these rows of the input, as they were read."""
    counts: dict[str, Any] = field(default_factory=dict)
    """What was counted over these rows."""


class Journal:
    """The record beside an unfinished file: written while rows are, checked when they are gone on with."""

    def __init__(
        self,
        path: Path,
        *,
        same: Mapping[str, object],
        surroundings: Mapping[str, object],
        seconds_between: float = SECONDS_BETWEEN_RECORDS,
    ) -> None:
        self.path = path
        """The file that it is to be."""
        self.same, self.surroundings = dict(same), dict(surroundings)
        self.done = Done()
        """At first what an earlier process did, then what we did."""
        self.notes: tuple[str, ...] = ()
        self._kept_rows = 0
        self._rows_read = 0
        self._input = hashlib.sha256()
        self._output = hashlib.sha256()
        self._seconds_between, self._last_record = seconds_between, time.monotonic()

    def take_up(self) -> None:
        """Read what an earlier process did, and find out whether it can be gone on with.

        Raises:
            ConfigError: model or options differ, or the partial file is not what was recorded.
        """
        kept = self._read()
        if kept is None:
            self.notes = ("There was nothing to go on with: started from the first row.",)
            return
        done, same, surroundings = kept
        self._refuse_others(same)
        if done.rows == 0:
            return
        # Killed between the last rename and the removal of the record: the file is whole, and goes through the same door.
        if not partial_of(self.path).exists() and self.path.is_file():
            self._check_bytes(self.path, done)
            self.path.replace(partial_of(self.path))
        self._check_bytes(partial_of(self.path), done)
        self.done, self._kept_rows = done, done.rows
        self.notes = (f"{done.rows:,} rows were there already.", *self._told(surroundings))

    def _read(self) -> tuple[Done, dict[str, object], dict[str, object]] | None:
        """The record; None where there is none."""
        path = record_of(self.path)
        try:
            values = json.loads(path.read_text("utf-8"))
            return Done(**values["done"]), dict(values["same"]), dict(values["surroundings"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                [
                    f"--resume: {path} cannot be read, so nothing can be continued. Start anew with --overwrite."
                ]
            ) from error

    def _refuse_others(self, earlier: Mapping[str, object]) -> None:
        """Refuse to go on with another model or other options."""
        names = [name for name in {**earlier, **self.same} if earlier.get(name) != self.same.get(name)]
        if names:
            changes = ", ".join(_change(name, earlier.get(name), self.same.get(name)) for name in names)
            raise ConfigError(
                [
                    f"--resume: {partial_of(self.path)} was not begun like this; changed: {changes}. "
                    "Give the same again, or start anew with --overwrite."
                ]
            )

    def _check_bytes(self, path: Path, done: Done) -> None:
        """Refuse a file whose recorded bytes are not the ones that were written."""
        self._output = hashlib.sha256()
        try:
            with path.open("rb") as file:
                _hash_into(self._output, file, num_bytes=done.num_bytes)
        except OSError as error:
            raise not_written(path, error) from error
        if self._output.hexdigest() != done.output_sha256:
            raise ConfigError(
                [f"--resume: {path} is damaged or was changed since. Start anew with --overwrite."]
            )

    def _told(self, earlier: Mapping[str, object]) -> tuple[str, ...]:
        """What surrounds the work and is not the same as it was: rounding may differ."""
        names = [name for name in self.surroundings if earlier.get(name) != self.surroundings[name]]
        changes = ", ".join(_change(name, earlier.get(name), self.surroundings[name]) for name in names)
        sentence = (
            f"Not the same as for the first rows: {changes}. The last digits of probabilities may differ."
        )
        return (sentence,) if names else ()

    def start(self) -> None:
        """Put the record beside a file that is begun, before the file itself: no kill leaves one without the other."""
        if not self._kept_rows:
            self._write()

    def attach(self, stream: OutputFile) -> None:
        """Go on hashing where the kept bytes end."""
        stream.sha256 = self._output

    def has(self, group: Sequence[ReadRow]) -> bool:
        """Whether these rows, the next of the input, are in the output already.

        Raises:
            DataError: they, or one before them, are not the rows that were predicted.
        """
        before = self._rows_read
        self._rows_read += len(group)
        for read in group:
            self._input.update(repr((read.row, read.text.problem)).encode("utf-8", "surrogatepass"))
        if before >= self._kept_rows:
            return False
        if self._rows_read > self._kept_rows:
            self._refuse_input()
        if self._rows_read == self._kept_rows and self._input.hexdigest() != self.done.input_sha256:
            self._refuse_input()
        return True

    def end_of_input(self) -> None:
        """The input has no more rows.

        Raises:
            DataError: it had more when the output was begun.
        """
        if self._rows_read < self._kept_rows:
            self._refuse_input()

    def _refuse_input(self) -> None:
        raise DataError(
            f"--resume: the input has changed in its first {self._kept_rows:,} rows, which are in {partial_of(self.path)} already. "
            "Give the same input again, or start anew with --overwrite."
        )

    def wrote(self, num_rows: int, stream: OutputFile, *, counts: Mapping[str, Any]) -> None:
        """A group of rows more was written; now and then that is put on the disk."""
        self.done = Done(
            rows=self.done.rows + num_rows,
            num_bytes=stream.num_bytes,
            output_sha256=stream.sha256.hexdigest(),
            input_sha256=self._input.hexdigest(),
            counts=dict(counts),
        )
        if time.monotonic() - self._last_record >= self._seconds_between:
            self.save(stream)

    def save(self, stream: OutputFile) -> None:
        """Put rows and record on the disk, in this order.

        Raises:
            ConfigError: the disk takes no more; the record before stays.
        """
        stream.sync()
        self._write()
        self._last_record = time.monotonic()

    def _write(self) -> None:
        values = {"done": asdict(self.done), "same": self.same, "surroundings": self.surroundings}
        path = record_of(self.path)
        try:
            write_whole(path, json.dumps(values, indent=2) + "\n")
        except OSError as error:
            raise not_written(path, error) from error

    def remove(self) -> None:
        """The file is whole, or nothing of it was done."""
        with contextlib.suppress(OSError):
            record_of(self.path).unlink(missing_ok=True)


def model_hashes(folder: Path) -> dict[str, str]:
    """sha256 of every file that the answers depend on, by `model file NAME`."""
    files = {file for pattern in MODEL_FILES for file in folder.glob(pattern) if file.is_file()}
    return {f"model file {file.name}": _sha256_of(file) for file in sorted(files)}


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_into(hasher: hashlib._Hash, file: BinaryIO, *, num_bytes: int) -> None:
    """The first bytes of a file."""
    left = num_bytes
    while left and (block := file.read(min(left, 2**20))):
        hasher.update(block)
        left -= len(block)


def _change(name: str, before: object, now: object) -> str:
    """`--batch-size (32, now 16)`; hashes say nothing to a reader."""
    if name.startswith("model file"):
        return name
    return f"{name} ({json.dumps(before)}, now {json.dumps(now)})"
