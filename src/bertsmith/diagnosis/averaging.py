"""This file knows what a published table's F1, precision and recall are of: one label of two, or means over all labels."""

from __future__ import annotations

import math
from itertools import product
from typing import Literal

import numpy as np

from bertsmith.diagnosis.foreign_run import ForeignEpoch, ForeignRun
from bertsmith.diagnosis.implied_counts import PrintedScores, is_one_label
from bertsmith.evaluation.metrics import label_f1

Averaging = Literal["one label", "macro", "weighted", "one label or macro", "unknown"]
"""The positive label of two, or means over labels, plain or by their rows; where figures and names fit two of these, both."""
MOST_LABELS = 20
"""Numbers of labels whose ln K is recognised in a loss."""
CHANCE_BAND = 0.02
"""A loss within this share of ln K is at chance."""
FULL_DECIMALS = 12
"""Scores that are in full are taken as printed with this many digits."""
TELLING = 10
"""Units of the last digit by which two readings of F1 must differ, so that one of them cannot hold by chance."""


def averaging_of(run: ForeignRun) -> Averaging:
    """What F1, precision and recall are of, by the columns' names and the figures.

    Traps: weighted recall is accuracy, whatever the labels, and says nothing of balanced accuracy. Averages over a model
    that gives every row one label fulfil F1 = 2PR/(P+R), as the scores of one label do. A name that says `macro` of F1
    says nothing of precision and recall. One mistyped figure must not turn the scores of one label into averages.
    """
    if run.recall_is_macro:
        return "macro"
    both = [
        (epoch.recall, epoch.accuracy)
        for epoch in run.epochs
        if epoch.recall is not None and epoch.accuracy is not None
    ]
    if both and all(math.isclose(recall, accuracy, abs_tol=1e-9) for recall, accuracy in both):
        return "weighted"
    printed, tolerance, decimals = all_printed_scores(run), tolerance_of(run), _compared_decimals(run)
    voters = [scores for scores in printed if not is_macro_of_one_label(scores, tolerance=tolerance)]
    if printed and not voters:
        return "macro"
    labels = run.num_labels or _labels_by_loss(run) or MOST_LABELS
    if any(_is_no_mean(*figures, labels=labels, tolerance=tolerance) for figures in both):
        return "one label"
    if not printed:
        return "unknown"
    votes = sum(_vote(scores, decimals=decimals) for scores in voters)
    if votes != 0:
        return "one label" if votes > 0 else "macro"
    return "macro" if run.f1_is_macro or len(voters) < len(printed) else "one label or macro"


def contradictions(run: ForeignRun) -> list[tuple[int, float]]:
    """(index of the row, F1 that its precision and recall give) of each row whose F1 is another one though most fit."""
    if averaging_of(run) != "one label":
        return []
    decimals = _compared_decimals(run)
    rows = [(index, printed_scores(epoch)) for index, epoch in enumerate(run.epochs)]
    known = [(index, scores) for index, scores in rows if scores is not None]
    wrong = [
        (index, 2 * scores.precision * scores.recall / (scores.precision + scores.recall))
        for index, scores in known
        if not is_one_label(scores, decimals=decimals) and scores.precision + scores.recall > 0
    ]
    return wrong if 2 * len(wrong) < len(known) else []


def number_of_labels(run: ForeignRun) -> int | None:
    """How many labels there are, where a loss at ln K, or F1 of one label, tells; else None."""
    if run.num_labels is not None:
        return run.num_labels
    return 2 if averaging_of(run) == "one label" else _labels_by_loss(run)


def _labels_by_loss(run: ForeignRun) -> int | None:
    """The number of labels of which most losses are those of a guess, and the accuracies too."""
    losses = [
        loss for epoch in run.epochs if (loss := epoch.validation_loss) is not None and math.isfinite(loss)
    ]
    accuracies = sorted(epoch.accuracy for epoch in run.epochs if epoch.accuracy is not None)
    for count in range(2, MOST_LABELS + 1):
        near = [loss for loss in losses if abs(loss - math.log(count)) <= CHANCE_BAND * math.log(count)]
        fits = not accuracies or abs(accuracies[len(accuracies) // 2] - 1 / count) < 0.1
        if len(near) * 2 > len(losses) and fits:
            return count
    return None


def tolerance_of(run: ForeignRun) -> float:
    """Printed scores that differ by no more than this, one unit of the last digit, say the same."""
    return 10.0 ** -(run.decimals or FULL_DECIMALS) * (1 + 1e-9)


def is_macro_of_one_label(scores: PrintedScores, *, tolerance: float) -> bool:
    """Whether these are means over K labels of which only one is ever given: recall 1/K, precision accuracy/K."""
    count = round(1 / scores.recall) if scores.recall > 0 else 0
    return (
        count >= 2
        and abs(scores.recall - 1 / count) <= tolerance
        and abs(scores.precision - scores.accuracy / count) <= tolerance
    )


def printed_scores(epoch: ForeignEpoch) -> PrintedScores | None:
    """The four scores of a row; None where one of them is not there."""
    figures = (epoch.accuracy, epoch.precision, epoch.recall, epoch.f1)
    accuracy, precision, recall, f1 = figures
    if accuracy is None or precision is None or recall is None or f1 is None:
        return None
    return PrintedScores(accuracy, precision, recall, f1)


def all_printed_scores(run: ForeignRun) -> list[PrintedScores]:
    """Those of every row that has them all."""
    return [printed for epoch in run.epochs if (printed := printed_scores(epoch)) is not None]


def positive_share(*, accuracy: float, precision: float, recall: float) -> float | None:
    """The share of the rows that truly have the label that the scores are of, in (0, 1); None where nothing tells.

    From accuracy = πR + (1-π)S and P = πR / (πR + (1-π)(1-S)): π = (1 - accuracy) / (1 - 2R + R/P).
    """
    if precision == 0:
        return None
    denominator = 1 - 2 * recall + recall / precision
    if abs(denominator) < 1e-6:
        return None
    share = (1 - accuracy) / denominator
    return share if 0 < share < 1 else None


def _compared_decimals(run: ForeignRun) -> int:
    """Digits to which figures of a row are held against each other."""
    return min(run.decimals or FULL_DECIMALS, 4)


def _is_no_mean(recall: float, accuracy: float, *, labels: int, tolerance: float) -> bool:
    """Whether recall cannot be a plain mean over so many labels beside this accuracy.

    Of K labels the rows that are missed are at most K times the mean of what each label misses, and the same of those found.
    """
    slack = (labels + 1) * tolerance
    return 1 - accuracy > labels * (1 - recall) + slack or accuracy > labels * recall + slack


def _vote(scores: PrintedScores, *, decimals: int) -> int:
    """1 for scores of one label, -1 for means, 0 where both are possible.

    Beside precision and recall of one label stands its F1, or a mean of both labels' that they imply with accuracy. Where
    precision and recall are about the same, F1 is too, whatever they are of: that tells nothing.
    """
    unit = 10.0**-decimals
    total = scores.precision + scores.recall
    own = 2 * scores.precision * scores.recall / total if total > 0 else 0.0
    if is_one_label(scores, decimals=decimals):
        return int(abs(own - total / 2) > TELLING * unit)
    for low, high in _implied_means(scores, half=unit / 2):
        if low - unit / 2 <= scores.f1 <= high + unit / 2:
            return int(min(abs(low - own), abs(high - own)) > TELLING * unit)
    return -1


def _implied_means(scores: PrintedScores, *, half: float) -> list[tuple[float, float]]:
    """Bounds of the plain and of the weighted mean of both labels' F1, if precision and recall are those of one label.

    Args:
        scores: as printed.
        half: by how much each of them may have been rounded.
    """
    found = []
    for a, p, r in product((-half, half), repeat=3):
        accuracy, precision, recall = scores.accuracy + a, scores.precision + p, scores.recall + r
        share = positive_share(accuracy=accuracy, precision=precision, recall=recall)
        if share is None or precision <= 0:
            return []
        hits = share * recall
        other, ours = label_f1(
            np.array([[accuracy - hits, hits / precision - hits], [share - hits, hits]])
        ).tolist()
        found.append(((ours + other) / 2, share * ours + (1 - share) * other))
    return [(min(means), max(means)) for means in zip(*found, strict=True)]
