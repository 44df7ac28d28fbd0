"""The files of a run, read by the same columns: train, and validation and test where they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bertsmith.data.reading import LabelledRows, open_table, read_examples
from bertsmith.data.table import ReadOptions
from bertsmith.errors import DataError


def read_sources(given: Mapping[str, object], options: ReadOptions) -> dict[str, LabelledRows]:
    """The rows of every file, train first; the others have the columns of train where they are there.

    Raises:
        DataError: one file has pairs of texts, another single texts.
    """
    names = display_names(given)
    train = read_examples(given["train"], options, name=names["train"])
    sources = {"train": train}
    for split, source in given.items():
        if split == "train":
            continue
        table = open_table(source, options)
        preferred = options if not table.has_header else _same_columns(train, options, table.header)
        sources[split] = rows = read_examples(table, preferred, name=names[split])
        if (rows.columns.pair is None) != (train.columns.pair is None):
            kinds = [
                "single texts" if each.columns.pair is None else "pairs of texts" for each in (train, rows)
            ]
            raise DataError(
                f"{train.name} has {kinds[0]}, {rows.name} has {kinds[1]}. "
                "Say which columns are the texts with --text-column and --pair-column, or give files of one kind."
            )
    return sources


def _same_columns(train: LabelledRows, options: ReadOptions, header: Sequence[str]) -> ReadOptions:
    """The columns that the user named, else train's where this header has them all, else left to be recognised."""
    columns = train.columns
    names = {train.column_name(index) for index in (columns.text, columns.pair, columns.label)} - {None}
    if not names <= set(header):
        return options
    return replace(
        options,
        text_column=train.column_name(columns.text),
        pair_column=train.column_name(columns.pair),
        label_column=train.column_name(columns.label),
    )


def display_names(given: Mapping[str, object]) -> dict[str, str | None]:
    """What each file is called in findings: its name, with its folder's where two have the same name."""
    names = {split: file_name(source) for split, source in given.items()}
    told = [name for name in names.values() if name is not None]
    return {
        split: f"{Path(str(given[split])).resolve().parent.name}/{name}"
        if name is not None and told.count(name) > 1
        else name
        for split, name in names.items()
    }


def file_name(source: object) -> str | None:
    """The last part of a path: what rows, cards and findings are called by. None for what is not a file."""
    return Path(source).name if isinstance(source, str | Path) and str(source) != "-" else None
