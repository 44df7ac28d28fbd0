"""A file of rows → the same rows with predictions in another file: the whole job of `bertsmith predict`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from bertsmith.data.columns import Columns
from bertsmith.data.dialects import parse_delimiter
from bertsmith.data.json_lines import SAMPLE_OBJECTS
from bertsmith.data.reading import open_table
from bertsmith.data.table import ReadOptions, Table
from bertsmith.errors import ConfigError, list_names
from bertsmith.inference.destination import alone_at, check_destination, is_file_to_be
from bertsmith.inference.format_names import OutputFormat, format_of
from bertsmith.inference.output_columns import OutputColumns, output_columns
from bertsmith.inference.output_file import OutputFile, open_destination
from bertsmith.inference.output_formats import CsvStyle, open_writer
from bertsmith.inference.predictor import DEFAULT_BATCH_SIZE, Predictor
from bertsmith.inference.row_stream import (
    CHUNK_ROWS,
    PredictedRow,
    ReadRow,
    chunks,
    predict_chunk,
    read_rows,
)
from bertsmith.inference.unfinished import SECONDS_BETWEEN_RECORDS, Journal, model_hashes
from bertsmith.interruption import Interruption
from bertsmith.model.prediction import NoProgress
from bertsmith.printing import quoted

KEYS_SHOWN = 10


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
    resume: bool = False
    """Go on with the file that an earlier process left unfinished."""
    resume_command: str = "the same command and --resume"
    """What whoever is interrupted is told to do."""
    seconds_between_records: float = SECONDS_BETWEEN_RECORDS
    """How often it is put on the disk how far we are."""
    interruption: Interruption = field(default_factory=Interruption)
    """Its signals wait while a chunk is written."""


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

    def sentence(self) -> str:
        """The counts in words."""
        predicted = f"{self.predicted:,} of {self.rows:,} rows predicted"
        return f"{predicted}; {self.failed:,} have an error instead, {self.cut:,} were cut."


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
    stands in `<name>.partial`: its whole rows are a prefix of the finished file, and with `options.resume` it is continued to
    the same bytes. Memory does not grow with the number of rows.

    Args:
        predictor: the model.
        source: a path, `-` for standard input, or a binary stream.
        destination: a path, `-` for standard output, or a binary stream, which is left open.
        options: what the user said.
        on_rows: called with the number of rows just done.

    Raises:
        ConfigError: the output is the input, is already there, or cannot be written.
        OutputInUse: another process is writing it.
        DataError: the source cannot be read, is not the one that is to be gone on with, its text column cannot be recognised, or it has pairs for a
            model of single texts (or the other way round).
    """
    check_destination(
        source,
        destination,
        overwrite=options.overwrite,
        resume=options.resume,
        output_format=options.output_format,
    )
    with alone_at(destination, overwrite=options.overwrite, resume=options.resume):
        return _write(predictor, source, destination, options=options, on_rows=on_rows)


def _write(
    predictor: Predictor,
    source: str | Path | BinaryIO,
    destination: str | Path | BinaryIO,
    *,
    options: PredictionOptions,
    on_rows: Callable[[int], None],
) -> PredictionSummary:
    """What `write_predictions` does once no other process writes there."""
    table = open_table(source, options.read)
    columns, rows = read_rows(table, predictor.facts.prefer_columns(options.read, table.header))
    predictor.require_pairs_in(table, columns, pair_is_named=options.read.pair_column is not None)
    names = output_columns(table.header, predictor.label_names)
    output_format = options.output_format or _format(source, destination)
    journal = None
    if is_file_to_be(destination) and output_format != "parquet":
        same = _same(predictor, options, read=(*names.all, columns.text, columns.pair), written=output_format)
        journal = _begin(Path(str(destination)), predictor, same=same, options=options)
    counts = _Counts(**journal.done.counts) if journal else _Counts()
    work = _Work(predictor, rows, names, counts, journal, options, on_rows)
    style = CsvStyle(
        _delimiter(options.read, output_format), raw=options.raw_csv, has_header=counts.rows() == 0
    )
    _write_all(work, destination, output_format=output_format, style=style)
    return PredictionSummary(
        rows=counts.rows(),
        predicted=counts.predicted,
        failed=counts.failed,
        cut=counts.cut,
        notes=(
            *(journal.notes if journal else ()),
            *_notes(table, columns, names, counts),
            *_notes_on_keys(counts, output_format),
        ),
    )


def _same(
    predictor: Predictor, options: PredictionOptions, *, read: Sequence[object], written: OutputFormat
) -> dict[str, object]:
    """What must be the same when an unfinished file is continued: model, options, columns."""
    return {
        **model_hashes(Path(predictor.name)),
        "columns": list(read),
        "--format": written,
        "--delimiter": options.read.delimiter,
        "--no-header": options.read.no_header,
        "--encoding": options.read.encoding,
        "--limit": options.read.limit,
        "--raw-csv": options.raw_csv,
        "--batch-size": options.batch_size,
        "rows held at once": options.chunk_rows,
    }


def _begin(
    path: Path, predictor: Predictor, *, same: dict[str, object], options: PredictionOptions
) -> Journal:
    """The record of what is done: an earlier process's where that is gone on with, else a new one."""
    journal = Journal(
        path,
        same=same,
        surroundings=predictor.surroundings(),
        seconds_between=options.seconds_between_records,
    )
    if options.resume:
        journal.take_up()
    journal.start()
    return journal


@dataclass(frozen=True)
class _Work:
    """All that writing the rows takes."""

    predictor: Predictor
    rows: Iterator[ReadRow]
    names: OutputColumns
    counts: _Counts
    journal: Journal | None
    """None where the output cannot be continued."""
    options: PredictionOptions
    on_rows: Callable[[int], None]


def _write_all(
    work: _Work, destination: str | Path | BinaryIO, *, output_format: OutputFormat, style: CsvStyle
) -> None:
    """Every row into the destination; what was done stays and is recorded if something stops us."""
    journal, counts = work.journal, work.counts
    kept_bytes = journal.done.num_bytes if journal else 0
    try:
        with open_destination(destination, done=counts.rows, kept_bytes=kept_bytes) as stream:
            try:
                _write_rows(work, stream, output_format=output_format, style=style)
            finally:
                if journal and isinstance(stream, OutputFile) and journal.done.rows:
                    _save(journal, stream)
    except BaseException as error:
        if journal and journal.done.rows:
            error.add_note(f"Go on behind them with: {work.options.resume_command}")
        elif journal:
            journal.remove()
        raise
    if journal:
        journal.remove()


def _save(journal: Journal, stream: OutputFile) -> None:
    """Record what is done; on a full disk the record before is right too, and what went wrong is told already."""
    with contextlib.suppress(ConfigError):
        journal.save(stream)


def _write_rows(work: _Work, stream: BinaryIO, *, output_format: OutputFormat, style: CsvStyle) -> None:
    """Chunk by chunk: predicted where a signal may come between, written where it waits."""
    journal, options = work.journal, work.options
    if journal and isinstance(stream, OutputFile):
        journal.attach(stream)
    with open_writer(stream, work.names, output_format=output_format, csv_style=style) as write:
        for chunk in chunks(work.rows, chunk_rows=options.chunk_rows):
            if journal and journal.has(chunk):
                work.on_rows(len(chunk))
                continue
            predicted = predict_chunk(
                work.predictor, chunk, batch_size=options.batch_size, on_rows=work.on_rows
            )
            with options.interruption.deferred():
                for row in predicted:
                    write(row)
                    work.counts.add(row, work.names)
                if journal and isinstance(stream, OutputFile):
                    journal.wrote(len(predicted), stream, counts=asdict(work.counts))
    if journal:
        journal.end_of_input()


@dataclass
class _Counts:
    """Rows so far."""

    predicted: int = 0
    failed: int = 0
    cut: int = 0
    with_more_keys: int = 0
    """Rows with keys that are no columns."""
    more_keys: list[str] = field(default_factory=list)
    """The first of these keys."""
    renamed: int = 0
    """Rows whose own keys are called like columns of ours."""

    def rows(self) -> int:
        """All of them."""
        return self.predicted + self.failed

    def add(self, row: PredictedRow, names: OutputColumns) -> None:
        """One row more."""
        if row.row.more_keys:
            self.with_more_keys += 1
            self.renamed += not set(names.appended).isdisjoint(row.row.more_keys)
            new = [key for key in row.row.more_keys if key not in self.more_keys]
            self.more_keys += new[: KEYS_SHOWN - len(self.more_keys)]
        self.predicted += row.error is None
        self.failed += row.error is not None
        self.cut += row.is_cut


def _notes(table: Table, columns: Columns, names: OutputColumns, counts: _Counts) -> tuple[str, ...]:
    """What the user should know about how the file was read and written."""
    texts = [f"the text is column {quoted(table.header[columns.text])}"]
    if columns.pair is not None:
        texts.append(f"the second text is column {quoted(table.header[columns.pair])}")
    sentence = ", ".join(texts)
    notes = [*table.notes, f"{sentence[0].upper()}{sentence[1:]}."]
    if names.label != "label":
        notes.append(
            "The input already has a column of such a name: "
            f"the predictions are called {quoted(names.label)}, {quoted(names.probability)}, …."
        )
    if counts.rows() == 0 and table.has_header:
        notes.append(
            "There are no rows: the first line was read as column names. --no-header reads it as a row."
        )
    return tuple(notes)


def _notes_on_keys(counts: _Counts, output_format: OutputFormat) -> tuple[str, ...]:
    """What became of values under keys that are no columns."""
    keys = list_names(counts.more_keys)
    if counts.with_more_keys and output_format != "jsonl":
        return (
            f"{_rows(counts.with_more_keys)} with keys that the first {SAMPLE_OBJECTS:,} do not have ({keys}): "
            "their values are not in the output. JSON lines keep them: --format jsonl.",
        )
    if counts.renamed:
        return (
            f"{_rows(counts.renamed)} where a key that the first {SAMPLE_OBJECTS:,} do not have ({keys}) is called like "
            "one of ours: there the predictions have another prefix.",
        )
    return ()


def _rows(count: int) -> str:
    """`There is 1 row`, `There are 1,005 rows`."""
    return "There is 1 row" if count == 1 else f"There are {count:,} rows"


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
