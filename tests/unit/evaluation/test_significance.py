import numpy as np
import pytest
from scipy.stats import fisher_exact

from bertsmith.evaluation.significance import learning_p_value, macro_f1_permutation, mcnemar


def test_mcnemar_is_a_sign_test_of_the_rows_where_one_is_right():
    # 8 rows for the first, 2 for the second: 2 · (1 + 10 + 45) / 2¹⁰
    right = np.array([1] * 8 + [0] * 2 + [1] * 50, bool)
    other = np.array([0] * 8 + [1] * 2 + [1] * 50, bool)
    assert mcnemar(right, other) == pytest.approx(112 / 1024)


def test_mcnemar_of_equal_predictors_is_one():
    assert mcnemar(np.array([True, False]), np.array([True, False])) == 1.0


def test_two_labels_are_tested_by_fishers_exact_test():
    true, predicted = np.repeat([0, 0, 1, 1], [12, 5, 6, 14]), np.repeat([0, 1, 0, 1], [12, 5, 6, 14])
    expected = fisher_exact([[12, 5], [6, 14]], alternative="greater").pvalue
    assert learning_p_value(true, predicted, num_labels=2) == pytest.approx(expected)


def test_shuffles_agree_with_fishers_exact_test():
    true, predicted = np.repeat([0, 0, 1, 1], [12, 8, 9, 11]), np.repeat([0, 1, 0, 1], [12, 8, 9, 11])
    exact = learning_p_value(true, predicted, num_labels=2)
    # A third label that nobody has sends the same rows through the shuffles. Their error is below 0.005.
    assert learning_p_value(true, predicted, num_labels=3) == pytest.approx(exact, abs=0.015)


def test_copied_rows_are_no_further_evidence():
    true, predicted = np.repeat([0, 0, 1, 1], [12, 8, 9, 11]), np.repeat([0, 1, 0, 1], [12, 8, 9, 11])
    once = learning_p_value(true, predicted, num_labels=2)
    copied = learning_p_value(
        np.repeat(true, 6), np.repeat(predicted, 6), num_labels=2, groups=np.repeat(np.arange(40), 6)
    )
    assert copied == pytest.approx(once, abs=0.015)


def test_single_rows_and_groups_are_both_shuffled():
    # 20 single rows and 10 pairs, all right: no shuffle does as well.
    true = np.concatenate([np.tile([0, 1], 10), np.repeat(np.tile([0, 1], 5), 2)])
    groups = np.concatenate([np.arange(20), np.repeat(np.arange(20, 30), 2)])
    assert learning_p_value(true, true, num_labels=2, groups=groups) == pytest.approx(1 / 10_001)


def test_a_constant_prediction_is_no_evidence_of_learning():
    assert learning_p_value(np.arange(60) % 3, np.zeros(60, int), num_labels=3) == 1.0


def test_rare_labels_that_are_found_twice_as_often_as_by_chance_are_evidence_of_learning():
    cells = np.array([[36, 22, 22], [4, 6, 0], [5, 0, 5]])
    true, predicted = (np.repeat(ids.ravel(), cells.ravel()) for ids in np.indices((3, 3)))
    # Of all rows hardly more than by chance are right.
    assert learning_p_value(true, predicted, num_labels=3) < 0.01


def test_the_level_holds_when_nothing_was_learned():
    random = np.random.default_rng(5)
    found = sum(
        learning_p_value(random.integers(3, size=60), random.integers(3, size=60), num_labels=3) < 0.05
        for _ in range(100)
    )
    # 5 of 100 expected; more than 13 happens once in two thousand.
    assert found <= 13


def test_the_paired_test_finds_a_clear_difference():
    true = np.tile([0, 1, 2], 60)
    poor = np.where(np.arange(180) % 4 == 0, (true + 1) % 3, true)
    # 45 rows for the first and none for the second: no coin of 10,000 does as well.
    assert macro_f1_permutation(true, true, poor, num_labels=3) == pytest.approx(1 / 10_001)


def test_the_paired_test_agrees_with_mcnemar_on_balanced_rows():
    true = np.repeat([0, 1], 100)
    first, second = true.copy(), true.copy()
    first[[0, 1, 2, 100, 101, 102]] = 1 - first[[0, 1, 2, 100, 101, 102]]
    wrong = [10, 11, 12, 13, 14, 15, 110, 111, 112, 113, 114, 115]
    second[wrong] = 1 - second[wrong]
    # Exact McNemar of 12 against 6: 2 · P(B(18, ½) ≥ 12) = 0.238.
    expected = mcnemar(first == true, second == true)
    assert macro_f1_permutation(true, first, second, num_labels=2) == pytest.approx(expected, abs=0.03)


def test_the_paired_test_of_equal_predictions_is_one():
    true = np.tile([0, 1], 10)
    assert macro_f1_permutation(true, true, true, num_labels=2) == 1.0


def test_groups_are_swapped_together():
    true = np.tile([0, 1], 20)
    poor = true.copy()
    poor[:20] = 1 - poor[:20]
    groups = np.where(np.arange(40) < 20, 0, np.arange(40))
    # All differing rows are one group: swapped or not, the difference has the same size.
    assert macro_f1_permutation(true, true, poor, num_labels=2, groups=groups) == 1.0
