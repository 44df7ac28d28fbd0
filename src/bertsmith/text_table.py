"""This file knows how a table of text looks on a terminal and in a log: two spaces between columns, and no lines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

NARROWEST_NOTE = 9
"""Cells that the last column keeps where the others leave no room: the word `collapsed`."""


def laid_out(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None
) -> tuple[list[str], list[list[str]]]:
    """The lines of the head, and for each row its lines.

    Args:
        columns: the headings.
        rows: cells that are fit to be shown, as many in each as there are headings.
        width: cells of the screen; what is wider is told closer: headings over two lines, one space instead of two, and at
            last the last column over several lines. None for a log, whose lines have any length.
    """
    whole = [[heading] for heading in columns]
    halved = [_halved(heading) for heading in columns]
    for heads, gap in ((whole, 2), (halved, 2), (halved, 1)):
        widths = _widths(heads, rows)
        if width is None or sum(widths) + gap * (len(columns) - 1) <= width:
            break
    assert width is not None or gap == 2
    rest = sum(widths[:-1]) + gap * (len(columns) - 1)
    if width is not None and rest + widths[-1] > width:
        widths[-1] = max(NARROWEST_NOTE, width - rest)
    # A heading stands on the line above its cells: a short one has an empty line over it.
    height = max(map(len, heads))
    raised = [[""] * (height - len(head)) + head for head in heads]
    head_lines = [_line([head[index] for head in raised], widths, gap=gap) for index in range(height)]
    return head_lines, [_row_lines(row, widths, gap=gap) for row in rows]


def _widths(heads: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[int]:
    """Cells that each column takes."""
    return [
        max(map(cell_len, (*head, *(row[index] for row in rows))), default=0)
        for index, head in enumerate(heads)
    ]


def _halved(heading: str) -> list[str]:
    """The heading over two lines, cut at the space that makes it narrowest; one word stays whole."""
    words = heading.split(" ")
    cuts = [[" ".join(words[:place]), " ".join(words[place:])] for place in range(1, len(words))]
    return min(cuts, key=lambda parts: max(map(cell_len, parts)), default=[heading])


def _row_lines(row: Sequence[str], widths: Sequence[int], *, gap: int) -> list[str]:
    """A row, with what does not fit into its last column below it."""
    last = [row[-1]]
    if cell_len(row[-1]) > widths[-1]:
        last = textwrap.wrap(row[-1], widths[-1]) or [""]
    lines = [_line([*row[:-1], last[0]], widths, gap=gap)]
    return lines + [_line([*[""] * (len(row) - 1), part], widths, gap=gap) for part in last[1:]]


def _line(cells: Sequence[str], widths: Sequence[int], *, gap: int) -> str:
    padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
    return (" " * gap).join(padded).rstrip()
