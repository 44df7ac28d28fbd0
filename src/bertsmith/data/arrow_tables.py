"""Parquet, Arrow, pandas, polars and Python lists to rows.

Nulls and NaN are missing. Numbers become text as Python writes them (`1`, `1.0`), booleans `true` and
`false`. Rows are numbered from 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bertsmith.data.table import MEMORY, NOTHING_BAD, Row, Table, refuse_too_wide
from bertsmith.errors import UnreadableFile
from bertsmith.printing import quoted

BATCH_ROWS = 256
"""Rows unpacked at once: few, as each of them can be a megabyte that the file holds once."""
MOST_TIMES_UNPACKED, FREE_BYTES = 100, 2**23
"""A file that unpacks to more than so many times its size, and 8 MB, was made to fill the memory."""
ROLES = ("text", "label")
PAIR_ROLES = ("text", "text_pair", "label")


def open_parquet(name: str) -> Table:
    """The table in a Parquet file, read batch by batch.

    Raises:
        UnreadableFile: the file is damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(name)
        header = tuple(file.schema_arrow.names)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(name, error) from error

    refuse_too_wide(name, len(header))
    most_bytes = MOST_TIMES_UNPACKED * Path(name).stat().st_size + FREE_BYTES

    def batches() -> Iterator[Any]:
        num_bytes = 0
        with file:
            try:
                for batch in file.iter_batches(batch_size=BATCH_ROWS):
                    num_bytes += sum(map(_unpacked_bytes, batch.columns))
                    if num_bytes > most_bytes:
                        raise _bomb(name)
                    yield batch
            except (pyarrow.ArrowException, OSError) as error:
                raise _damaged(name, error) from error

    return Table(name, header, _batch_rows(batches(), header))


def open_memory(source: object) -> Table:
    """The table in a Python object: a pandas, polars or Arrow table, lists, or rows.

    Raises:
        UnreadableFile: it is none of these.
    """
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return _pandas_table(source)
    if hasattr(source, "to_arrow") and not hasattr(source, "__arrow_c_stream__"):
        source = source.to_arrow()
    if hasattr(source, "__arrow_c_stream__"):
        import pyarrow

        reader = pyarrow.RecordBatchReader.from_stream(source)
        header = tuple(reader.schema.names)
        return Table(MEMORY, header, _batch_rows(reader, header))
    if isinstance(source, tuple):
        return _columns_table(source)
    if isinstance(source, Iterable) and not isinstance(source, Mapping):
        return _rows_table(iter(source))
    if isinstance(source, Mapping) and all(isinstance(column, (list, tuple)) for column in source.values()):
        return _named_columns_table({str(name): column for name, column in source.items()})
    raise _not_a_table(f"a {type(source).__name__} is not a table that we can read.")


def cell_of(value: object) -> tuple[str | None, str | None]:
    """(text, None), (None, None) for a missing value, or (None, reason) for one that is no text."""
    if isinstance(value, str):
        return value, None
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None, None
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return ("true" if value else "false"), None
    if isinstance(value, (int, float)):
        return (None, None) if value != value else (str(value), None)
    if isinstance(value, (list, tuple, dict, set)) or type(value).__name__ == "ndarray":
        return None, "the value is nested, not a text"
    if isinstance(value, _NoValue):
        return None, "the value is a date or time that cannot be read"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return None, "the value is bytes, not a text"
    return str(value), None


def row_of(values: Iterable[object], line: int) -> Row:
    """The row of these values."""
    cells, bad = [], {}
    for index, value in enumerate(values):
        cell, reason = (value, None) if isinstance(value, str) else cell_of(value)
        cells.append(cell)
        if reason is not None:
            bad[index] = reason
    return Row(tuple(cells), line, None, bad or NOTHING_BAD)


def _batch_rows(batches: Iterable[Any], header: tuple[str, ...]) -> Iterator[Row]:
    """The rows of Arrow record batches."""
    line = 0
    for batch in batches:
        columns = [_values(batch.column(index)) for index in range(len(header))]
        for values in zip(*columns, strict=True):
            line += 1
            yield row_of(values, line)


def _unpacked_bytes(column: Any) -> int:
    """Bytes that the values take one by one; an Arrow dictionary holds each of them once."""
    import pyarrow
    import pyarrow.compute

    if not pyarrow.types.is_dictionary(column.type):
        return int(column.nbytes)
    kind = column.type.value_type
    if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
        return len(column) * 8
    lengths = pyarrow.compute.binary_length(column.dictionary)
    return int(pyarrow.compute.sum(lengths.take(column.indices)).as_py() or 0)


class _NoValue:
    """Stands for a value that Python cannot hold."""


def _values(column: Any) -> list[Any]:
    """The values of an Arrow column; dates after the year 9999 and in unknown time zones are `_NoValue`."""
    import pyarrow

    try:
        return list(column.to_pylist())
    except (pyarrow.ArrowException, OverflowError, ValueError):
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> Any:
    import pyarrow

    try:
        return scalar.as_py()
    except (pyarrow.ArrowException, OverflowError, ValueError):
        return _NoValue()


def _pandas_table(frame: Any) -> Table:
    """The table in a pandas DataFrame; its index is no column."""
    header = tuple(str(name) for name in frame.columns)
    columns = [frame.iloc[:, index].tolist() for index in range(len(header))]
    rows = (row_of(values, line) for line, values in enumerate(zip(*columns, strict=True), start=1))
    return Table(MEMORY, header, rows)


def _columns_table(columns: tuple[Any, ...]) -> Table:
    """The table in `(texts, labels)` or `(texts, text_pairs, labels)`."""
    columns = tuple(column.tolist() if hasattr(column, "tolist") else column for column in columns)
    are_lists = all(
        isinstance(column, Sequence) and not isinstance(column, (str, bytes)) for column in columns
    )
    if not are_lists or len(columns) not in (1, 2, 3):
        raise _not_a_table("this tuple is not (texts, labels), two lists of equal length.")
    names = PAIR_ROLES if len(columns) == 3 else ROLES[: len(columns)]
    return _named_columns_table(dict(zip(names, columns, strict=True)))


def _named_columns_table(columns: dict[str, Sequence[object]]) -> Table:
    """The table of equally long columns."""
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} in {quoted(name)}" for name, size in sizes.items())
        raise _not_a_table(f"the columns are not equally long: {found}.")
    rows = (row_of(values, line) for line, values in enumerate(zip(*columns.values(), strict=True), start=1))
    return Table(MEMORY, tuple(columns), rows)


def _rows_table(items: Iterator[Any]) -> Table:
    """The table of rows: texts, (text, label) pairs, (text, text_pair, label) triples, or dicts."""
    sample = list(itertools.islice(items, 1000))
    if not sample:
        raise _not_a_table("there are no rows.")
    items = itertools.chain(sample, items)
    if isinstance(sample[0], Mapping):
        header = tuple(
            dict.fromkeys(str(key) for item in sample if isinstance(item, Mapping) for key in item)
        )
        return Table(
            MEMORY, header, (_mapping_row(item, header, line) for line, item in enumerate(items, start=1))
        )
    if isinstance(sample[0], str):
        return Table(MEMORY, ("text",), (row_of((item,), line) for line, item in enumerate(items, start=1)))
    if not isinstance(sample[0], (tuple, list)) or not 1 <= len(sample[0]) <= 3:
        raise _not_a_table(f"a row is a {type(sample[0]).__name__}, not a (text, label) pair.")
    width = len(sample[0])
    header = PAIR_ROLES if width == 3 else ROLES[:width]
    return Table(
        MEMORY, header, (_sequence_row(item, header, line) for line, item in enumerate(items, start=1))
    )


def _mapping_row(item: object, header: tuple[str, ...], line: int) -> Row:
    """The row of one dict."""
    if not isinstance(item, Mapping):
        return Row((None,) * len(header), line, f"a dict expected, a {type(item).__name__} found")
    return row_of((item.get(name) for name in header), line)


def _sequence_row(item: object, header: tuple[str, ...], line: int) -> Row:
    """The row of one tuple or list."""
    if not isinstance(item, (tuple, list)) or len(item) != len(header):
        found = f"{len(item)} found" if isinstance(item, (tuple, list)) else f"a {type(item).__name__} found"
        return Row((None,) * len(header), line, f"{len(header)} fields expected, {found}")
    return row_of(item, line)


def _not_a_table(problem: str) -> UnreadableFile:
    """The error for a Python object that holds no rows."""
    remedy = "Give a file name, a data frame, (texts, labels), or a list of (text, label) pairs."
    return UnreadableFile(MEMORY, problem, remedy=remedy)


def _bomb(name: str) -> UnreadableFile:
    """The error for a Parquet file that grows without end."""
    return UnreadableFile(
        name,
        f"the Parquet file unpacks to more than {MOST_TIMES_UNPACKED} times its size: its rows repeat each other.",
        remedy="Remove the repeats, read its first rows with --limit, or write it as CSV.",
    )


def _damaged(name: str, error: Exception) -> UnreadableFile:
    """The error for a Parquet file that pyarrow cannot read."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UnreadableFile(
        name, f"the Parquet file is damaged or cut short ({reason}).", remedy="Write it again."
    )
