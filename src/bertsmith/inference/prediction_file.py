"""A file of rows → the same rows with predictions in another file: the whole job of `bertsmith predict`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from bertsmith.data.columns import Columns
from bertsmith.data.dialects import parse_delimiter
from bertsmith.data.reading import open_table
from bertsmith.data.table import ReadOptions, Table
from bertsmith.errors import ConfigError
from bertsmith.inference.output_columns import OutputColumns, output_columns
from bertsmith.inference.output_formats import (
    FORMAT_OF_SUFFIX,
    CsvStyle,
    OutputFormat,
    format_of,
    open_writer,
)
from bertsmith.inference.predictor import DEFAULT_BATCH_SIZE, Predictor
from bertsmith.inference.row_stream import CHUNK_ROWS, PredictedRow, predict_rows, read_rows
from bertsmith.model.prediction import NoProgress

STANDARD_STREAM = "-"
PARTIAL_SUFFIX = ".partial"
OTHER_FORMATS = (".xlsx", ".xls", ".ods", ".gz", ".bz2", ".xz", ".zst", ".zip", ".arrow", ".feather", ".pkl")
"""Endings that promise something that we do not write."""


@dataclass(frozen=True)
class PredictionOptions:
    """What the user said about input and output; None leaves it to be recognised."""

    read: ReadOptions = field(default_factory=ReadOptions)
    output_format: OutputFormat | None = None
    """None: by the ending of the output's name; else TSV for TSV input and CSV for any other."""
    raw_csv: bool = False
    """CSV texts as they are, even if a spreadsheet would run them as formulas."""
    overwrite: bool = False
    batch_size: int = DEFAULT_BATCH_SIZE
    """Rows per forward pass."""
    chunk_rows: int = CHUNK_ROWS
    """Rows held in memory at once."""


@dataclass(frozen=True)
class PredictionSummary:
    """What was done."""

    rows: int
    predicted: int
    failed: int
    """Rows without a prediction; each says why in its error column."""
    cut: int
    """Predicted rows that were longer than the model reads."""
    notes: tuple[str, ...] = ()
    """What was recognised or decided on the way, one sentence each."""


def write_predictions(
    predictor: Predictor,
    source: str | Path | BinaryIO,
    destination: str | Path | BinaryIO,
    *,
    options: PredictionOptions = PredictionOptions(),  # noqa: B008 - frozen
    on_rows: Callable[[int], None] = NoProgress,
) -> PredictionSummary:
    """Write every row of the source, in order, with its prediction appended.

    A file appears under its name when it is complete; until then, and after an interruption, what is done
    stands in `<name>.partial`. Memory does not grow with the number of rows.

    Args:
        predictor: the model.
        source: a path, `-` for standard input, or a binary stream.
        destination: a path, `-` for standard output, or a binary stream, which is left open.
        options: what the user said.
        on_rows: called with the number of rows just done.

    Raises:
        ConfigError: the output is the input, is already there, or cannot be written.
        DataError: the source cannot be read, its text column cannot be recognised, or it has pairs for a
            model of single texts (or the other way round).
    """
    _check_destination(source, destination, overwrite=options.overwrite, output_format=options.output_format)
    table = open_table(source, options.read)
    columns, rows = read_rows(table, predictor.facts.prefer_columns(options.read, table.header))
    predictor.require_pairs(given=columns.pair is not None)
    names = output_columns(table.header, predictor.label_names)
    counts = _Counts()
    with _open_destination(destination, counts) as stream:
        output_format = options.output_format or _format(source, destination)
        style = CsvStyle(_delimiter(options.read, output_format), raw=options.raw_csv)
        with open_writer(stream, names, output_format=output_format, csv_style=style) as write:
            for predicted in predict_rows(
                predictor,
                rows,
                chunk_rows=options.chunk_rows,
                batch_size=options.batch_size,
                on_rows=on_rows,
            ):
                write(predicted)
                counts.add(predicted)
    return PredictionSummary(
        rows=counts.predicted + counts.failed,
        predicted=counts.predicted,
        failed=counts.failed,
        cut=counts.cut,
        notes=_notes(table, columns, names=names, num_rows=counts.predicted + counts.failed),
    )


@dataclass
class _Counts:
    """Rows so far."""

    predicted: int = 0
    failed: int = 0
    cut: int = 0

    def add(self, row: PredictedRow) -> None:
        """One row more."""
        self.predicted += row.error is None
        self.failed += row.error is not None
        self.cut += row.is_cut


def _notes(table: Table, columns: Columns, *, names: OutputColumns, num_rows: int) -> tuple[str, ...]:
    """What the user should know about how the file was read and written."""
    texts = [f"the text is column {table.header[columns.text]!r}"]
    if columns.pair is not None:
        texts.append(f"the second text is column {table.header[columns.pair]!r}")
    sentence = ", ".join(texts)
    notes = [*table.notes, f"{sentence[0].upper()}{sentence[1:]}."]
    if names.label != "label":
        notes.append(
            "The input already has a column of such a name: "
            f"the predictions are called {names.label!r}, {names.probability!r}, …."
        )
    if num_rows == 0 and table.has_header:
        notes.append(
            "There are no rows: the first line was read as column names. --no-header reads it as a row."
        )
    return tuple(notes)


def _format(source: str | Path | BinaryIO, destination: str | Path | BinaryIO) -> OutputFormat:
    """What the output's name says, else TSV for TSV and CSV for anything else."""
    named = format_of(str(destination)) if isinstance(destination, (str, Path)) else None
    if named is not None:
        return named
    is_tsv = isinstance(source, (str, Path)) and format_of(str(source)) == "tsv"
    return "tsv" if is_tsv else "csv"


def _delimiter(options: ReadOptions, output_format: OutputFormat) -> str:
    """Tab for TSV; for CSV the input's, where the user named it, else a comma."""
    if output_format == "tsv":
        return "\t"
    return "," if options.delimiter is None else parse_delimiter(options.delimiter)


def _check_destination(
    source: str | Path | BinaryIO,
    destination: str | Path | BinaryIO,
    *,
    overwrite: bool,
    output_format: OutputFormat | None,
) -> None:
    """Refuse the input, a file that is there and an ending that we do not write, before any work is done."""
    if not isinstance(destination, (str, Path)) or str(destination) == STANDARD_STREAM:
        return
    path = Path(destination)
    if isinstance(source, (str, Path)) and path.exists() and Path(source).exists() and path.samefile(source):
        raise ConfigError([f"--output {path}: this is the input file itself. Choose another name."])
    if path.is_dir():
        raise ConfigError(
            [f"--output {path}: this is a folder. Name a file in it, such as {path / 'predictions.csv'}."]
        )
    if path.suffix.lower() in OTHER_FORMATS and output_format is None:
        known = ", ".join(FORMAT_OF_SUFFIX)
        raise ConfigError(
            [
                f"--output {path}: predictions are not written as {path.suffix}. Known endings: {known}; or say --format."
            ]
        )
    if not path.parent.is_dir():
        raise ConfigError(
            [
                f"--output {path}: there is no folder {str(path.parent)!r}. "
                "Make it first, or choose another name."
            ]
        )
    if path.is_file() and not overwrite:
        raise ConfigError(
            [
                f"--output {path}: this file is already there. "
                "Choose another name, or replace it with --overwrite."
            ]
        )


@contextmanager
def _open_destination(destination: str | Path | BinaryIO, counts: _Counts) -> Iterator[BinaryIO]:
    """The stream to write to; a file gets its name when all is written."""
    if not isinstance(destination, (str, Path)):
        yield destination
        return
    if str(destination) == STANDARD_STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(destination)
    if _is_device(path):
        with _opened(path) as stream:
            yield stream
        return
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    try:
        with _opened(partial) as stream:
            yield stream
    except BaseException as error:
        num_rows = counts.predicted + counts.failed
        if num_rows == 0:
            partial.unlink(missing_ok=True)
        else:
            error.add_note(f"The {num_rows} rows that were done are in {partial}.")
        raise
    partial.replace(path)


def _is_device(path: Path) -> bool:
    """Whether it is a device or pipe, such as /dev/null."""
    return path.exists() and not path.is_file()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file opened for writing."""
    try:
        stream = path.open("wb")
    except OSError as error:
        raise ConfigError(
            [f"--output {path}: the file cannot be written ({error.strerror}). Choose another name."]
        ) from error
    with contextlib.closing(stream):
        yield stream
