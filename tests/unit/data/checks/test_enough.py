from __future__ import annotations

import math

from tests.checked_rows import rows_of

from bertsmith.data.checks.enough import (
    find_absent_labels,
    find_what_can_be_shown,
    half_width,
    smallest_difference,
)


def test_a_label_without_test_rows_is_told() -> None:
    train = [("one", "a"), ("two", "b"), ("three", "c")]
    (finding,) = find_absent_labels(rows_of(train, test=[("four", "a"), ("five", "b")]))
    assert (finding.code, finding.rows) == ("D013", ("train.csv:4",))
    assert find_absent_labels(rows_of(train, test=train)) == []


def test_a_hundred_rows_know_an_accuracy_to_ten_points() -> None:
    # 1.96 × √(0.5 × 0.5 / 100) = 0.098, and of 0.9: 1.96 × √(0.09 / 100) = 0.0588.
    assert math.isclose(half_width(100), 0.098)
    assert math.isclose(half_width(100, 0.9), 0.0588)


def test_the_smallest_difference_is_that_of_mcnemars_test() -> None:
    # With 500 rows a fifth disagree: 100. 60 against 40 are 4 points: (60 − 40)² / 100 = 4 > 3.84; 59 against 41 are 3.6: 3.24.
    assert 0.036 < smallest_difference(500) < 0.04


def test_few_test_rows_are_a_warning_and_a_hundred_a_note() -> None:
    train = [(f"text {n}", "ab"[n % 2]) for n in range(40)]
    found = [
        find_what_can_be_shown(rows_of(train, test=[(f"test {n}", "ab"[n % 2]) for n in range(size)]))[0]
        for size in (99, 100)
    ]
    assert [finding.severity for finding in found] == ["warning", "info"]
    assert "± 9.8 points" in found[1].effect


def test_without_test_rows_nothing_is_said() -> None:
    assert find_what_can_be_shown(rows_of([("one", "a"), ("two", "b")])) == []
