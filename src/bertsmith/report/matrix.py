"""The confusion matrix as it can be read: whole for a few labels, in groups that are confused with each other for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertsmith.report.markdown import name_of
from bertsmith.report.page_text import percent

MOST_WHOLE = 12
"""Labels up to which the whole matrix is a table."""
MOST_IN_GROUP = 7
GROUPS_SHOWN = 4
MOST_CELLS = 4000
"""Cells of the overview off the diagonal; the emptiest are left out."""
LEVELS = 10
"""Shades."""


@dataclass(frozen=True)
class Cell:
    """Rows of one label that were called another, or the same."""

    rows: int
    share: str
    """Of the label's rows."""
    level: int
    """Shade, 0 to 10."""
    is_right: bool


@dataclass(frozen=True)
class Table:
    """Some of the labels against each other."""

    labels: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    """True labels as rows, predicted ones as columns."""
    elsewhere: tuple[int, ...]
    """Per true label: its rows that were called something outside of this table."""
    row_totals: tuple[int, ...]


@dataclass(frozen=True)
class Overview:
    """The whole matrix as a picture, labels in the order of the groups."""

    num_labels: int
    cells: tuple[tuple[int, int, int, bool], ...]
    """(column, row, shade, is right) of the cells that are drawn."""
    left_out: int
    """Cells with rows in them that are not."""


def table_of(confusion: Sequence[Sequence[int]], labels: Sequence[str], *, chosen: Sequence[int]) -> Table:
    """These labels' part of the matrix.

    Args:
        confusion: true labels as rows, predicted ones as columns.
        labels: all names in id order.
        chosen: ids of the labels to show, in this order.
    """
    rows = []
    for true in chosen:
        total = sum(confusion[true])
        rows.append(tuple(_cell(confusion[true][said], total, is_right=true == said) for said in chosen))
    totals = tuple(sum(confusion[true]) for true in chosen)
    inside = (sum(confusion[true][said] for said in chosen) for true in chosen)
    return Table(
        labels=tuple(name_of(labels[index]) for index in chosen),
        cells=tuple(rows),
        elsewhere=tuple(total - part for total, part in zip(totals, inside, strict=True)),
        row_totals=totals,
    )


def confused_groups(confusion: Sequence[Sequence[int]]) -> list[list[int]]:
    """Labels that are confused with each other, as ids; the group with the most confused rows first.

    The strongest confusion joins two groups first, as long as the joined one has at most `MOST_IN_GROUP` labels.
    Every label is in one group; most are alone.
    """
    number = len(confusion)
    pairs = sorted(
        (-(confusion[one][other] + confusion[other][one]), one, other)
        for one in range(number)
        for other in range(one + 1, number)
        if confusion[one][other] + confusion[other][one]
    )
    group_of = {label: [label] for label in range(number)}
    for _, one, other in pairs:
        mine, theirs = group_of[one], group_of[other]
        if mine is not theirs and len(mine) + len(theirs) <= MOST_IN_GROUP:
            mine += theirs
            for label in theirs:
                group_of[label] = mine
    groups = {id(group): sorted(group) for group in group_of.values()}
    return sorted(groups.values(), key=lambda group: (-confused_rows(confusion, group), group))


def confused_rows(confusion: Sequence[Sequence[int]], group: Sequence[int]) -> int:
    """Rows that are confused within a group."""
    return sum(confusion[true][said] for true in group for said in group if true != said)


def overview_of(confusion: Sequence[Sequence[int]], groups: Sequence[Sequence[int]]) -> Overview:
    """The whole matrix, the labels of a group beside each other."""
    order = [label for group in groups for label in group]
    place = {label: index for index, label in enumerate(order)}
    wrong = sorted(
        (-count / sum(row), true, said)
        for true, row in enumerate(confusion)
        for said, count in enumerate(row)
        if count and true != said
    )
    cells = [(place[said], place[true], _level(-share), False) for share, true, said in wrong[:MOST_CELLS]]
    cells += [
        (place[label], place[label], _level(confusion[label][label] / sum(confusion[label])), True)
        for label in order
        if confusion[label][label]
    ]
    return Overview(len(order), tuple(cells), left_out=max(0, len(wrong) - MOST_CELLS))


def zoom_values(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> dict[str, object]:
    """What the page's script needs to show any label's row and column."""
    cells = sorted(
        (
            (count, true, said)
            for true, row in enumerate(confusion)
            for said, count in enumerate(row)
            if count
        ),
        reverse=True,
    )
    return {
        "labels": [name_of(label) for label in labels],
        "totals": [sum(row) for row in confusion],
        "cells": [[true, said, count] for count, true, said in cells[: MOST_CELLS + len(labels)]],
    }


def _cell(rows: int, total: int, *, is_right: bool) -> Cell:
    share = rows / total if total else 0.0
    return Cell(rows, percent(share) if rows else "", _level(share), is_right)


def _level(share: float) -> int:
    """0 for nothing, at least 1 for anything."""
    return 0 if share == 0 else max(1, round(LEVELS * share))
