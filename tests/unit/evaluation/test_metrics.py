import math

import numpy as np
import pytest

from bertsmith.evaluation import metrics


def test_a_stack_of_matrices_scores_each_of_them():
    perfect, inverted = np.array([[3, 0], [0, 1]]), np.array([[0, 3], [1, 0]])
    assert metrics.macro_f1(np.stack([perfect, inverted])).tolist() == [1.0, 0.0]


def test_a_label_that_occurs_nowhere_does_not_lower_the_macro_average():
    # Labels 0 and 1 are faultless, label 2 has neither a true nor a predicted row.
    assert metrics.macro_f1(np.diag([4, 2, 0])) == 1.0


def test_a_label_that_is_only_predicted_counts_as_zero():
    # Label 0: recall ½, precision 1, F1 2/3. Label 1: only wrong predictions, F1 0. Mean 1/3.
    assert metrics.macro_f1(np.array([[1, 1], [0, 0]])) == pytest.approx(1 / 3)


def test_saying_one_label_always_has_balanced_accuracy_one_over_the_labels():
    assert metrics.balanced_accuracy(np.array([[90, 0, 0], [9, 0, 0], [1, 0, 0]])) == pytest.approx(1 / 3)


def test_correlation_of_a_constant_prediction_is_zero():
    assert metrics.matthews_correlation(np.array([[5, 0], [5, 0]])) == 0.0


def test_huge_logits_do_not_overflow_the_loss():
    # The true label trails by 1,000: the loss is 1,000 nats.
    assert metrics.mean_loss(np.array([[1000.0, 0.0]]), np.array([1])) == pytest.approx(1000.0)


def test_equal_logits_lose_the_logarithm_of_the_labels():
    assert metrics.mean_loss(np.zeros((3, 4)), np.array([0, 1, 3])) == pytest.approx(math.log(4))


def test_sure_and_right_predictions_tell_all_there_is_to_tell():
    label_ids = np.repeat([0, 1], [90, 10])
    assert metrics.information(np.eye(2)[label_ids] * 50, label_ids) == pytest.approx(1.0)


def test_log_probabilities_come_back_unchanged():
    log_probabilities = np.log([[0.2, 0.8], [0.5, 0.5]])
    assert metrics.log_probabilities(log_probabilities) == pytest.approx(log_probabilities)
