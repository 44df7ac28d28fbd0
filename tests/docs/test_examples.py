from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from tests.checked_rows import found_in
from tests.docs.commands import ROOT, text_of

from bertsmith.config import DataConfig
from bertsmith.data.reading import LabelledRows, read_examples
from bertsmith.data.splitting import Splits, split_dataset
from bertsmith.data.table import ReadOptions

PLANTED = {59, 225, 336, 346, 366, 372, 438, 600, 725, 756, 824, 919}


@pytest.fixture(scope="module")
def rows() -> LabelledRows:
    return read_examples(str(ROOT / "examples" / "reviews.csv"), ReadOptions(), name="reviews.csv")


@pytest.fixture(scope="module")
def splits(rows: LabelledRows) -> Splits:
    config = DataConfig()
    return split_dataset(
        rows.dataset,
        validation_share=config.validation_share,
        test_share=config.test_share,
        split_seed=config.split_seed,
    )


def found_lines(rows: LabelledRows, splits: Splits) -> set[tuple[str, int]]:
    findings = (*rows.findings, *found_in(splits))
    return {(finding.code, int(row.split(":")[1])) for finding in findings for row in finding.rows}


def test_the_table_names_what_is_found_and_nothing_else(rows: LabelledRows, splits: Splits):
    table = re.findall(
        r"^\| (\d+) \|.*\| ([D\d, ]*) ?\|$", text_of(Path("examples/README.md")), flags=re.MULTILINE
    )
    told = {(code, int(line)) for line, codes in table for code in re.findall(r"D\d+", codes)}

    # Of a repeat the later row is named, of a contradiction both.
    assert found_lines(rows, splits) == (told - {("D012", 336)}) | {("D012", 512), ("D011", 635)}


def test_a_thousand_reviews_are_balanced_beside_the_planted_rows(rows: LabelledRows):
    reviews = [example for example in rows.examples if example.origin.line not in PLANTED]

    assert Counter(example.label for example in reviews) == {"positive": 500, "negative": 500}
    assert (rows.num_rows, len(rows.examples), rows.num_reported) == (1012, 1007, 5)


def test_what_only_looks_like_a_flaw_is_a_text(rows: LabelledRows):
    text_by_line = {example.origin.line: example.text for example in rows.examples}

    assert text_by_line[756] == "N/A"
    assert "[SEP]" in text_by_line[919]
    assert text_by_line[438].count("\n") == 1
    assert 439 not in text_by_line and 440 in text_by_line


def test_rows_of_one_text_are_in_one_split(splits: Splits):
    split_by_line = {assignment.origin.line: assignment.split for assignment in splits.assignments}

    for first, second in ((336, 512), (346, 304), (366, 103), (725, 635)):
        assert split_by_line[first] == split_by_line[second]
    assert split_by_line[725] == "train"
