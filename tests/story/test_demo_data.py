"""The example reviews: each planted flaw, found here by looking at the plain file, is found by reading and splitting it."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from bertsmith.config import Config
from bertsmith.console import Console
from bertsmith.data.example import Example
from bertsmith.findings import Finding
from bertsmith.preparation import ReadData, read_data

REVIEWS = Path(__file__).parents[2] / "examples" / "reviews.csv"
Fields = list[str]


def plain_rows() -> dict[int, Fields]:
    """The fields of each row by the line on which it begins."""
    rows, line = {}, 1
    with REVIEWS.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        for fields in reader:
            rows[line] = fields
            line = reader.line_num + 1
    del rows[1]
    return rows


PLAIN = plain_rows()
WHOLE = {line: fields for line, fields in PLAIN.items() if len(fields) == 2}


def lines_where(holds: Callable[[str, str], bool]) -> list[int]:
    """The lines of the rows of two fields for which this holds."""
    return [line for line, (text, label) in WHOLE.items() if holds(text, label)]


def repeated_texts() -> list[list[int]]:
    """The lines of each text that stands there more than once but for case and spaces."""
    lines = defaultdict(list)
    for line, (text, _) in WHOLE.items():
        lines[" ".join(text.lower().split())].append(line)
    return [found for text, found in lines.items() if text and len(found) > 1]


REPEATS = repeated_texts()
CONTRADICTIONS = [lines for lines in REPEATS if len({WHOLE[line][1].strip() for line in lines}) > 1]
PLANTED = {
    "wrong number of fields": ("D001", [line for line in PLAIN if line not in WHOLE], 2),
    "no text": ("D002", lines_where(lambda text, label: not text.strip()), 2),
    "no label": ("D003", lines_where(lambda text, label: not label.strip()), 1),
    "spaces around a label": ("D004", lines_where(lambda text, label: label.strip() not in ("", label)), 2),
    "repeats": ("D012", [line for lines in REPEATS for line in lines[1:]], 4),
}


@pytest.fixture(scope="module")
def read() -> ReadData:
    """The examples, read and split."""
    return read_data(REVIEWS, config=Config(), console=Console.nowhere())


def lines_of(finding: Finding) -> list[int]:
    """The lines that a finding names, in order."""
    assert all(row.startswith("reviews.csv:") for row in finding.rows)
    return sorted(int(row.removeprefix("reviews.csv:")) for row in finding.rows)


def found(read: ReadData, code: str) -> Finding:
    """The only finding with this code."""
    (finding,) = [finding for finding in read.findings if finding.code == code]
    return finding


def at(read: ReadData, line: int) -> Example:
    """The row that begins at this line."""
    (example,) = [example for example in read.sources["train"].examples if example.origin.line == line]
    return example


def splits_of(read: ReadData, lines: list[int]) -> set[str]:
    """Which splits the rows at these lines went to."""
    return {row.split for row in read.splits.assignments if row.origin.line in lines}


@pytest.mark.parametrize(("code", "lines", "count"), PLANTED.values(), ids=PLANTED)
def test_a_planted_flaw_is_found_at_its_lines(
    read: ReadData, code: str, lines: list[int], count: int
) -> None:
    assert len(lines) == count
    assert lines_of(found(read, code)) == sorted(lines)


def test_the_planted_contradiction_is_found_at_both_lines(read: ReadData) -> None:
    assert [lines_of(found(read, "D011"))] == CONTRADICTIONS


def test_nothing_else_is_found(read: ReadData) -> None:
    told = {finding.code for finding in read.findings if finding.severity != "info"}
    assert told == {code for code, _, _ in PLANTED.values()} | {"D011"}


def test_the_rows_of_one_text_stay_on_one_side(read: ReadData) -> None:
    assert [len(splits_of(read, lines)) for lines in REPEATS] == [1] * 4


def test_contradicting_rows_stay_in_training(read: ReadData) -> None:
    assert [splits_of(read, lines) for lines in CONTRADICTIONS] == [{"train"}]


def test_each_row_is_used_or_reported(read: ReadData) -> None:
    rows = read.sources["train"]
    assert rows.num_rows == len(PLAIN)
    assert (len(rows.examples), rows.num_reported) == (len(PLAIN) - 5, 5)


def test_each_used_row_is_in_one_split(read: ReadData) -> None:
    splits = (read.splits.train, read.splits.validation, read.splits.test)
    assert sum(map(len, splits)) == len(read.sources["train"].examples)


def test_labels_lose_the_spaces_around_them(read: ReadData) -> None:
    assert read.label_set.names == ("negative", "positive")


def test_a_quoted_line_break_is_part_of_its_text(read: ReadData) -> None:
    (line,) = lines_where(lambda text, label: "\n" in text)
    assert "\n" in at(read, line).text
    assert line + 1 not in PLAIN and at(read, line + 2)


def test_a_text_that_says_na_is_a_text(read: ReadData) -> None:
    (line,) = lines_where(lambda text, label: text == "N/A")
    assert at(read, line).text == "N/A"


def test_a_typed_separator_is_a_text(read: ReadData) -> None:
    (line,) = lines_where(lambda text, label: "[SEP]" in text)
    assert "[SEP]" in at(read, line).text
