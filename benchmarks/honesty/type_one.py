"""How often does a test call something real that is not? Predictors and labels without any true difference or dependence.

Paired test: two predictors that are right equally often, on the same rows with the same probability, so that the truth is
"no difference". Learning test: predictions that know nothing of the labels, so that the truth is "not learned".

    python -m benchmarks.honesty.type_one [--sets 2000] [--workers 2]
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bertsmith.diagnosis.verdict import TEST_LEVEL, VALIDATION_LEVEL
from bertsmith.evaluation.significance import learning_p_value, macro_f1_permutation

SETS = 2000
ROWS = (50, 200, 1000)
PAIRED_LEVEL = 0.05
PAIRED_BAR = 0.055


def noisy(
    label_ids: NDArray[np.int64], *, accuracy: float, num_labels: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Predictions that are right with this probability and otherwise any other label."""
    other = (label_ids + random.integers(1, num_labels, len(label_ids))) % num_labels
    return np.where(random.random(len(label_ids)) < accuracy, label_ids, other)


def paired_rate(*, num_labels: int, accuracy: float, agreement: float, rows: int, sets: int) -> float:
    """The share of sets in which two equally good predictors are called different.

    Args:
        num_labels: of equal share.
        accuracy: of both predictors.
        agreement: share of the rows on which the second copies the first.
        rows: rows of a set.
        sets: how many sets.
    """
    random = np.random.Generator(
        np.random.PCG64([num_labels, rows, round(100 * accuracy), round(100 * agreement)])
    )
    called = 0
    for _ in range(sets):
        label_ids = random.integers(num_labels, size=rows)
        first = noisy(label_ids, accuracy=accuracy, num_labels=num_labels, random=random)
        second = noisy(label_ids, accuracy=accuracy, num_labels=num_labels, random=random)
        second = np.where(random.random(rows) < agreement, first, second)
        called += macro_f1_permutation(label_ids, first, second, num_labels=num_labels) < PAIRED_LEVEL
    return called / sets


def learning_rates(
    *, shares: tuple[float, ...], said: tuple[float, ...], rows: int, sets: int
) -> tuple[float, float]:
    """The shares of sets in which predictions made without looking pass the test level, and the validation level."""
    random = np.random.Generator(np.random.PCG64([len(shares), rows, round(100 * shares[0])]))
    p_values = np.array(
        [
            learning_p_value(
                random.choice(len(shares), size=rows, p=shares),
                random.choice(len(said), size=rows, p=said),
                num_labels=len(shares),
            )
            for _ in range(sets)
        ]
    )
    return float((p_values < TEST_LEVEL).mean()), float((p_values < VALIDATION_LEVEL).mean())


def main(arguments: list[str] | None = None) -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=SETS, help="simulated test sets per cell")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    with ProcessPoolExecutor(options.workers) as pool:
        print_paired(pool, sets=options.sets)
        print_learning(pool, sets=options.sets)


def print_paired(pool: ProcessPoolExecutor, *, sets: int) -> None:
    """The paired test's table."""
    print(
        f"\nPaired test of macro-F1 at {PAIRED_LEVEL:.0%}: called different though equal, {sets} sets per cell"
    )
    print("labels  accuracy  agreement   rows   rate")
    cells = list(product((2, 5), (0.6, 0.9), (0.0, 0.7), ROWS))
    asked = [
        pool.submit(
            paired_rate, num_labels=num_labels, accuracy=accuracy, agreement=agreement, rows=rows, sets=sets
        )
        for num_labels, accuracy, agreement, rows in cells
    ]
    rates = []
    for (num_labels, accuracy, agreement, rows), answer in zip(cells, asked, strict=True):
        rates.append(answer.result())
        print(f"{num_labels:6}  {accuracy:8.2f}  {agreement:9.2f}  {rows:5}  {rates[-1]:.4f}", flush=True)
    print(f"mean {np.mean(rates):.4f}, highest {max(rates):.4f}; the bar for the mean is {PAIRED_BAR}")


def print_learning(pool: ProcessPoolExecutor, *, sets: int) -> None:
    """The learning test's table."""
    print(f"\nLearning test: called learned though nothing was looked at, {sets} sets per cell")
    print(f"labels  largest share   rows  below {TEST_LEVEL}  below {VALIDATION_LEVEL}")
    cells = list(product(((0.5, 0.5), (0.9, 0.1), (0.2,) * 5), ROWS))
    asked = [
        pool.submit(learning_rates, shares=shares, said=shares, rows=rows, sets=sets)
        for shares, rows in cells
    ]
    for (shares, rows), answer in zip(cells, asked, strict=True):
        strict, mild = answer.result()
        print(f"{len(shares):6}  {max(shares):13.2f}  {rows:5}  {strict:11.4f}  {mild:10.4f}", flush=True)


if __name__ == "__main__":
    main()
