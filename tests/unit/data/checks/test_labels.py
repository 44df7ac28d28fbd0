from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.checked_rows import rows_of

from bertsmith.data.checks.labels import (
    find_imbalance,
    find_label_lists,
    find_label_twins,
    find_misread_column,
    find_rare_labels,
    find_scale,
    find_single_label,
    find_unseen_labels,
)
from bertsmith.data.checks.rows import Check, RowsToCheck
from bertsmith.data.label_twins import edit_distance, find_twins, fold_label, spelling_by_label


def labelled(counts: dict[str, int]) -> RowsToCheck:
    """So many rows of each label, all of different texts."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    return rows_of([(f"text number {n}", label) for n, label in enumerate(labels)])


@pytest.mark.parametrize(
    ("rare", "kept"),
    [
        *(("Positive", "positive"), ("very_good", "very good"), ("ｇｏｏｄ", "good"), ("cafe\u0301", "café")),
        *(("postive", "positive"), ("poistive", "positive"), ("positivee", "positive"), ("goood", "good")),
        *(("negativ", "negative"), ("netural", "neutral"), ("opsitive", "positive")),
    ],
)
def test_a_label_in_another_spelling_is_a_twin(rare: str, kept: str) -> None:
    assert spelling_by_label({kept: 100, rare: 3, "something else": 50}) == {rare: kept}


@pytest.mark.parametrize(
    ("rare", "kept"),
    [
        *(("irrelevant", "relevant"), ("atypical", "typical"), ("unsafe", "safe"), ("male", "female")),
        *(("class 1", "class 2"), ("group a", "group b"), ("win", "won"), ("late", "rate"), ("5", "4")),
        *(("+", "-"), ("negative", "positive"), ("yes", "no")),
    ],
)
def test_labels_that_mean_other_things_are_no_twins(rare: str, kept: str) -> None:
    assert find_twins({kept: 1000, rare: 3}) == []


def test_a_frequent_label_is_no_typing_error() -> None:
    # 30 of 100 rows are three times what a typing error may have.
    assert find_twins({"contracted": 100, "contrasted": 30}) == []


def test_a_typing_error_goes_to_the_nearest_label() -> None:
    assert spelling_by_label({"positive": 100, "positives": 100, "positivess": 2}) == {
        "positivess": "positives"
    }


@given(st.text(max_size=8), st.text(max_size=8))
def test_the_edit_distance_is_symmetric_and_zero_for_equals(first: str, second: str) -> None:
    distance = edit_distance(first, second, most=9)
    assert distance == edit_distance(second, first, most=9)
    assert (distance == 0) == (first == second)
    assert abs(len(first) - len(second)) <= distance <= max(len(first), len(second))


@given(st.text())
def test_folding_a_label_twice_is_folding_it_once(label: str) -> None:
    assert fold_label(fold_label(label)) == fold_label(label)


PLENTY = {"positive": 60, "negative": 60}
FLAWED_AND_NEARLY: list[tuple[Check, str, str, RowsToCheck, RowsToCheck]] = [
    (find_label_twins, "D018", "warning", labelled(PLENTY | {"postive": 2}), labelled(PLENTY | {"neutral": 2})),
    (find_rare_labels, "D019", "warning", labelled(PLENTY | {"odd": 9}), labelled(PLENTY | {"odd": 10})),
    (find_imbalance, "D020", "warning", labelled({"a": 80, "b": 20}), labelled({"a": 79, "b": 21})),
    (find_imbalance, "D020", "info", labelled({"a": 40, "b": 40, "c": 2}), labelled({"a": 38, "b": 38, "c": 2})),
    (find_single_label, "D021", "error", labelled({"a": 3}), labelled({"a": 3, "b": 1})),
    (find_scale, "D022", "info", labelled(dict.fromkeys("12345", 9)), labelled(dict.fromkeys("1234", 9))),
    (find_scale, "D022", "warning", labelled(dict.fromkeys(("1", "2", "3", "3.5", "4"), 9)), labelled(dict.fromkeys(("1", "2", "3", "nan", "4"), 9))),
    (find_label_lists, "D023", "warning", labelled({"joy": 9, "love": 9, "fear": 9, "joy|love": 3, "fear|joy": 2}), labelled({"joy": 9, "and|or": 9})),
    (find_label_lists, "D023", "warning", labelled({'["a", "b"]': 5, '["a"]': 5}), labelled({'["a"]': 5, '["b"]': 5})),
    (find_misread_column, "D025", "error", labelled({str(n): 1 for n in range(20)}), labelled({str(n): 2 for n in range(10)})),
    (find_misread_column, "D025", "error", labelled({"long words " * 7: 30, "other words " * 7: 30}), labelled(PLENTY)),
]  # fmt: skip


@pytest.mark.parametrize(("check", "code", "severity", "flawed", "nearly"), FLAWED_AND_NEARLY)
def test_the_flaw_is_found_and_what_is_nearly_one_is_not(
    check: Check, code: str, severity: str, flawed: RowsToCheck, nearly: RowsToCheck
) -> None:
    assert [(finding.code, finding.severity) for finding in check(flawed)] == [(code, severity)]
    assert check(nearly) == []


def test_a_label_that_train_lacks_is_an_error_with_its_row() -> None:
    train = [("a good film", "pos"), ("a bad film", "neg")]
    (finding,) = find_unseen_labels(rows_of(train, test=[("a film", "pos"), ("so so", "mixed")]))
    assert (finding.code, finding.severity, finding.rows) == ("D024", "error", ("test.csv:3",))
    assert find_unseen_labels(rows_of(train, test=[("a film", "pos")])) == []


def test_names_with_a_slash_in_them_are_no_lists() -> None:
    assert find_label_lists(labelled({"24/7": 9, "and/or": 9, "yes": 9})) == []
