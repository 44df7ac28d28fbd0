from __future__ import annotations

import math

import pytest

from bertsmith.training.signs import has_diverged, is_collapsed

HALVES = {"yes": 0.5, "no": 0.5}


def shares(yes: float) -> dict[str, float]:
    return {"yes": yes, "no": 1 - yes}


@pytest.mark.parametrize(
    ("predicted", "collapsed"),
    [
        (1.0, True),
        (0.995, True),
        (0.99, True),
        (0.9899, False),
        (0.5, False),
        (0.01, True),
        (0.0102, False),
        (0.0, True),
    ],
)
def test_a_label_given_to_99_percent_of_balanced_rows_is_a_collapse(
    *, predicted: float, collapsed: bool
) -> None:
    assert is_collapsed(shares(predicted), HALVES) is collapsed


@pytest.mark.parametrize(
    ("true", "collapsed"),
    [
        (0.9700, True),  # 0.995 - 0.970 = 0.025
        (0.9740, True),  # 0.021
        (0.9760, False),  # 0.019
        (0.9950, False),  # 995 of 1,000 rows truly have the label
    ],
)
def test_a_label_that_most_rows_truly_have_is_no_collapse(*, true: float, collapsed: bool) -> None:
    assert is_collapsed(shares(0.995), shares(true)) is collapsed


def test_a_single_predicted_label_is_a_collapse_whatever_the_truth() -> None:
    assert is_collapsed(shares(1.0), shares(0.995))


def test_a_single_predicted_label_is_a_collapse_where_the_others_are_not_named() -> None:
    assert is_collapsed({"yes": 1.0}, HALVES)


def test_a_collapse_onto_a_label_that_no_row_has_is_a_collapse() -> None:
    assert is_collapsed({"other": 0.995, "yes": 0.005}, HALVES)


def test_rows_of_one_true_label_cannot_show_a_collapse() -> None:
    assert not is_collapsed(shares(1.0), {"yes": 1.0, "no": 0.0})


def test_two_of_many_labels_predicted_is_no_collapse() -> None:
    true = dict.fromkeys("abcdefghij", 0.1)

    assert not is_collapsed(dict.fromkeys("abcdefghij", 0.0) | {"a": 0.6, "b": 0.4}, true)


def test_of_many_labels_one_for_99_percent_of_the_rows_is_a_collapse() -> None:
    true = dict.fromkeys("abcdefghij", 0.1)

    assert is_collapsed(dict.fromkeys("abcdefghij", 0.0) | {"a": 0.995, "b": 0.005}, true)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_value_that_is_no_finite_number_is_a_divergence(value: float) -> None:
    assert has_diverged([0.5, value, 0.6])


def test_large_finite_values_are_no_divergence() -> None:
    assert not has_diverged([0.0, -1.0, 1e300])
