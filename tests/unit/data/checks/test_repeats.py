from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checked_rows import rows_of

from bertsmith.data.checks.repeats import (
    find_contradictions,
    find_leaked_test,
    find_near_duplicates,
    find_near_leaks,
    find_repeats,
    find_shared_texts,
)
from bertsmith.data.near_duplicates import NearPair, gram_set, jaccard, near_groups, near_pairs

LONG = "the soup was cold and so was the waiter who brought it to our table an hour late"
NEARLY = LONG.replace("cold", "sold")
OTHER = "a superlative botanical garden with lush ferns and immaculate paths around a calming pond"


def test_the_best_possible_accuracy_is_told_with_a_conflict() -> None:
    # Of "same" two rows have one label and one the other: one of four rows must be wrong.
    rows = rows_of([("same", "pos"), ("SAME ", "pos"), ("same", "neg"), ("other", "neg")])
    (finding,) = find_contradictions(rows)
    assert finding.rows == ("train.csv:2", "train.csv:3", "train.csv:4")
    assert "0.7500" in finding.effect
    assert "pos" in finding.shown[0] and "neg" in finding.shown[0]


def test_the_same_text_with_the_same_label_is_no_conflict() -> None:
    assert find_contradictions(rows_of([("same", "pos"), ("same", "pos"), ("same.", "neg")])) == []


def test_the_later_row_of_a_repeat_is_named() -> None:
    (finding,) = find_repeats(rows_of([("same", "pos"), ("other", "neg"), ("Same", "pos")]))
    assert finding.rows == ("train.csv:4",)
    assert find_repeats(rows_of([("same", "pos")], test=[("same", "pos")])) == []


def test_a_shared_text_is_told_with_what_it_may_add() -> None:
    # Half of the test is leaked and half of train has the most frequent label: at most 0.5 × 0.5 = 25 points.
    rows = rows_of([("same", "pos"), ("other", "neg")], test=[("same", "pos"), ("new", "neg")])
    (finding,) = find_shared_texts(rows)
    assert (finding.code, finding.severity, finding.rows) == ("D010", "warning", ("test.csv:2",))
    assert "25.0 points" in finding.effect


def leaked_test(num_leaked: int, num_rows: int, *, is_given: bool = True) -> list[str]:
    """The codes found where so many test rows stand in train."""
    train = [(f"train {n}", "ab"[n % 2]) for n in range(50)]
    test = train[:num_leaked] + [(f"test {n}", "a") for n in range(num_rows - num_leaked)]
    return [finding.code for finding in find_leaked_test(rows_of(train, test=test, is_given=is_given))]


def test_more_than_a_twentieth_of_a_given_test_in_train_is_an_error() -> None:
    assert leaked_test(6, 100) == ["D029"]
    assert leaked_test(5, 100) == []


def test_validation_rows_in_train_are_not_that_error() -> None:
    rows = rows_of([("same", "a"), ("other", "b")], validation=[("same", "a")])
    assert find_leaked_test(rows) == []


def test_a_nearly_equal_text_is_found_with_its_difference_marked() -> None:
    (finding,) = find_near_duplicates(rows_of([(LONG, "neg"), (OTHER, "pos"), (NEARLY, "neg")]))
    assert (finding.code, finding.rows) == ("D027", ("train.csv:4",))
    assert "[-cold-] {+sold+}" in finding.shown[0]


def test_texts_on_one_subject_are_no_near_duplicates() -> None:
    assert (
        find_near_duplicates(rows_of([(LONG, "neg"), ("the soup was cold and so was the tea", "neg")])) == []
    )


def test_a_nearly_equal_text_in_another_split_is_a_leak() -> None:
    rows = rows_of([(LONG, "neg"), (OTHER, "pos")], test=[(NEARLY, "neg"), ("all new", "pos")])
    (finding,) = find_near_leaks(rows)
    assert (finding.code, finding.severity, finding.rows) == ("D028", "warning", ("test.csv:2",))
    assert find_near_duplicates(rows) == []


def changed(text: str, draw: random.Random) -> str:
    """The text with one word changed, dropped, or swapped with the next."""
    words = text.split()
    index = draw.randrange(len(words) - 1)
    kind = draw.randrange(3)
    if kind == 0:
        words[index] = "changed"
    elif kind == 1:
        del words[index]
    else:
        words[index], words[index + 1] = words[index + 1], words[index]
    return " ".join(words)


def test_all_that_brute_force_finds_is_found_and_nothing_else() -> None:
    draw = random.Random(0)
    vocabulary = ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(3, 8))) for _ in range(400)]
    texts = [" ".join(draw.choices(vocabulary, k=20)) for _ in range(300)]
    texts += [changed(text, draw) for text in texts[:100]]
    texts = list(dict.fromkeys(texts))
    grams = list(map(gram_set, texts))
    truth = {
        (first, second)
        for second in range(len(texts))
        for first in range(second)
        if jaccard(grams[first], grams[second]) >= 0.8
    }

    found = {(pair.first, pair.second) for pair in near_pairs(texts)}

    assert len(truth) > 60
    assert found <= truth and len(found) >= 0.95 * len(truth)


@settings(max_examples=50)
@given(st.lists(st.text(max_size=30), unique=True, max_size=20))
def test_any_texts_give_only_pairs_that_are_similar(texts: list[str]) -> None:
    for pair in near_pairs(texts):
        assert pair.first < pair.second
        assert pair.similarity == jaccard(gram_set(texts[pair.first]), gram_set(texts[pair.second])) >= 0.8


@pytest.mark.parametrize(
    ("pairs", "groups"),
    [([], [0, 1, 2, 3]), ([(0, 1), (1, 3)], [0, 0, 2, 0]), ([(2, 3), (1, 2)], [0, 1, 1, 1])],
)
def test_connected_texts_are_one_group(pairs: list[tuple[int, int]], groups: list[int]) -> None:
    assert near_groups([NearPair(first, second, 1.0) for first, second in pairs], 4) == groups


def test_a_bucket_of_many_equal_sketches_costs_no_pair_of_each_with_each() -> None:
    texts = [f"{LONG} again and again and again in row {n:03d}" for n in range(300)]
    pairs = near_pairs(texts)
    assert set(near_groups(pairs, len(texts))) == {0}
    assert len(pairs) < 300 * 299 / 4
