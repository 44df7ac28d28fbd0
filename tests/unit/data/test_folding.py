from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertsmith.data.example import Dataset, Example, Origin
from bertsmith.data.folding import fold_numbers
from bertsmith.errors import ConfigError, EmptySplit


def dataset_of(rows: list[tuple[str, str]]) -> Dataset:
    return Dataset(
        tuple(Example(text, label, Origin("rows.csv", line)) for line, (text, label) in enumerate(rows, 2))
    )


def numbered(count: int, *, label: str) -> list[tuple[str, str]]:
    return [(f"{label} text {number}", label) for number in range(count)]


def test_rows_of_one_key_share_a_fold() -> None:
    rows = dataset_of([(f"text {n}", f"label {n % 2}") for n in range(40)])
    keys = [str(n // 4) for n in range(40)]
    numbers = fold_numbers(rows, num_folds=5, split_seed=0, group_keys=keys)
    assert all(len(set(numbers[start : start + 4])) == 1 for start in range(0, 40, 4))
    assert set(numbers) == set(range(5))


def test_every_label_is_spread_evenly():
    dataset = dataset_of(numbered(53, label="yes") + numbered(21, label="no"))

    folds = fold_numbers(dataset, num_folds=5, split_seed=42)

    labels = np.array(dataset.labels)
    assert sorted(np.bincount(folds[labels == "yes"])) == [10, 10, 11, 11, 11]
    assert sorted(np.bincount(folds[labels == "no"])) == [4, 4, 4, 4, 5]


def test_rows_of_one_text_share_a_fold_whatever_their_case_and_label():
    rows = numbered(20, label="yes") + numbered(20, label="no") + [("Same  text", "yes"), ("same text", "no")]

    folds = fold_numbers(dataset_of(rows), num_folds=5, split_seed=42)

    assert folds[-1] == folds[-2]


@given(st.permutations(range(30)))
def test_the_order_of_the_rows_changes_nothing(order: list[int]):
    rows = numbered(15, label="yes") + numbered(15, label="no")
    folds = fold_numbers(dataset_of(rows), num_folds=3, split_seed=1)
    shuffled = fold_numbers(dataset_of([rows[index] for index in order]), num_folds=3, split_seed=1)

    assert (shuffled == folds[order]).all()


def test_another_seed_gives_other_folds():
    dataset = dataset_of(numbered(40, label="yes") + numbered(40, label="no"))

    assert (
        fold_numbers(dataset, num_folds=5, split_seed=1) != fold_numbers(dataset, num_folds=5, split_seed=2)
    ).any()


def test_a_label_with_fewer_texts_than_folds_is_refused_with_the_number_that_works():
    rows = numbered(20, label="yes") + numbered(3, label="no") + [("no text 0", "no")]

    with pytest.raises(EmptySplit, match="'no' has 3 different texts, too few for 5 folds. Give --folds 3"):
        fold_numbers(dataset_of(rows), num_folds=5, split_seed=42)


def test_one_fold_is_refused():
    with pytest.raises(ConfigError, match="at least 2 folds"):
        fold_numbers(dataset_of(numbered(5, label="yes")), num_folds=1, split_seed=42)
