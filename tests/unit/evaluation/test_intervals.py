import numpy as np
import pytest
from scipy.stats import beta

from bertsmith.evaluation.intervals import (
    drawn_scores,
    effective_rows,
    f1_score,
    loss_score,
    macro_f1_difference,
    share_score,
    wilson,
)
from bertsmith.evaluation.metrics import accuracy, macro_f1, matthews_correlation
from bertsmith.evaluation.resampling import has_duplicates


def rows_of(confusion):
    """Label ids and predicted ids that make this confusion matrix."""
    cells = np.repeat(np.arange(np.size(confusion)), np.ravel(confusion))
    return cells // len(confusion), cells % len(confusion)


def test_wilson_gives_the_published_interval():
    # 809 right of 1,368: centre (0.59137 + 1.9208/1368) / 1.002808, half width 0.0260.
    low, high = wilson(809, 1368)
    assert (round(low, 3), round(high, 3)) == (0.565, 0.617)


def test_wilson_of_no_success_starts_at_zero_and_leaves_room():
    low, high = wilson(0, 10)
    # z² / (n + z²) = 3.8415 / 13.8415
    assert (low, round(high, 4)) == (0.0, 0.2775)


def test_wilson_of_no_rows_knows_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_f1_is_wilson_on_the_jaccard_share():
    truly, predicted = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool)
    score = f1_score(truly, predicted)
    low, high = wilson(2, 4)
    assert score.value == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert (score.low, score.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


def test_copies_do_not_narrow_the_f1_interval():
    truly, predicted = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool)
    once = f1_score(truly, predicted)
    copied = f1_score(np.repeat(truly, 8), np.repeat(predicted, 8), groups=np.repeat(np.arange(5), 8))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


def test_ten_copies_of_each_row_are_worth_one_row():
    groups = np.repeat(np.arange(30), 10)
    everything = np.ones(300, bool)
    assert effective_rows(groups, everything) == pytest.approx(30)
    # One of each ten: nothing is there twice.
    assert effective_rows(groups, np.arange(300) % 10 == 0) == pytest.approx(30)
    assert share_score(groups < 15, among=everything, groups=groups).low == pytest.approx(wilson(15, 30)[0])


def test_rows_that_are_each_their_own_group_hold_no_duplicates():
    assert not has_duplicates(np.arange(5))
    assert has_duplicates(np.array([0, 1, 1]))


def test_the_loss_interval_is_that_of_a_mean():
    # The standard deviation of 0 and 1 is √½, so the standard error of their mean is ½.
    assert loss_score(np.array([0.0, 1.0])).high == pytest.approx(0.5 + 1.96 * 0.5, abs=1e-3)


def test_copies_do_not_narrow_the_loss_interval():
    losses = np.random.default_rng(0).exponential(size=40)
    once = loss_score(losses)
    copied = loss_score(np.repeat(losses, 5), groups=np.repeat(np.arange(40), 5))
    assert copied.high - copied.low == pytest.approx(once.high - once.low)


def test_copies_do_not_narrow_a_drawn_interval():
    true, predicted = rows_of([[30, 10], [8, 32]])
    once = drawn_scores({"f1": macro_f1}, true, predicted, num_labels=2)["f1"]
    copied = drawn_scores(
        {"f1": macro_f1},
        np.repeat(true, 4),
        np.repeat(predicted, 4),
        num_labels=2,
        groups=np.repeat(np.arange(80), 4),
    )["f1"]
    # Counted as 320 separate rows the interval would be half as wide.
    assert copied.high - copied.low > 0.85 * (once.high - once.low)


def test_the_same_rows_give_the_same_interval():
    true, predicted = rows_of([[20, 3, 1], [4, 15, 2], [0, 5, 9]])
    first, second = (drawn_scores({"f1": macro_f1}, true, predicted, num_labels=3) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("labels", [2, 5])
def test_a_faultless_matrix_does_not_claim_certainty(labels):
    true, predicted = rows_of(np.diag([6] * labels))
    score = drawn_scores({"mcc": matthews_correlation}, true, predicted, num_labels=labels)["mcc"]
    assert score.value == score.high == 1.0
    assert score.low < 0.95


def test_a_faultless_matrix_of_copies_claims_no_more_than_its_groups_do():
    true = np.repeat([0, 1, 2], 60)
    score = drawn_scores({"f1": macro_f1}, true, true, num_labels=3, groups=np.arange(180) // 10)["f1"]
    assert score.low == pytest.approx(wilson(18, 18)[0])


def test_a_drawn_accuracy_agrees_with_wilson():
    true, predicted = rows_of([[120, 30, 10], [25, 90, 5], [10, 20, 90]])
    drawn = drawn_scores({"accuracy": accuracy}, true, predicted, num_labels=3)["accuracy"]
    # 300 of 400 rows; two methods for the same share differ by far less than its half width of 0.042.
    assert (drawn.low, drawn.high) == pytest.approx(wilson(300, 400), abs=0.008)


def test_the_drawn_accuracy_of_few_rows_has_half_a_row_more_in_every_cell():
    true, predicted = rows_of([[10, 2], [1, 7]])
    drawn = drawn_scores({"accuracy": accuracy}, true, predicted, num_labels=2)["accuracy"]
    # 17 right and 3 wrong, two cells each: the right share is drawn from Beta(17 + 1, 3 + 1).
    assert (drawn.low, drawn.high) == pytest.approx(beta.ppf([0.025, 0.975], 18, 4), abs=0.015)


@pytest.mark.parametrize("labels", [2, 3])
def test_the_macro_f1_interval_holds_the_truth_about_as_often_as_it_says(labels):
    random = np.random.default_rng(labels)
    # 70 % on the diagonal, the rest spread evenly, and the macro-F1 that this law has.
    law = np.full((labels, labels), 0.3 / (labels - 1)) + np.eye(labels) * (0.7 - 0.3 / (labels - 1))
    truth = macro_f1(law)
    held = 0
    for _ in range(200):
        true, predicted = rows_of(random.multinomial(120, law.ravel() / labels).reshape(labels, labels))
        score = drawn_scores({"f1": macro_f1}, true, predicted, num_labels=labels)["f1"]
        held += score.low <= truth <= score.high
    # 95 % of 200 is 190; below 178 or above 199 happens to an honest interval once in a thousand.
    assert 178 <= held <= 199


def test_a_difference_is_positive_where_the_first_is_better():
    true = np.repeat([0, 1], 100)
    good, poor = (
        np.where(np.arange(200) % 10 == 0, 1 - true, true),
        np.where(np.arange(200) % 3 == 0, 1 - true, true),
    )
    difference = macro_f1_difference(true, good, poor, num_labels=2)
    # 20 wrong against 67 wrong rows, spread over both labels: about 0.90 − 0.665.
    assert difference.value == pytest.approx(0.235, abs=0.003)
    assert 0.1 < difference.low < difference.value < difference.high < 0.35


def test_copies_do_not_narrow_the_interval_of_a_difference():
    true, predicted = rows_of([[32, 8], [10, 30]])
    rows = (true, predicted, np.where(np.arange(80) % 5 == 0, 1 - true, true))
    once = macro_f1_difference(*rows, num_labels=2)
    groups = np.repeat(np.arange(80), 6)
    copied = macro_f1_difference(*(np.repeat(row, 6) for row in rows), num_labels=2, groups=groups)
    assert copied.high - copied.low > 0.85 * (once.high - once.low)


def test_a_predictor_does_not_differ_from_itself():
    true, predicted = rows_of([[20, 3, 1], [4, 15, 2], [0, 5, 9]])
    difference = macro_f1_difference(true, predicted, predicted, num_labels=3)
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)
