"""Rows → the same rows in the same order predicted, in memory that does not grow with their number."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bertsmith.data.columns import Columns
from bertsmith.data.reading import read_texts
from bertsmith.data.reported_rows import TextRow
from bertsmith.data.table import ReadOptions, Row, Table
from bertsmith.inference.predictor import DEFAULT_BATCH_SIZE, Predictor
from bertsmith.model.prediction import NoProgress

CHUNK_ROWS = 2048
"""Rows held at once: enough that rows of like length find each other, few enough to cost a few MB."""

CHUNK_CHARACTERS = 2**24
"""Characters after which a chunk ends early: 2,048 texts can be books."""


class ReadRow(NamedTuple):
    """A row of the input, as written and as the model is to read it."""

    row: Row
    text: TextRow
    """The cells that are used, or why the row cannot be used: judged as in training."""


@dataclass(frozen=True, slots=True)
class PredictedRow:
    """A row of the input with its prediction, or with the reason why it has none."""

    row: Row
    label: str | None = None
    probability: float | None = None
    """Probability of the label."""
    probabilities: tuple[float, ...] | None = None
    """Of every label, in id order."""
    error: str | None = None
    is_cut: bool = False
    """Whether the text was longer than the model reads."""


def read_rows(table: Table, options: ReadOptions) -> tuple[Columns, Iterator[ReadRow]]:
    """The chosen columns, and every row of the table up to the limit; labels are not looked at.

    Raises:
        MissingColumn: a named column is not there, or no column or more than one can be the text.
    """
    taken: deque[Row] = deque()  # rows that were read but not judged yet: at most the reader's sample

    def remembered() -> Iterator[Row]:
        for row in itertools.islice(table.rows, options.limit):
            taken.append(row)
            yield row

    columns, texts = read_texts(replace(table, rows=remembered()), options, labelled=False)
    return columns, (ReadRow(taken.popleft(), text) for text in texts)


def predict_rows(
    predictor: Predictor,
    rows: Iterable[ReadRow],
    *,
    chunk_rows: int = CHUNK_ROWS,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_rows: Callable[[int], None] = NoProgress,
) -> Iterator[PredictedRow]:
    """Every row with its prediction, in order; never more than one chunk of rows ahead of what was taken.

    Args:
        predictor: the model; pairs for a model of pairs are the caller's to check.
        rows: as `read_rows` gives them, those that cannot be used too.
        chunk_rows: rows that are read and predicted together.
        batch_size: rows per forward pass.
        on_rows: called with the number of rows just done.
    """
    for chunk in chunks(rows, chunk_rows=chunk_rows):
        yield from predict_chunk(predictor, chunk, batch_size=batch_size, on_rows=on_rows)


def predict_chunk(
    predictor: Predictor,
    chunk: Sequence[ReadRow],
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_rows: Callable[[int], None] = NoProgress,
) -> list[PredictedRow]:
    """The rows of one chunk predicted, in order; the arguments are those of `predict_rows`."""
    usable = [index for index, read in enumerate(chunk) if read.text.problem is None]
    on_rows(len(chunk) - len(usable))
    predicted = [_failed(read) for read in chunk]
    texts = [chunk[index].text for index in usable]
    scores = predictor.score(
        [text.text for text in texts],
        [text.text_pair or "" for text in texts] if texts and texts[0].text_pair is not None else None,
        batch_size=batch_size,
        on_rows=on_rows,
    )
    results = zip(
        usable, scores.label_ids.tolist(), scores.probabilities.tolist(), scores.is_cut.tolist(), strict=True
    )
    for index, best, probabilities, is_cut in results:
        predicted[index] = PredictedRow(
            row=chunk[index].row,
            label=predictor.label_names[best],
            probability=probabilities[best],
            probabilities=tuple(probabilities),
            is_cut=is_cut,
        )
    return predicted


def _failed(read: ReadRow) -> PredictedRow:
    """The row without a prediction, and why."""
    return PredictedRow(read.row, error=f"line {read.row.line}: {read.text.problem}")


def chunks(rows: Iterable[ReadRow], *, chunk_rows: int) -> Iterator[Sequence[ReadRow]]:
    """The rows in groups of `chunk_rows`, fewer where the cells are very long: a function of the rows alone."""
    chunk: list[ReadRow] = []
    num_characters = 0
    for read in rows:
        chunk.append(read)
        num_characters += sum(len(cell) for cell in read.row.cells if cell is not None)
        num_characters += len(read.row.json_text or "")
        if len(chunk) >= chunk_rows or num_characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, num_characters = [], 0
    if chunk:
        yield chunk
