"""How often does a 95 % interval hold the true score? Simulated test sets of a model whose true scores are known.

A model is right with the same probability on every row, whatever its label. Two labels: a grid of positive share ×
true accuracy × rows. More labels: uniform shares, errors spread evenly over the other labels.

    python -m benchmarks.honesty.coverage [--sets 2000]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bertsmith.data.example import LabelSet
from bertsmith.evaluation import metrics
from bertsmith.evaluation.scoring import evaluate

POSITIVE_SHARES = (0.5, 0.3, 0.1)
ACCURACIES = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
ROWS = (50, 200, 1000, 2000)
LABEL_COUNTS = (3, 5, 20)
SETS = 2000
SCORES = ("accuracy", "f1", "precision", "recall", "macro_f1", "balanced_accuracy", "mcc")
FEWEST_LABEL_ROWS = 5
"""A cell that expects fewer rows of a label is shown, not judged."""
SURE = 12.0
"""Logit of the predicted label: scores of the matrix do not depend on it."""


@dataclass(frozen=True)
class Cell:
    """A kind of test set."""

    shares: tuple[float, ...]
    """The true share of each label."""
    accuracy: float
    rows: int

    @property
    def judged(self) -> bool:
        """Whether every label has enough rows to be judged."""
        return min(self.shares) * self.rows >= FEWEST_LABEL_ROWS

    @property
    def confusion(self) -> NDArray[np.float64]:
        """The true confusion matrix in shares of all rows."""
        num_labels = len(self.shares)
        row = np.full((num_labels, num_labels), (1 - self.accuracy) / (num_labels - 1))
        np.fill_diagonal(row, self.accuracy)
        return np.array(self.shares)[:, None] * row

    def true_scores(self) -> dict[str, float]:
        """The scores that the intervals should hold."""
        confusion = self.confusion
        scores = {
            "accuracy": metrics.accuracy(confusion),
            "macro_f1": metrics.macro_f1(confusion),
            "balanced_accuracy": metrics.balanced_accuracy(confusion),
            "mcc": metrics.matthews_correlation(confusion),
        }
        if len(self.shares) == 2:
            scores["f1"] = metrics.label_f1(confusion)[1]
            scores["precision"] = metrics.label_precision(confusion)[1]
            scores["recall"] = metrics.label_recall(confusion)[1]
        return {name: float(value) for name, value in scores.items()}


def binary_cells() -> Iterator[Cell]:
    """The grid of two labels."""
    for share, accuracy, rows in product(POSITIVE_SHARES, ACCURACIES, ROWS):
        yield Cell((1 - share, share), accuracy, rows)


def many_label_cells() -> Iterator[Cell]:
    """A smaller grid of more labels."""
    for num_labels, accuracy, rows in product(LABEL_COUNTS, (0.6, 0.8, 0.95), (200, 1000)):
        yield Cell((1 / num_labels,) * num_labels, accuracy, rows)


def coverage(cell: Cell, sets: int) -> dict[str, float]:
    """The share of simulated test sets whose interval holds the true score, by score."""
    truth = cell.true_scores()
    num_labels = len(cell.shares)
    label_set = LabelSet(tuple(f"label {index}" for index in range(num_labels)))
    random = np.random.Generator(np.random.PCG64([num_labels, cell.rows, round(1000 * cell.accuracy)]))
    held = dict.fromkeys(truth, 0)
    for _ in range(sets):
        kinds = random.multinomial(cell.rows, cell.confusion.ravel())
        label_ids, predicted_ids = np.divmod(np.repeat(np.arange(num_labels**2), kinds), num_labels)
        evaluation = evaluate(
            np.eye(num_labels)[predicted_ids] * SURE,
            label_ids,
            label_set=label_set,
            positive_id=1 if num_labels == 2 else None,
        )
        for name, value in truth.items():
            score = evaluation.scores[name]
            held[name] += score.low - 1e-12 <= value <= score.high + 1e-12
    return {name: count / sets for name, count in held.items()}


def table(cells: list[Cell], *, sets: int, workers: int) -> dict[Cell, dict[str, float]]:
    """Coverage of every cell, printed as it comes."""
    print("labels  smallest share  accuracy   rows  " + "  ".join(f"{name:>9.9}" for name in SCORES))
    found = {}
    with ProcessPoolExecutor(workers) as pool:
        for cell, covered in zip(cells, pool.map(coverage, cells, [sets] * len(cells)), strict=True):
            found[cell] = covered
            told = "  ".join(f"{covered[name]:9.3f}" if name in covered else " " * 9 for name in SCORES)
            mark = "" if cell.judged else "  (shown, not judged)"
            print(
                f"{len(cell.shares):6}  {min(cell.shares):14.2f}  {cell.accuracy:8.2f}  {cell.rows:5}  {told}{mark}",
                flush=True,
            )
    return found


def summary(found: dict[Cell, dict[str, float]]) -> list[str]:
    """Mean coverage of each score over the judged cells, and the cells outside of the bars."""
    judged = {cell: covered for cell, covered in found.items() if cell.judged}
    lines = []
    for name in SCORES:
        values = [covered[name] for covered in judged.values() if name in covered]
        if values:
            lines.append(
                f"{name}: mean {np.mean(values):.4f}, lowest {min(values):.4f}, highest {max(values):.4f}"
            )
    for cell, covered in judged.items():
        low, high = (0.93, 0.975) if cell.rows >= 200 else (0.92, 1.0)
        outside = [f"{name} {value:.3f}" for name, value in covered.items() if not low <= value <= high]
        if outside:
            where = f"{len(cell.shares)} labels, smallest share {min(cell.shares):.2f}, accuracy {cell.accuracy}, {cell.rows} rows"
            lines.append(f"outside {low:.3f}-{high:.3f}: {where}: {', '.join(outside)}")
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Both tables and what they come to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=SETS, help="simulated test sets per cell")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    for title, cells in (
        ("Two labels", list(binary_cells())),
        ("More labels (bootstrap)", list(many_label_cells())),
    ):
        print(f"\n{title}: coverage of the 95 % intervals, {options.sets} test sets per cell")
        print("\n".join(summary(table(cells, sets=options.sets, workers=options.workers))), flush=True)


if __name__ == "__main__":
    main()
