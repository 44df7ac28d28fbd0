"""CSV and its relatives: lines to rows, every cell as written, with the line of each row.

Blank lines are no rows. Empty cells beyond the header say nothing and are left out; a missing cell under an
unnamed column is filled with an empty one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from bertsmith.data.table import Row
from bertsmith.errors import UnreadableFile

MAX_CELL_CHARACTERS = 2**30
LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Dialect:
    """How the cells of a line are told apart."""

    delimiter: str
    literal_quotes: bool = False
    r"""True: a `"` is a character like any other, as in most TSV files."""
    skips_space: bool = False
    """True: spaces after a delimiter are not part of the cell."""


@dataclass(frozen=True)
class Layout:
    """What the rows of this file look like."""

    dialect: Dialect
    header: tuple[str, ...]
    repeated: tuple[frozenset[str], ...] = ()
    """Per column, the short values that repeat in the first rows: by them a line looks like a row."""


class Record(NamedTuple):
    """The cells of one record, before they are compared with the header."""

    cells: tuple[str, ...]
    line: int
    problem: str | None = None
    stray_line: int | None = None
    """The line of a cell whose opening quote seems to be stray: the lines after it are swallowed."""
    num_lines: int = 1


class _LineFeed:
    """Hands lines to the csv module and remembers those of the record at hand."""

    def __init__(self, lines: Iterable[str], *, counts_returns: bool) -> None:
        self._lines = iter(lines)
        self._counts_returns = counts_returns
        self.held: list[str] = []
        self.num_ended = 0

    def __iter__(self) -> _LineFeed:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.held.append(line)
        if line[-1:] != "\r" or self._counts_returns:
            self.num_ended += 1
        return line


def read_records(lines: Iterable[str], layout: Layout, *, counts_returns: bool = False) -> Iterator[Record]:
    r"""The records of the lines; blank lines give none.

    Args:
        lines: With their ends.
        layout: Its dialect splits the lines; its header and repeated values tell a stray quote.
        counts_returns: Whether a lone `\r` ends a line of the file, as it did on old Macs.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    feed = _LineFeed(lines, counts_returns=counts_returns)
    reader = _csv_reader(feed, layout.dialect, strict=True)
    while True:
        line = feed.num_ended + 1
        feed.held.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _broken_record(feed.held, layout, line=line, error=str(error))
            continue
        if len(feed.held) > 1:
            stray = _swallowing_cell(cells, layout)
            offset = None if stray is None else _line_offset(cells, stray)
            yield Record(tuple(cells), line, None, None if offset is None else line + offset, len(feed.held))
        elif cells:
            yield Record(tuple(cells), line)


def read_rows(name: str, records: Iterable[Record], layout: Layout) -> Iterator[Row]:
    """The rows, each as wide as the header or with a problem.

    Raises:
        UnreadableFile: a stray quote that swallows lines, with the line where its cell begins.
    """
    header = layout.header
    width = len(header)
    for record in records:
        cells, line, problem, stray_line, _ = record
        if stray_line is not None:
            raise stray_quote(name, stray_line)
        if problem is not None:
            yield Row(cells[:width] + (None,) * (width - len(cells)), line, problem)
        elif len(cells) == width and cells != header:
            yield Row(cells, line)
        else:
            yield _fitted(cells, header, line=line)


def stray_quote(name: str, line: int) -> UnreadableFile:
    """The error for an opening quote that is never closed where it should be."""
    return UnreadableFile(
        name,
        'a cell begins with a quote (") that is not closed: the rows after it would be read as its text.',
        line=line,
        remedy='Close the quote; one that is part of the text is doubled inside a quoted cell: "5"" screen".',
    )


def parse_line(line: str, dialect: Dialect) -> list[str]:
    """The cells of one line taken by itself."""
    return next(_csv_reader([line], dialect, strict=False), [])


def _csv_reader(lines: Iterable[str], dialect: Dialect, *, strict: bool) -> Iterator[list[str]]:
    """The csv module's reader for this dialect."""
    quoting: Literal[0, 3] = csv.QUOTE_NONE if dialect.literal_quotes else csv.QUOTE_MINIMAL
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quoting=quoting,
        doublequote=True,
        skipinitialspace=dialect.skips_space,
        strict=strict,
    )


def _fitted(cells: tuple[str, ...], header: tuple[str, ...], *, line: int) -> Row:
    """A row of another width than the header: harmless where the difference is empty or unnamed."""
    width = len(header)
    if cells == header:
        return Row(cells, line, "it repeats the header")
    if len(cells) > width and not any(cells[width:]):
        return Row(cells[:width], line)
    if len(cells) < width and not any(name.strip() for name in header[len(cells) :]):
        return Row(cells + ("",) * (width - len(cells)), line)
    kept: tuple[str | None, ...] = cells[:width] + (None,) * (width - len(cells))
    return Row(kept, line, f"{width} fields expected, {len(cells)} found")


def _broken_record(held: Sequence[str], layout: Layout, *, line: int, error: str) -> Record:
    """A record with a quote in a wrong place: a row with a problem, or swallowed lines."""
    if "field larger" in error:
        return Record((), line, f"a cell has more than {MAX_CELL_CHARACTERS} characters", line, len(held))
    problem = 'a quote (") stands inside a quoted cell without being doubled'
    if "unexpected end of data" not in error and len(held) == 1:
        return Record(tuple(parse_line(held[0], layout.dialect)), line, problem)
    cells = next(_csv_reader(held, layout.dialect, strict=False), [""])
    broken = [index for index, cell in enumerate(cells) if LINE_END.search(cell)]
    is_open = "unexpected end of data" in error
    culprit = (len(cells) - 1 if is_open else broken[0]) if broken else len(cells) - 1
    return Record((), line, problem, line + _line_offset(cells, culprit), len(held))


def _line_offset(cells: Sequence[str], index: int) -> int:
    """How many lines below the record's first line this cell begins."""
    return sum(len(LINE_END.findall(cell)) for cell in cells[:index])


def _swallowing_cell(cells: Sequence[str], layout: Layout) -> int | None:
    """The index of a cell whose lines look like rows of this file: its opening quote is stray."""
    for index, cell in enumerate(cells):
        lines = LINE_END.split(cell)
        if len(lines) > 1 and _look_like_rows(lines[1:], layout):
            return index
    return None


def _look_like_rows(lines: Sequence[str], layout: Layout) -> bool:
    """Whether the lines inside a cell are rows; the last may be cut short by the closing quote."""
    width = len(layout.header)
    whole = [line for line in lines[:-1] if line] or list(lines[-1:])
    if width < 2 or not whole:
        return False
    rows = [parse_line(line, layout.dialect) for line in whole]
    fitting = [row for row in rows if len(row) == width]
    if len(fitting) * 10 < len(rows) * 9:
        return False
    familiar = sum(_has_repeated_value(row, layout.repeated) for row in fitting)
    if any(layout.repeated):
        return familiar * 2 >= len(rows)
    return len(lines) > (
        3 if width > 2 else 5
    )  # without labels to go by, several lines of exactly this width


def _has_repeated_value(row: Sequence[str], repeated: Sequence[frozenset[str]]) -> bool:
    """Whether a cell holds one of the values that its column repeats."""
    return any(cell in values for cell, values in zip(row, repeated, strict=False))
