from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2
from sklearn.metrics import roc_auc_score
from tests.checked_rows import rows_of

from bertsmith.data.checks.drift import (
    area_under_curve,
    chi_square_tail,
    find_label_drift,
    find_length_drift,
    find_separable_file,
    find_word_drift,
)
from bertsmith.data.checks.rows import Check

TOWN = [
    "the",
    "a",
    "soup",
    "waiter",
    "table",
    "menu",
    "was",
    "is",
    "good",
    "bad",
    "slow",
    "fast",
    "warm",
    "cold",
    "never",
    "again",
]
SEA = [
    "the",
    "a",
    "ship",
    "harbour",
    "sail",
    "wave",
    "was",
    "is",
    "good",
    "bad",
    "slow",
    "fast",
    "salt",
    "storm",
    "never",
    "again",
]
CHECKS = (find_length_drift, find_label_drift, find_word_drift, find_separable_file)
Rows = list[tuple[str, str]]


def drawn(seed: int, *, words: list[str] = TOWN, length: int = 12, share: float = 0.5) -> Rows:
    """400 rows of words at random, so many of them positive."""
    draw = random.Random(seed)
    return [
        (
            " ".join(draw.choices(words, k=draw.randint(length - 4, length + 4))),
            "pos" if draw.random() < share else "neg",
        )
        for _ in range(400)
    ]


@pytest.mark.parametrize("check", CHECKS)
def test_a_file_from_the_same_place_has_not_drifted(check: Check) -> None:
    assert check(rows_of(drawn(0), test=drawn(1))) == []


@pytest.mark.parametrize(
    ("check", "code", "test"),
    [
        (find_length_drift, "D034", drawn(1, length=16)),
        (find_label_drift, "D035", drawn(1, share=0.8)),
        (find_word_drift, "D036", drawn(1, words=SEA)),
        (find_separable_file, "D037", drawn(1, words=SEA)),
    ],
)
def test_a_file_from_elsewhere_has_drifted(check: Check, code: str, test: Rows) -> None:
    (finding,) = check(rows_of(drawn(0), test=test))
    assert (finding.code, finding.severity) == (code, "warning")


def test_the_words_that_tell_a_file_from_train_are_for_the_console_alone() -> None:
    (finding,) = find_separable_file(rows_of(drawn(0), test=drawn(1, words=SEA)))
    assert any(word in finding.shown[0] for word in SEA)
    assert not any(f"'{word}'" in str(finding.to_json()) for word in (*SEA, *TOWN))


@pytest.mark.parametrize(
    ("check", "test"),
    [
        (find_length_drift, drawn(1, length=13)),
        (find_label_drift, drawn(1, share=0.55)),
        (find_word_drift, drawn(1, words=[*TOWN * 2, "ship"])),
        (find_separable_file, drawn(1, words=[*TOWN * 8, "ship"])),
    ],
)
def test_a_small_difference_is_no_drift(check: Check, test: Rows) -> None:
    assert check(rows_of(drawn(0), test=test)) == []


@pytest.mark.parametrize("check", CHECKS)
def test_splits_that_were_cut_are_not_looked_at(check: Check) -> None:
    assert check(rows_of(drawn(0), test=drawn(1, words=SEA, length=20, share=0.9), is_given=False)) == []


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=30), st.lists(st.integers(0, 5), min_size=1, max_size=30)
)
def test_the_area_under_the_curve_equals_scikit_learns(negative: list[int], positive: list[int]) -> None:
    truth = [0] * len(negative) + [1] * len(positive)
    expected = roc_auc_score(truth, negative + positive)
    assert math.isclose(
        area_under_curve(np.array(negative, float), np.array(positive, float)), expected, abs_tol=1e-12
    )


@pytest.mark.parametrize("degrees", [1, 2, 10, 76])
@pytest.mark.parametrize("deviations", [0.0, 1.0, 3.0, 5.0])
def test_the_chi_square_tail_is_near_the_exact_one(degrees: int, deviations: float) -> None:
    statistic = degrees + deviations * math.sqrt(2 * degrees)
    exact = chi2.sf(statistic, degrees)
    assert math.isclose(chi_square_tail(statistic, degrees), exact, rel_tol=0.15)
