"""This file knows how to write the repaired table, and beside it what was done to each row.

The cells are those of the file, unchanged but for the repairs; a text that a spreadsheet would run as a formula stays as
it is, since training must read it as it was.
"""

from __future__ import annotations

import csv
import errno
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bertsmith.data.csv_safety import neutralise_formula
from bertsmith.data.reading import LabelledRows
from bertsmith.data.repairs import Change
from bertsmith.data.reported_rows import UNREADABLE, TextRow
from bertsmith.durable_files import must_take_files, open_whole
from bertsmith.errors import ConfigError

SUFFIXES = (".csv", ".tsv", ".jsonl")


def changes_path(path: Path) -> Path:
    """Where it stands what was done: `clean.changes.csv` beside `clean.csv`."""
    return path.with_name(f"{path.stem}.changes.csv")


def refuse_clean_file(path: Path) -> None:
    """Refuse a place that cannot be written, before anything is read.

    Raises:
        ConfigError: another format, a file that is already there, or a place that takes no file.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            [f"--write-clean {path}: the name must end in {', '.join(SUFFIXES)}. Choose another name."]
        )
    for file in (path, changes_path(path)):
        try:
            is_there = file.exists()
            if not is_there:
                must_take_files(file)
        except OSError as error:
            raise _not_written(file, error) from error
        if is_there:
            raise ConfigError(
                [f"--write-clean {path}: {file} is already there. Choose another name, or remove it first."]
            )


def write_clean(
    path: Path, source: LabelledRows, *, changes: Iterable[Change], keeps_empty: bool
) -> tuple[Change, ...]:
    """Write the usable rows in the order and with the columns of the file; gives all that was done to rows.

    Args:
        path: ends in .csv, .tsv or .jsonl.
        source: the file after its repairs.
        changes: what the repairs did to its rows.
        keeps_empty: whether rows without text or label are written as they are; unreadable rows never are.
    """
    written = {row.line: _unused_cells(source, row) for row in source.unused} if keeps_empty else {}
    left_out = [
        Change(f"{source.name}:{row.line}", "left out", row.problem or "it cannot be used")
        for row in source.unused
        if not keeps_empty or row.code == UNREADABLE
    ]
    rows = [(line, cells) for line, cells in written.items() if cells is not None]
    for index, example in enumerate(source.examples):
        others = source.others[index] if source.others else ()
        rows.append(
            (example.origin.line, _cells(source, (example.text, example.text_pair, example.label), others))
        )
    rows.sort(key=lambda row: row[0])
    _write(path, source.header, (cells for _, cells in rows))
    own = [change for change in changes if change.row.rpartition(":")[0] == source.name]
    done = tuple(sorted((*own, *left_out), key=lambda change: int(change.row.rpartition(":")[2])))
    with _open_text(changes_path(path)) as file:
        writer = csv.writer(file)
        writer.writerow(("row", "action", "reason"))
        writer.writerows(
            map(neutralise_formula, (change.row, change.action, change.reason)) for change in done
        )
    return done


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    """A text file that is there when all of it is written.

    Raises:
        ConfigError: the system does not take it.
    """
    try:
        with open_whole(path) as stream:
            file = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="")
            yield file
            file.detach()
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> ConfigError:
    """The error for a place that takes no file."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "Make room, or choose another place." if is_full else "Choose another name."
    return ConfigError([f"--write-clean {path}: the file cannot be written ({error.strerror}). {remedy}"])


def _unused_cells(source: LabelledRows, row: TextRow) -> list[str | None] | None:
    """The cells of a row without text or label; None for one that cannot be read."""
    if row.code == UNREADABLE:
        return None
    return _cells(source, (row.text, row.text_pair, row.label), row.others)


def _cells(
    source: LabelledRows, used: tuple[str | None, str | None, str | None], others: Sequence[str | None]
) -> list[str | None]:
    """A row's cells in the order of the header."""
    cells: list[str | None] = [None] * len(source.header)
    columns = source.columns
    for index, cell in zip((columns.text, columns.pair, columns.label), used, strict=True):
        if index is not None:
            cells[index] = cell
    for index, cell in zip(source.other_columns, others, strict=True):
        cells[index] = cell
    return cells


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """The table in the format that the name says."""
    with _open_text(path) as file:
        if path.suffix.lower() == ".jsonl":
            for cells in rows:
                file.write(json.dumps(dict(zip(header, cells, strict=True)), ensure_ascii=False) + "\n")
            return
        writer = csv.writer(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        writer.writerow(header)
        writer.writerows(["" if cell is None else cell for cell in cells] for cells in rows)
