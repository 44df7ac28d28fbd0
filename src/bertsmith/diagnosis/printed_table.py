"""This file knows how to read a printed table of training results: in Markdown, or pasted with tabs or spaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from bertsmith.diagnosis.foreign_run import (
    ForeignEpoch,
    ForeignRun,
    averaging_word,
    column_of,
    columns_of,
    fold,
)
from bertsmith.errors import UnreadableFile

CLASSIFICATION = ("f1", "accuracy", "precision", "recall", "balanced_accuracy")
REGRESSION = ("mse", "rmse", "mae", "pearson", "pearsonr", "spearmanr", "spearman", "r2", "combined score")
NUMBER = re.compile(r"[-+]?(\d+(\.(?P<decimals>\d*))?|\.\d+)([eE][-+]?\d+)?|nan|inf|[-+]inf", re.IGNORECASE)
SPACED = re.compile(r"\S+( \S+)*")
"""A cell of a table whose columns stand two spaces apart, or more."""


def read_table(text: str, *, name: str) -> ForeignRun:
    """The results table in Markdown, or separated by tabs or several spaces.

    Raises:
        UnreadableFile: there is no such table.
    """
    best: tuple[list[str], list[list[str]]] | None = None
    for header, rows in _tables(text.splitlines()):
        known = {column_of(cell) for cell in header} - {None}
        is_results = "epoch" in known or "step" in known or "validation_loss" in known
        if (
            is_results
            and rows
            and (best is None or len(known) > len({column_of(cell) for cell in best[0]} - {None}))
        ):
            best = header, rows
    if best is None:
        raise UnreadableFile(
            name,
            "there is no table of training results in it (expected columns such as Epoch, Validation Loss, Accuracy, F1).",
            remedy="Give the model card with its results table, or paste the table on standard input (-).",
        )
    header, rows = best
    columns = columns_of(header)
    named = [cell for cell, column in zip(header, columns, strict=True) if column is not None]
    folded = [fold(cell) for cell in header]
    scores = [
        cell for row in rows for column, cell in zip(columns, row, strict=False) if column in CLASSIFICATION
    ]
    percent = any(_in_percent(cell) for cell in scores)
    decimals = max((_decimals(cell) for cell in scores), default=0) + 2 * percent
    return ForeignRun(
        name,
        tuple(_row(columns, row, percent=percent) for row in rows),
        decimals=decimals or None,
        is_regression=not any(column in CLASSIFICATION for column in columns)
        and any(cell in REGRESSION for cell in folded),
        f1_is_macro=averaging_word(named, "f1") == "macro",
        recall_is_macro=averaging_word(named, "recall") == "macro",
    )


def _tables(lines: Iterable[str]) -> Iterable[tuple[list[str], list[list[str]]]]:
    """(header, rows) of every block of lines that have cells."""
    block: list[list[str]] = []
    header = ""
    for line in [*lines, ""]:
        header = line if not block else header
        cells = _cells(line, header=header)
        if len(cells) > 1:
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                block.append(cells)
        elif block:
            yield block[0], block[1:]
            block = []


def _cells(line: str, *, header: str) -> list[str]:
    """The cells of a line: between bars, else between tabs, else between two spaces and more.

    Where the line has fewer cells than its header, those between spaces belong to the column above them.
    """
    if "|" in line:
        return [cell.strip() for cell in line.strip().strip("|").split("|")]
    if "\t" in line:
        return [cell.strip() for cell in line.split("\t")] if line.strip() else []
    columns, found = list(SPACED.finditer(header)), list(SPACED.finditer(line))
    if len(found) < 2 or len(found) >= len(columns):
        return [cell.group() for cell in found]
    cells = [""] * len(columns)
    for cell in found:
        above = max(range(len(columns)), key=lambda index: _overlap(cell.span(), columns[index].span()))
        cells[above] = cell.group()
    return cells


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Characters that two spans share; below 0, how far they are apart."""
    return min(one[1], other[1]) - max(one[0], other[0])


def _row(columns: Sequence[str | None], cells: Sequence[str], *, percent: bool) -> ForeignEpoch:
    """The figures of one row, scores as shares; `No log` and gaps are None."""
    values: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=False):
        plain = _plain(cell)
        if column is None or column in values or not NUMBER.fullmatch(plain):
            continue
        number = float(plain)
        if column in CLASSIFICATION and percent:
            number /= 100
        values[column] = int(number) if column == "step" and number.is_integer() else number
    return ForeignEpoch(**values)


def _plain(cell: str) -> str:
    """A cell without marks, separators of thousands and the percent sign."""
    return cell.strip("*` ").removesuffix("%").strip().replace(",", "")


def _in_percent(cell: str) -> bool:
    """Whether a score is printed in hundredths."""
    plain = _plain(cell)
    return cell.strip("*` ").endswith("%") or (bool(NUMBER.fullmatch(plain)) and 1 < float(plain) <= 100)


def _decimals(cell: str) -> int:
    """Digits behind the point."""
    found = NUMBER.fullmatch(_plain(cell))
    return len(found.group("decimals") or "") if found and "e" not in cell.lower() else 0
