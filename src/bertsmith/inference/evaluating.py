"""This file knows how to score a finished model on labelled rows: the same scores and intervals as training gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bertsmith.data.duplicates import duplicate_groups
from bertsmith.data.example import Dataset, LabelSet
from bertsmith.data.reading import open_table, read_examples
from bertsmith.data.table import ReadOptions
from bertsmith.errors import DataError, list_names, nearest
from bertsmith.evaluation.scoring import Evaluation, evaluate
from bertsmith.findings import Finding
from bertsmith.inference.predictor import DEFAULT_BATCH_SIZE, Predictor
from bertsmith.model.prediction import NoProgress
from bertsmith.printing import quoted

SMALLEST_PROBABILITY = 1e-300
"""A label that the model calls impossible has a loss of 691 nats, not an infinite one."""


@dataclass(frozen=True)
class FileEvaluation:
    """The scores of a file, and what was found while reading it."""

    evaluation: Evaluation
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    num_rows_read: int
    """Rows of the file."""
    num_rows_reported: int
    """Rows that could not be scored; they are in the findings."""

    def to_json(self) -> dict[str, Any]:
        """The scores by name, and under `data` what was read, as plain JSON values."""
        rows = {
            "read": self.num_rows_read,
            "used": self.evaluation.rows,
            "reported": self.num_rows_reported,
        }
        findings = [finding.to_json() for finding in self.findings]
        return self.evaluation.to_json() | {"data": {"rows": rows, "findings": findings}}


def evaluate_rows(
    predictor: Predictor,
    source: object,
    *,
    options: ReadOptions,
    positive_label: str | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_rows: Callable[[int], None] = NoProgress,
) -> FileEvaluation:
    """Score the model on every usable row of a source.

    Args:
        predictor: the model.
        source: a path, `-`, a table or `(texts, labels)`, with the labels of the training.
        options: what the user said of the source.
        positive_label: with two labels, the one that F1, precision and recall are about; by default the training's.
        batch_size: rows per forward pass.
        on_rows: called with the number of rows just done.

    Raises:
        DataError: it cannot be read, holds a label that the model does not know, or pairs where it reads single texts.
        ConfigError: the positive label is not one of the model's.
    """
    table = open_table(source, options)
    rows = read_examples(table, predictor.facts.prefer_columns(options, table.header))
    dataset = rows.dataset
    predictor.require_pairs_in(table, rows.columns, pair_is_named=options.pair_column is not None)
    label_set = LabelSet(predictor.label_names)
    _refuse_unknown_labels(dataset, label_set)
    scores = predictor.score(dataset.texts, dataset.text_pairs, batch_size=batch_size, on_rows=on_rows)
    evaluation = evaluate(
        np.log(np.maximum(scores.probabilities, SMALLEST_PROBABILITY)),
        np.array(label_set.ids_of(dataset.labels), np.int64),
        label_set=label_set,
        positive_id=label_set.positive_id(positive_label or predictor.facts.positive_label),
        groups=duplicate_groups(dataset),
        predicted_ids=scores.label_ids,
    )
    return FileEvaluation(
        evaluation,
        findings=rows.findings,
        notes=rows.notes,
        num_rows_read=rows.num_rows,
        num_rows_reported=rows.num_reported,
    )


def _refuse_unknown_labels(dataset: Dataset, label_set: LabelSet) -> None:
    """A label that the model does not know cannot be scored."""
    counts = Counter(dataset.labels)
    for example in dataset.examples:
        if example.label not in label_set.id_by_name:
            rows = "" if counts[example.label] == 1 else f" ({counts[example.label]} such rows)"
            raise DataError(
                f"{example.origin}: the model does not know the label {quoted(example.label)}{rows}, so it cannot be scored on it. "
                f"It knows: {list_names(label_set.names)}.{nearest(example.label, label_set.names)} "
                "Correct the label, choose the column with --label-column, or leave such rows out."
            )
