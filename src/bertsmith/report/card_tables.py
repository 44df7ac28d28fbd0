"""This file knows how the tables of a model card look: numbers in, padded Markdown out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bertsmith.diagnosis.mistakes import Mistake
from bertsmith.diagnosis.slices import Slice
from bertsmith.evaluation.calibration import Calibration
from bertsmith.evaluation.scoring import Evaluation, LabelScore, Score
from bertsmith.report.markdown import Markdown, name_of, neutral, table
from bertsmith.run import Baselines, SplitSummary
from bertsmith.training.history import EpochRecord, Restart

MAX_LABELS = 20
"""With more labels, tables show a part of them and say so."""
NUM_LEAST_SERVED = 10
LONGEST_QUOTE = 160

_BINARY_SCORES = {
    "loss": "Loss",
    "f1": "F1",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "macro_f1": "Macro F1",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "Matthews correlation",
}
_MACRO_SCORES = {
    "loss": "Loss",
    "macro_f1": "Macro F1",
    "accuracy": "Accuracy",
    "precision": "Macro precision",
    "recall": "Macro recall",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "Matthews correlation",
}
"""F1 is macro F1 here, and stands only once."""


def score_names(evaluation: Evaluation) -> dict[str, str]:
    """The scores that are shown, by key, with their titles."""
    return _MACRO_SCORES if evaluation.positive_label is None else _BINARY_SCORES


def number(value: float) -> Markdown:
    """Four decimals; `∞` and `nan` where there is no number."""
    return Markdown(f"{value:.4f}" if math.isfinite(value) else str(value).replace("inf", "∞"))


def interval(score: Score) -> Markdown:
    """A score with its 95 % interval in brackets."""
    return Markdown(f"{number(score.value)} ({number(score.low)} to {number(score.high)})")


def percent(share: float) -> str:
    """A share as per cent with one decimal."""
    return f"{100 * share:.1f} %"


def slice_table(parts: Sequence[Slice]) -> Markdown:
    """Accuracy of each slice with its interval."""
    rows = [(part.name, f"{part.rows:,}", interval(part.accuracy)) for part in parts]
    return table(("Test rows", "Rows", "Accuracy"), rows)


def quote_table(mistakes: Sequence[Mistake], texts: Mapping[str, str]) -> Markdown:
    """Mistakes with the beginning of their texts."""
    rows = [
        (name_of(row.label), name_of(row.predicted), f"{row.probability:.2f}", _beginning(texts[row.row]))
        for row in mistakes
    ]
    return table(("Label", "Predicted", "Probability", "Text"), rows)


def calibration_table(calibration: Calibration) -> Markdown:
    """Calibration error, Brier score and log loss before and after, on validation and test rows."""
    columns = ("Rows", "Calibration error", "Brier score", "Log loss")
    named = (
        ("validation, as trained", calibration.validation_before),
        ("validation, as saved", calibration.validation_after),
        ("test, as trained", calibration.test_before),
        ("test, as saved", calibration.test_after),
    )
    rows = [
        (name, number(value.calibration_error), number(value.brier), number(value.log_loss))
        for name, value in named
    ]
    return table(columns, rows)


def score_table(test: Evaluation | None, baselines: Baselines | None) -> Markdown | None:
    """The test scores beside the baselines'; None where there are neither."""
    columns: dict[str, Evaluation] = {} if test is None else {"This model": test}
    if baselines is not None:
        columns |= {"Most frequent label": baselines.majority, "Bag of words": baselines.bag_of_words}
    if not columns:
        return None
    rows = []
    for key, title in score_names(next(iter(columns.values()))).items():
        shown = [interval(column.scores[key]) if key in column.scores else "–" for column in columns.values()]
        rows.append([title, *shown])
    return table(["Score", *columns], rows)


def training_table(epochs: Sequence[EpochRecord], *, best_index: int | None) -> Markdown:
    """One row per epoch, in the columns of the Trainer's cards, the best and the collapsed marked."""
    header = [
        "Training Loss",
        "Epoch",
        "Step",
        "Validation Loss",
        "F1",
        "Accuracy",
        "Precision",
        "Recall",
        "Note",
    ]
    rows = []
    for index, epoch in enumerate(epochs):
        before, after = (epoch.train_loss, epoch.epoch), (epoch.validation_loss, epoch.f1, epoch.accuracy)
        cells = [
            *map(_trimmed, before),
            str(epoch.step),
            *map(_trimmed, (*after, epoch.precision, epoch.recall)),
        ]
        note = "best" if index == best_index else "collapsed" if epoch.collapsed else ""
        rows.append([*map(Markdown, cells), note])
    return table(header, rows)


def label_table(labels: Sequence[LabelScore]) -> Markdown:
    """Precision, recall and F1 of each label."""
    rows = [
        [name_of(label.label), f"{label.rows:,}", *map(interval, (label.precision, label.recall, label.f1))]
        for label in labels
    ]
    return table(["Label", "Rows", "Precision", "Recall", "F1"], rows)


def least_served(evaluation: Evaluation) -> list[LabelScore]:
    """The labels that occur in the rows, lowest F1 first."""
    return sorted((label for label in evaluation.per_label if label.rows), key=lambda label: label.f1.value)


def confusion_table(evaluation: Evaluation) -> Markdown:
    """True labels as rows, predicted ones as columns."""
    names = [name_of(label.label) for label in evaluation.per_label]
    rows = [
        [name, *(f"{count:,}" for count in counts)]
        for name, counts in zip(names, evaluation.confusion, strict=True)
    ]
    return table(["True ↓ predicted →", *names], rows)


def mistake_table(evaluation: Evaluation, labels: Sequence[LabelScore]) -> Markdown:
    """For these labels: how many rows are right, and what the others are mostly taken for."""
    names = [label.label for label in evaluation.per_label]
    rows = []
    for label in labels:
        own = names.index(label.label)
        counts = evaluation.confusion[own]
        wrong = max((index for index in range(len(names)) if index != own), key=lambda index: counts[index])
        taken_for = f"{name_of(names[wrong])} ({counts[wrong]:,})" if counts[wrong] else "–"
        rows.append([name_of(label.label), f"{label.rows:,}", f"{counts[own]:,}", taken_for])
    return table(["Label", "Rows", "Right", "Most often taken for"], rows)


def split_table(splits: dict[str, SplitSummary]) -> Markdown:
    """Rows and lengths of each split."""
    rows = [
        [
            name.capitalize(),
            f"{split.rows:,}",
            _cut_rows(split),
            "not read" if split.longest_tokens is None else f"{split.longest_tokens:,}",
        ]
        for name, split in splits.items()
    ]
    return table(["Split", "Rows", "Cut rows", "Tokens of the longest row"], rows)


def label_count_table(splits: dict[str, SplitSummary], labels: Sequence[str]) -> Markdown:
    """How many rows of each split have each of these labels."""
    counts = [[f"{split.label_counts.get(label, 0):,}" for split in splits.values()] for label in labels]
    rows = [[name_of(label), *row] for label, row in zip(labels, counts, strict=True)]
    return table(["Label", *(name.capitalize() for name in splits)], rows)


def _beginning(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


def _cut_rows(split: SplitSummary) -> str:
    if split.cut_share is None:
        return "not read"
    return f"{round(split.cut_share * split.rows):,} ({percent(split.cut_share)})"


def _trimmed(value: float) -> str:
    """At most four decimals, as the Trainer prints them: 0.5 stays 0.5, and 0.63596 becomes 0.6360."""
    exact = str(value)
    return f"{value:.4f}" if len(exact.partition(".")[2]) > 4 else exact


def attempt_line(restart: Restart) -> str:
    """What a failed attempt ran with, what it failed by, and what was done instead."""
    settings = ", ".join(f"{name} {value:g}" for name, value in restart.recipe.items())
    return (
        f"{restart.name.capitalize()}: {settings}; {restart.steps:,} steps; "
        f"failed: {neutral(restart.sign)}. Then: {neutral(restart.remedy)}."
    )
