"""What a table that is being read is: `Table`, its `Row`s, and the `ReadOptions` that steer the reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from bertsmith.config import DataConfig
from bertsmith.errors import UnreadableFile

MEMORY = "<memory>"
"""The file name of rows that came from Python."""

STDIN = "<stdin>"
"""The file name of rows that came through standard input."""

MOST_COLUMNS = 16_384
"""As many as a spreadsheet can have; each costs memory in every row."""

NOTHING_BAD: Mapping[int, str] = MappingProxyType({})


class Row(NamedTuple):
    """One row as written. A row that cannot be read is a row with a `problem`: it is never dropped."""

    cells: tuple[str | None, ...]
    """One per column of the header, as text; None is a missing value, which is not the text `None`."""
    line: int
    """1-based: the line where the row begins, or the row's number in Parquet and in memory."""
    problem: str | None = None
    """Why the whole row cannot be used, as a clause without a full stop."""
    bad_cells: Mapping[int, str] = NOTHING_BAD
    """Column index → why that one cell is no text (a nested object, NaN, …); its cell is None."""
    json_text: str | None = None
    """The row as written, where the source is JSON: it may hold more than text."""
    more_keys: tuple[str, ...] = ()
    """Keys of a JSON object that are no columns: the first objects do not have them."""


@dataclass(frozen=True)
class Table:
    """Named columns and a stream of rows, which can be read once."""

    name: str
    """The file's name as the user gave it, `<stdin>` or `<memory>`."""
    header: tuple[str, ...]
    rows: Iterator[Row]
    notes: tuple[str, ...] = ()
    """What was guessed on the way (encoding, delimiter, no header): sentences for the console."""
    has_header: bool = True
    """False where the columns have no names and are called `1`, `2`, …"""


@dataclass(frozen=True)
class ReadOptions:
    """What the user said about the file; None leaves it to be recognised."""

    text_column: str | None = None
    pair_column: str | None = None
    label_column: str | None = None
    delimiter: str | None = None
    no_header: bool = False
    encoding: str | None = None
    limit: int | None = None

    @classmethod
    def from_config(cls, config: DataConfig) -> ReadOptions:
        """The same settings, without those of splitting."""
        return cls(
            text_column=config.text_column,
            pair_column=config.pair_column,
            label_column=config.label_column,
            delimiter=config.delimiter,
            no_header=config.no_header,
            encoding=config.encoding,
            limit=config.limit,
        )

    @property
    def named_columns(self) -> tuple[str, ...]:
        """The columns that the user named."""
        return tuple(
            name for name in (self.text_column, self.pair_column, self.label_column) if name is not None
        )


def refuse_too_wide(name: str, width: int) -> None:
    """Refuse more columns than a table of texts has.

    Raises:
        UnreadableFile: there are more than `MOST_COLUMNS`.
    """
    if width > MOST_COLUMNS:
        raise UnreadableFile(
            name,
            f"there are {width:,} columns; at most {MOST_COLUMNS:,} are read.",
            line=1,
            remedy="Keep the columns of text and label, or name another separator with --delimiter.",
        )


def numbered_header(width: int) -> tuple[str, ...]:
    """`1`, `2`, …: the names of columns that have none."""
    return tuple(str(number) for number in range(1, width + 1))
