from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.checked_rows import rows_of

from bertsmith.data.checks.giveaways import (
    find_telling_columns,
    find_telling_length,
    find_telling_order,
    find_telling_words,
)
from bertsmith.data.checks.rows import RowsToCheck
from bertsmith.data.reading import read_examples
from bertsmith.data.table import ReadOptions

WORDS = [
    "the",
    "a",
    "film",
    "soup",
    "waiter",
    "garden",
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
NUM_ROWS = 200


def plain_rows(num_rows: int = NUM_ROWS, *, seed: int = 0) -> list[tuple[str, str]]:
    """Texts and labels that have nothing to do with each other, in random order."""
    draw = random.Random(seed)
    return [(" ".join(draw.choices(WORDS, k=8)), draw.choice(("neg", "pos"))) for _ in range(num_rows)]


def test_nothing_tells_a_label_that_was_drawn() -> None:
    rows = rows_of(plain_rows())
    checks = (find_telling_words, find_telling_length, find_telling_columns, find_telling_order)
    assert [check(rows) for check in checks] == [[], [], [], []]


def test_a_word_in_every_row_of_a_label_is_a_giveaway() -> None:
    marked = [(f"{text} Sent", label) if label == "pos" else (text, label) for text, label in plain_rows()]
    (finding,) = find_telling_words(rows_of(marked))
    assert (finding.code, finding.severity) == ("D030", "warning")
    assert "'pos' (F1 1.000)" in finding.sentence
    assert "'sent' tells 'pos'" in finding.shown[0]
    assert finding.num_rows == sum(label == "pos" for _, label in marked)


def test_a_telling_word_is_for_the_console_alone() -> None:
    marked = [(f"{text} secret", label) if label == "pos" else (text, label) for text, label in plain_rows()]
    (finding,) = find_telling_words(rows_of(marked))
    assert "secret" not in str(finding.to_json())


def test_a_word_in_most_rows_of_a_label_is_none() -> None:
    # In 85 % of the rows of one label and in no other: F1 = 2 × 0.85 / 1.85 = 0.92.
    draw = random.Random(1)
    marked = [
        (f"{text} sent", label) if label == "pos" and draw.random() < 0.85 else (text, label)
        for text, label in plain_rows(1000)
    ]
    assert find_telling_words(rows_of(marked)) == []


def test_a_word_of_a_few_rows_says_nothing() -> None:
    assert find_telling_words(rows_of([("good", "pos"), ("bad", "neg")] * 9)) == []


def test_longer_texts_of_one_label_are_a_giveaway() -> None:
    longer = [(f"{text} {text}" if label == "pos" else text, label) for text, label in plain_rows()]
    (finding,) = find_telling_length(rows_of(longer))
    assert (finding.code, finding.severity) == ("D031", "warning")


def test_slightly_longer_texts_are_none() -> None:
    longer = [(f"{text} a" if label == "pos" else text, label) for text, label in plain_rows()]
    assert find_telling_length(rows_of(longer)) == []


def with_column(column: list[object]) -> RowsToCheck:
    """The plain rows with one more column."""
    rows = plain_rows()
    table = {"text": [text for text, _ in rows], "label": [label for _, label in rows], "more": column}
    source = read_examples(table, ReadOptions(text_column="text", label_column="label"))
    return replace(rows_of(rows), sources={"train": source})


LABELS = [label for _, label in plain_rows()]


@pytest.mark.parametrize(
    "column",
    [
        [f"{label}.example.org" for label in LABELS],
        [f"{LABELS.index(label)}{number:04d}" for number, label in enumerate(LABELS)],
        [
            ("2021" if label == "pos" else "2022") + f"-01-{number % 28:02d}"
            for number, label in enumerate(LABELS)
        ],
    ],
    ids=["source", "id", "date"],
)
def test_a_column_that_tells_the_label_is_a_giveaway(column: list[object]) -> None:
    (finding,) = find_telling_columns(with_column(column))
    assert (finding.code, finding.severity) == ("D032", "warning")
    assert "'more'" in finding.sentence


@pytest.mark.parametrize(
    "column",
    [list(range(NUM_ROWS)), [f"source {number % 7}" for number in range(NUM_ROWS)], [None] * NUM_ROWS],
    ids=["row number", "source", "empty"],
)
def test_a_column_that_has_nothing_to_do_with_the_label_is_none(column: list[object]) -> None:
    assert find_telling_columns(with_column(column)) == []


def test_rows_sorted_by_label_are_told() -> None:
    (finding,) = find_telling_order(rows_of(sorted(plain_rows(), key=lambda row: row[1])))
    assert (finding.code, finding.severity) == ("D033", "info")
    assert "in 2 runs of one label" in finding.sentence


def test_labels_that_take_turns_are_told() -> None:
    (finding,) = find_telling_order(rows_of([(f"text {n}", "ab"[n % 2]) for n in range(60)]))
    assert "each from the one before" in finding.sentence
