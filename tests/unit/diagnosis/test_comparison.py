"""A model beside its bag of words: what is significant, and when more rows would tell the two apart."""

from __future__ import annotations

import pytest
from tests.unit.diagnosis.test_verdict import evidence, scored, wrong_each

from bertsmith.diagnosis.comparison import Comparison
from bertsmith.diagnosis.verdict import judge
from bertsmith.evaluation.intervals import Score


@pytest.mark.parametrize(("p_value", "significant"), [(0.08, False), (0.05, False), (0.049, True)])
def test_a_difference_that_chance_has_once_in_twenty_cases_is_not_significant(
    p_value: float, significant: bool
):
    comparison = Comparison(100, Score(0.03, -0.01, 0.07), p_value=p_value, mcnemar_p_value=0.01)

    assert comparison.significant is significant


def test_the_rows_needed_grow_with_the_square_of_the_interval():
    # Half the interval is three times the difference: nine times the rows.
    needed = Comparison(100, Score(0.02, -0.04, 0.08), p_value=0.5, mcnemar_p_value=0.5).rows_needed

    assert needed is not None and 900 <= needed <= 901


def test_where_a_difference_could_only_be_too_small_to_matter_no_more_rows_are_asked_for():
    # 500 wrong rows of 10,000 for the model and 556 for its rival: better by at most 1.2 points of macro-F1.
    told = judge(evidence(wrong_each(20, 10_000), bag_of_words=wrong_each(18, 10_000, start=3))).sentence

    assert "no better than the bag of words" in told and "would show it" not in told


def test_where_a_thousand_times_the_rows_would_be_needed_none_are_asked_for():
    # A quarter of the rows wrong on each side, none of them the same, and one row more right for the model:
    # 0.17 points, with half an interval of 5.6.
    rows, rival = wrong_each(4), wrong_each(4, start=2)
    predicted = rows.predicted_ids.copy()
    predicted[0] = rows.label_ids[0]

    told = judge(evidence(scored(rows.label_ids, predicted), bag_of_words=rival)).sentence

    assert "cannot be told apart from the bag of words" in told and "would show it" not in told
