"""The example reviews: each planted flaw is found, at its line, under its code."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bertsmith.config import Config
from bertsmith.console import Console
from bertsmith.data.example import Example
from bertsmith.data.reading import LabelledRows
from bertsmith.findings import Finding
from bertsmith.preparation import ReadData, read_data

REVIEWS = Path(__file__).parents[2] / "examples" / "reviews.csv"


@pytest.fixture(scope="module")
def read() -> ReadData:
    """The examples, read and split."""
    return read_data(REVIEWS, config=Config(), console=Console.nowhere())


@pytest.fixture
def rows(read: ReadData) -> LabelledRows:
    """The examples, read."""
    return read.sources["train"]


def found(read: ReadData, code: str) -> Finding:
    """The only finding with this code."""
    (finding,) = [finding for finding in read.findings if finding.code == code]
    return finding


def at(read: ReadData, line: int) -> Example:
    """The row that begins at this line."""
    (example,) = [example for example in read.sources["train"].examples if example.origin.line == line]
    return example


def split_of(read: ReadData, line: int) -> str:
    """Which split the row at this line went to."""
    (assignment,) = [row for row in read.splits.assignments if row.origin.line == line]
    return assignment.split


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("D001", [372, 600]),
        ("D002", [59, 824]),
        ("D003", [225]),
        ("D004", [153, 711]),
        ("D011", [633, 723]),
    ],
    ids=["wrong number of fields", "no text", "no label", "spaces around a label", "contradiction"],
)
def test_a_planted_flaw_is_found_at_its_lines(read: ReadData, code: str, lines: list[int]) -> None:
    assert found(read, code).rows == tuple(f"reviews.csv:{line}" for line in lines)


def test_nothing_else_is_found(read: ReadData) -> None:
    assert {finding.code for finding in read.findings} == {"D001", "D002", "D003", "D004", "D011", "D012"}


def test_each_repeat_is_found_once(read: ReadData) -> None:
    lines = {int(row.split(":")[1]) for row in found(read, "D012").rows}
    expected = [{335, 511}, {347, 305}, {366, 103}, {723, 633}]
    assert sorted(len(pair & lines) for pair in expected) == [1, 1, 1, 1]
    assert len(lines) == len(expected)


@pytest.mark.parametrize("pair", [(335, 511), (347, 305), (366, 103), (723, 633)])
def test_a_repeat_stays_on_the_side_of_its_first(read: ReadData, pair: tuple[int, int]) -> None:
    assert split_of(read, pair[0]) == split_of(read, pair[1])


def test_contradicting_rows_stay_in_training(read: ReadData) -> None:
    assert (split_of(read, 633), split_of(read, 723)) == ("train", "train")


def test_each_row_is_used_or_reported(rows: LabelledRows) -> None:
    with REVIEWS.open(encoding="utf-8", newline="") as file:
        num_rows = sum(1 for row in csv.reader(file) if row) - 1
    assert rows.num_rows == num_rows
    assert len(rows.examples) + rows.num_reported == num_rows
    assert rows.num_reported == 5


def test_each_used_row_is_in_one_split(read: ReadData) -> None:
    splits = (read.splits.train, read.splits.validation, read.splits.test)
    assert sum(map(len, splits)) == len(read.sources["train"].examples)


def test_labels_lose_the_spaces_around_them(read: ReadData) -> None:
    assert read.label_set.names == ("negative", "positive")


def test_a_quoted_line_break_is_part_of_its_text(read: ReadData) -> None:
    assert "\n" in at(read, 438).text
    assert not [row for row in read.sources["train"].examples if row.origin.line == 439]


def test_a_text_that_says_na_is_a_text(read: ReadData) -> None:
    assert at(read, 756).text == "N/A"


def test_a_typed_separator_is_a_text(read: ReadData) -> None:
    assert "[SEP]" in at(read, 919).text
