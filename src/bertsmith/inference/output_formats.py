"""How predicted rows are written: CSV, TSV, JSON lines and Parquet, row by row.

Every `open_…` is a context that gives a function which writes one row; leaving it writes
the rest and leaves the stream open. A lone surrogate has no UTF-8 form and is written as its escape, which
in JSON is the same text again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TextIO, assert_never

import pyarrow as pa
import pyarrow.parquet as pq

from bertsmith.data.csv_safety import neutralise_formula
from bertsmith.data.table import Row
from bertsmith.inference.format_names import OutputFormat
from bertsmith.inference.output_columns import OutputColumns
from bertsmith.inference.row_stream import PredictedRow

WriteRow = Callable[[PredictedRow], None]

UNWRITABLE = "backslashreplace"
PARQUET_GROUP_ROWS = 65_536
PARQUET_GROUP_CHARACTERS = 2**24
"""A row group of a Parquet file ends at whichever comes first."""


@dataclass(frozen=True)
class CsvStyle:
    """How CSV is written."""

    delimiter: str = ","
    raw: bool = False
    """Texts as they are, even if a spreadsheet would run them."""
    has_header: bool = True
    """Whether the first line names the columns; off where a file is continued."""


def open_writer(
    stream: BinaryIO, columns: OutputColumns, *, output_format: OutputFormat, csv_style: CsvStyle
) -> AbstractContextManager[WriteRow]:
    """The context that writes this format into the stream; but for Parquet every row is handed on as it comes."""
    match output_format:
        case "csv" | "tsv":
            return open_csv(stream, columns, style=csv_style)
        case "jsonl":
            return open_json_lines(stream, columns)
        case "parquet":
            return open_parquet(stream, columns)
        case _:
            assert_never(output_format)


@contextmanager
def open_csv(stream: BinaryIO, columns: OutputColumns, *, style: CsvStyle) -> Iterator[WriteRow]:
    """CSV with a header; probabilities have six significant digits; what is missing is empty."""
    plain = (lambda cell: cell) if style.raw else neutralise_formula

    with _text_stream(stream) as file:
        writer = csv.writer(_NewlineEnds(file), delimiter=style.delimiter, lineterminator="\r\n")
        if style.has_header:
            writer.writerow([plain(name) for name in columns.all])

        def write(predicted: PredictedRow) -> None:
            probabilities = predicted.probabilities or (None,) * len(columns.label_probabilities)
            cells = (*_given(predicted.row, columns), predicted.label)
            numbers = ("" if p is None else f"{p:.6g}" for p in (predicted.probability, *probabilities))
            given = [plain(cell or "") for cell in cells]
            writer.writerow([*given, *numbers, plain(predicted.error or "")])

        yield write


@contextmanager
def open_json_lines(stream: BinaryIO, columns: OutputColumns) -> Iterator[WriteRow]:
    """One JSON object per row; what is missing is null; probabilities in full.

    A row that came as JSON keeps every value as it was written. Where it has a key of its own that is called
    like one of ours, ours get another name in that row.
    """
    names = columns.unique
    appended = names[len(columns.given) :]
    with _text_stream(stream) as file:

        def write(predicted: PredictedRow) -> None:
            as_written = predicted.row.json_text
            if as_written is None:
                given: dict[str, str | float | None] = dict(zip(names, predicted.row.cells, strict=False))
                file.write(
                    _json(given | dict(zip(appended, _answers(predicted, columns), strict=True))) + "\n"
                )
                return
            free = columns.beside(predicted.row.more_keys).appended
            added = dict(zip(free, _answers(predicted, columns), strict=True))
            file.write(_with_values(as_written, added) + "\n")

        yield write


def _with_values(json_text: str, added: dict[str, str | float | None]) -> str:
    """A row that came as JSON, every value as it was written, with these behind them on one line."""
    try:
        # Trap: a number that is parsed and written again may change its form; the text itself is kept.
        is_object = isinstance(_parsed(json_text), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        return _json({"unreadable": json_text, **added})
    kept = json_text.replace("\r", " ").replace("\n", " ").rstrip().removesuffix("}").rstrip()
    return f"{kept}{'' if kept.endswith('{') else ', '}{_json(added)[1:]}"


def _parsed(json_text: str) -> Any:
    """The value of a JSON text. Python refuses to read integers of more than 4,300 digits: they stay text."""
    return json.loads(json_text, parse_int=lambda digits: int(digits) if len(digits) < 4300 else digits)


def _json(values: dict[str, str | float | None]) -> str:
    return json.dumps(values, ensure_ascii=False, allow_nan=False)


@contextmanager
def open_parquet(stream: BinaryIO, columns: OutputColumns) -> Iterator[WriteRow]:
    """Parquet: the input's columns, label and error as strings, probabilities as float64."""
    num_numbers = 1 + len(columns.label_probabilities)
    types = [pa.string()] * (len(columns.given) + 1) + [pa.float64()] * num_numbers + [pa.string()]
    names = [name.encode("utf-8", UNWRITABLE).decode() for name in columns.unique]
    schema = pa.schema(list(zip(names, types, strict=True)))
    pending: list[tuple[str | float | None, ...]] = []
    num_characters = 0

    with pq.ParquetWriter(stream, schema) as writer:

        def write_pending() -> None:
            nonlocal num_characters
            arrays = [
                pa.array(column, kind) for column, kind in zip(zip(*pending, strict=True), types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            pending.clear()
            num_characters = 0

        def write(predicted: PredictedRow) -> None:
            nonlocal num_characters
            values = tuple(_encodable(value) for value in _values(predicted, columns))
            pending.append(values)
            num_characters += sum(len(value) for value in values if isinstance(value, str))
            if len(pending) >= PARQUET_GROUP_ROWS or num_characters >= PARQUET_GROUP_CHARACTERS:
                write_pending()

        try:
            yield write
        finally:
            if pending:
                write_pending()


class _NewlineEnds:
    r"""Ends lines with `\n`. Trap: csv must believe in `\r\n`, or it leaves a lone `\r` unquoted."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


@contextmanager
def _text_stream(stream: BinaryIO) -> Iterator[TextIO]:
    """UTF-8 text into the bytes, each write handed on; leaving it flushes but does not close them."""
    file = io.TextIOWrapper(stream, encoding="utf-8", errors=UNWRITABLE, newline="", write_through=True)
    try:
        yield file
    finally:
        file.detach()  # flushes first


def _values(predicted: PredictedRow, columns: OutputColumns) -> Sequence[str | float | None]:
    """The row in the order of the columns."""
    return (*_given(predicted.row, columns), *_answers(predicted, columns))


def _answers(predicted: PredictedRow, columns: OutputColumns) -> Sequence[str | float | None]:
    """The row's values of the appended columns."""
    probabilities = predicted.probabilities or (None,) * len(columns.label_probabilities)
    return (predicted.label, predicted.probability, *probabilities, predicted.error)


def _given(row: Row, columns: OutputColumns) -> Sequence[str | None]:
    """The row's own cells; a value of JSON that is no text is its JSON."""
    if row.json_text is None or not row.bad_cells:
        return row.cells
    values = _parsed(row.json_text)
    return [
        json.dumps(values[columns.given[index]], ensure_ascii=False) if index in row.bad_cells else cell
        for index, cell in enumerate(row.cells)
    ]


def _encodable(value: str | float | None) -> str | float | None:
    """Arrow strings are UTF-8: lone surrogates become their escapes."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", UNWRITABLE).decode()
    return value
