"""Any source to rows, and rows to examples: every row is either used or reported."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from bertsmith.data.arrow_tables import open_memory, open_parquet
from bertsmith.data.byte_source import ByteSource, open_file, open_stream
from bertsmith.data.columns import SAMPLE_ROWS, Columns, choose_columns
from bertsmith.data.dialects import open_delimited
from bertsmith.data.example import Dataset, Example, Origin
from bertsmith.data.json_lines import looks_like_json, open_json, refuse_damaged_json
from bertsmith.data.reported_rows import (
    EMPTY_PAIR,
    EMPTY_TEXT,
    MISSING_LABEL,
    TRIMMED_LABEL,
    UNREADABLE,
    Reported,
    TextRow,
    reading_findings,
    refuse_hopeless,
)
from bertsmith.data.table import MEMORY, STDIN, ReadOptions, Row, Table
from bertsmith.data.text_encoding import find_encoding, read_lines
from bertsmith.errors import EmptySplit, UnreadableFile
from bertsmith.findings import Finding

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")

NO_LABEL = ""

Source = object
"""What rows can be read from: see `open_table`."""


@dataclass(frozen=True)
class LabelledRows:
    """All rows of one source: `num_rows == len(examples) + num_reported`."""

    name: str
    examples: tuple[Example, ...]
    findings: tuple[Finding, ...]
    columns: Columns
    notes: tuple[str, ...]
    """What was guessed, as sentences for the console."""
    num_rows: int
    """Rows read; with a limit, up to the last one used."""
    num_reported: int
    header: tuple[str, ...]
    """The names of all columns."""
    others: tuple[tuple[str | None, ...], ...] = ()
    """Per example, the cells of the columns that are neither text nor label; empty where there are none."""
    unused: tuple[TextRow, ...] = ()
    """The rows that are reported, not used."""

    def column_name(self, index: int | None) -> str | None:
        """The name of a column, None for none."""
        return None if index is None else self.header[index]

    @property
    def other_columns(self) -> tuple[int, ...]:
        """The indices of the columns that are neither text nor label."""
        return self.columns.others(len(self.header))

    @property
    def dataset(self) -> Dataset:
        """The usable rows in file order."""
        return Dataset(self.examples)


def open_table(source: Source, options: ReadOptions) -> Table:
    """The columns and the stream of rows of a source.

    Args:
        source: A path; `-` for standard input; a binary stream; a pandas, polars or Arrow table;
            `(texts, labels)`; a list of `(text, label)` pairs, of dicts or of texts.
        options: What the user said of it.

    Raises:
        ConfigError: an encoding or delimiter that does not exist.
        UnreadableFile: it cannot be read; while the rows are taken also where reading on would be wrong.
    """
    if isinstance(source, (str, Path)):
        bytes_source = open_stream(sys.stdin.buffer, STDIN) if str(source) == "-" else open_file(str(source))
    elif hasattr(source, "read"):
        bytes_source = open_stream(cast(BinaryIO, source), _stream_name(source))
    else:
        return open_memory(source)
    if bytes_source.head.startswith(b"PAR1") or bytes_source.suffix in (".parquet", ".pq"):
        return _parquet(bytes_source)
    return _text_table(bytes_source, options)


def read_texts(table: Table, options: ReadOptions, *, labelled: bool) -> tuple[Columns, Iterator[TextRow]]:
    """The chosen columns, and a stream with one entry per row of the table.

    Args:
        table: Its rows are taken as the stream is.
        options: The columns that the user named.
        labelled: Whether a row without a label is unusable.

    Raises:
        MissingColumn: no column or more than one can be the text or the label.
    """
    sample = list(itertools.islice(table.rows, SAMPLE_ROWS))
    if labelled and not sample:
        raise EmptySplit(
            f"{table.name}: there are no rows below the header {_shown(table)}. "
            "Add rows, or say --no-header if this is a row."
        )
    columns = choose_columns(table, sample, options, labelled=labelled)
    others = columns.others(len(table.header)) if labelled else ()
    return columns, (
        _text_row(row, columns, others, labelled=labelled) for row in itertools.chain(sample, table.rows)
    )


def read_examples(source: Source, options: ReadOptions, *, name: str | None = None) -> LabelledRows:
    """All labelled rows of a source; those that cannot be used are findings with their `file:line`.

    The white space around a label is not part of it; nothing else is changed in a text or label.

    Args:
        source: As for `open_table`, or an open table.
        options: `limit` keeps the first usable rows only.
        name: What to call the source in messages and origins instead of its own name.

    Raises:
        UnreadableFile: it cannot be read, or more than half of its rows cannot.
        MissingColumn: no column or more than one can be the text or the label.
        EmptySplit: it has no usable row.
    """
    table = source if isinstance(source, Table) else open_table(source, options)
    table = table if name is None else replace(table, name=name)
    columns, rows = read_texts(table, options, labelled=True)
    examples, others, reported, num_rows = _gather(rows, table.name, limit=options.limit)
    num_reported = num_rows - len(examples)
    assert num_reported == sum(
        reported.num(code) for code in (UNREADABLE, EMPTY_TEXT, MISSING_LABEL, EMPTY_PAIR)
    )
    refuse_hopeless(table.name, reported, num_rows=num_rows, num_used=len(examples))
    notes = table.notes if columns.note is None else (*table.notes, columns.note)
    return LabelledRows(
        table.name,
        tuple(examples),
        reading_findings(table.name, reported),
        columns,
        notes,
        num_rows,
        num_reported,
        table.header,
        tuple(others) if columns.others(len(table.header)) else (),
        tuple(reported.unused),
    )


def _gather(
    rows: Iterator[TextRow], name: str, *, limit: int | None
) -> tuple[list[Example], list[tuple[str | None, ...]], Reported, int]:
    """The usable rows up to the limit with their other cells, those that are reported, and how many were read."""
    examples: list[Example] = []
    others: list[tuple[str | None, ...]] = []
    reported = Reported()
    num_rows = 0
    for row in rows:
        num_rows += 1
        if row.code is not None:
            reported.add(row, name, row.code)
            continue
        written = row.label or NO_LABEL
        label = sys.intern(written.strip())  # a million rows of few labels: 57 bytes a row less
        if len(label) != len(written):
            reported.add(row, name, TRIMMED_LABEL)
        examples.append(Example(row.text, label, Origin(name, row.line), row.text_pair))
        others.append(row.others)
        if len(examples) == limit:
            break
    return examples, others, reported, num_rows


def _stream_name(stream: object) -> str:
    """The name of a binary stream from Python."""
    if stream is sys.stdin.buffer:
        return STDIN
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else MEMORY


def _parquet(source: ByteSource) -> Table:
    """The table in a Parquet file."""
    if source.path is None:
        raise UnreadableFile(
            source.name, "Parquet cannot be read from a stream.", remedy="Give the file's path."
        )
    if not source.head.startswith(b"PAR1"):
        raise UnreadableFile(
            source.name,
            "the name says Parquet, but the content is something else.",
            remedy="Give the file the suffix of what it is: .csv, .tsv or .jsonl.",
        )
    return open_parquet(source.name)


def _text_table(source: ByteSource, options: ReadOptions) -> Table:
    """The table in a text file, whatever its suffix says."""
    encoding = find_encoding(source, options.encoding)
    notes = [] if encoding.note is None else [encoding.note]
    lines = read_lines(source, encoding)
    first_lines = list(itertools.islice(lines, 20))
    is_json = looks_like_json("".join(first_lines)) if options.delimiter is None else False
    if source.suffix in JSON_SUFFIXES and not is_json:
        if options.delimiter is None:
            refuse_damaged_json(source.name, first_lines)
        notes.append("The file's name says JSON, but its content does not: it is read as delimited text.")
    if is_json and source.suffix not in (*JSON_SUFFIXES, ""):
        notes.append("The file holds JSON, whatever its name says.")
    if is_json:
        table = open_json(source.name, itertools.chain(first_lines, lines))
        return replace(table, notes=(*notes, *table.notes))

    def open_lines() -> Iterator[str]:
        return read_lines(source, encoding) if source.is_repeatable else itertools.chain(first_lines, lines)

    table = open_delimited(
        source.name, open_lines, options, suffix=source.suffix, is_repeatable=source.is_repeatable
    )
    return replace(table, notes=(*notes, *table.notes))


def _text_row(row: Row, columns: Columns, others: tuple[int, ...], *, labelled: bool) -> TextRow:
    """The cells that we use of a row, judged."""
    if row.problem is not None:
        return TextRow("", None, None, row.line, UNREADABLE, row.problem)
    text = row.cells[columns.text]
    text_pair = None if columns.pair is None else row.cells[columns.pair]
    label = None if columns.label is None else row.cells[columns.label]
    code, problem = _judge(row, columns, labelled=labelled)
    cells = tuple(row.cells[index] for index in others)
    return TextRow(text or "", text_pair, label, row.line, code, problem, cells)


def _judge(row: Row, columns: Columns, *, labelled: bool) -> tuple[str | None, str | None]:
    """(finding code, reason) of the first thing that makes the row unusable."""
    used = [columns.text] if columns.pair is None else [columns.text, columns.pair]
    if labelled and columns.label is not None:
        used.append(columns.label)
    for index in used:
        cell = row.cells[index]
        if cell is None and index in row.bad_cells:
            return UNREADABLE, row.bad_cells[index]
        if cell is not None and (damage := _damage(cell)) is not None:
            return UNREADABLE, damage
    for place, code, what in ((columns.text, EMPTY_TEXT, "text"), (columns.pair, EMPTY_PAIR, "second text")):
        if place is not None and not (row.cells[place] or "").strip():
            return code, f"the {what} is {'missing' if row.cells[place] is None else 'empty'}"
    if labelled and columns.label is not None and not (row.cells[columns.label] or "").strip():
        return MISSING_LABEL, "the label is missing"
    return None, None


def _damage(cell: str) -> str | None:
    """Why a cell is no text: a NUL character, or half of a surrogate pair."""
    if "\0" in cell:
        return "a cell holds a NUL character"
    if cell.isascii():
        return None
    try:
        cell.encode("utf-8")
    except UnicodeEncodeError:
        return "a cell holds half of a surrogate pair, which is no character"
    return None


def _shown(table: Table) -> str:
    """The header for a message, cut."""
    text = ", ".join(table.header)
    return repr(text if len(text) <= 80 else text[:80] + "…")
