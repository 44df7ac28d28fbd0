"""Tables of known predictions, averaged and named in every way that cards do it: none may turn failure into success or back."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_recall_fscore_support

from bertsmith.diagnosis.printed_table import read_table
from bertsmith.diagnosis.published import judge_published

TABLES = 400
AVERAGES = ("binary", "macro", "weighted", "macro F1 beside one label's precision and recall")


@dataclass(frozen=True)
class Simulated:
    """A table, and the true gain of its best epoch."""

    text: str
    averages: str
    gain: float


def simulate(random: np.random.Generator) -> Simulated:
    """One to five epochs of a model that knows nothing, something or much, on two to ten labels; now and then a gap."""
    num_labels, rows = (
        int(random.choice([2, 2, 2, 3, 5, 10])),
        int(random.choice([100, 277, 500, 1000, 1821])),
    )
    averages = str(random.choice(AVERAGES if num_labels == 2 else AVERAGES[1:3]))
    shares = np.maximum(random.dirichlet(np.full(num_labels, random.choice([2, 50]))), 0.05)
    shares /= shares.sum()
    truth = random.choice(num_labels, rows, p=shares)
    knows = random.uniform(*((0, 0.02), (0.5, 0.95))[int(random.integers(2))])
    lines, gains = [], []
    for number in range(1, int(random.integers(1, 6)) + 1):
        guessed = np.where(random.random(rows) < knows, truth, random.choice(num_labels, rows, p=shares))
        said = np.full(rows, random.integers(num_labels)) if random.random() < 0.25 else guessed
        gains.append((balanced_accuracy_score(truth, said) - 1 / num_labels) / (1 - 1 / num_labels))
        cells = [f"{value:.4f}" for value in scores(truth, said, averages=averages)]
        if random.random() < 0.05:
            cells[int(random.integers(4))] = ""
        sure = max(0.02, 1 / num_labels + (1 - 1 / num_labels) * max(0.0, gains[-1]))
        lines.append(f"| {number} | {-math.log(sure) * random.uniform(1, 1.03):.4f} | {' | '.join(cells)} |")
    word = {"macro": "Macro ", "weighted": "Weighted "}.get(averages, "") if random.random() < 0.5 else ""
    header = f"| Epoch | Validation Loss | {word}F1 | Accuracy | {word}Precision | {word}Recall |\n|---|---|---|---|---|---|\n"
    return Simulated(header + "\n".join(lines), averages, max(gains))


def scores(truth: np.ndarray, said: np.ndarray, *, averages: str) -> tuple[float, float, float, float]:
    """F1, accuracy, precision and recall as a card would have them."""
    mixed = averages == AVERAGES[3]
    how = "binary" if mixed else averages
    precision, recall, f1, _ = precision_recall_fscore_support(truth, said, average=how, zero_division=0)
    if mixed:
        f1 = precision_recall_fscore_support(truth, said, average="macro", zero_division=0)[2]
    return f1, accuracy_score(truth, said), precision, recall


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_no_way_of_averaging_turns_failure_into_success_or_back() -> None:
    random = np.random.Generator(np.random.PCG64(7))
    told: dict[str, Counter[str]] = {averages: Counter() for averages in AVERAGES}
    for _ in range(TABLES):
        table = simulate(random)
        outcome = judge_published(read_table(table.text, name="simulated")).verdict.outcome
        if table.gain <= 0.1:
            assert outcome != "learned", table
        elif table.gain >= 0.4:
            assert outcome in ("learned", "cannot_tell"), table
            told[table.averages][outcome] += 1

    # What can be told is told: weighted averages cannot, and the few gaps in a best epoch.
    for averages, outcomes in told.items():
        share = outcomes["learned"] / outcomes.total()
        assert share == 0 if averages == "weighted" else share > 0.85, (averages, outcomes)
