from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.story.rows import read_csv, write_csv

from bertsmith.data.clean_file import changes_path, refuse_clean_file, write_clean
from bertsmith.data.reading import LabelledRows, read_examples
from bertsmith.data.repairs import Repaired, Repairs, repair
from bertsmith.data.table import ReadOptions
from bertsmith.errors import ConfigError

ROWS = [
    ("good soup", "positive", "web"),
    ("Good  soup", "positive", "web"),
    ("cafÃ© was bad", "negative", "mail"),
    ("so so", "positive", "web"),
    ("so so", "negative", "web"),
    ("", "positive", "web"),
    ("fine garden", "postive", "mail"),
    ("\u200b \ufeff", "negative", "mail"),
    *((f"film number {n}", "positive", "web") for n in range(12)),
    *((f"play number {n}", "negative", "web") for n in range(12)),
]
HEADER = ("text", "label", "source")


@pytest.fixture
def source(tmp_path: Path) -> LabelledRows:
    path = write_csv(tmp_path / "rows.csv", ROWS, HEADER)
    return read_examples(path, ReadOptions(), name="rows.csv")


def repaired(source: LabelledRows, **repairs: bool) -> Repaired:
    return repair({"train": source}, Repairs(**repairs))


def done(result: Repaired) -> list[tuple[str, str]]:
    return [(change.row, change.action) for change in result.changes]


def test_nothing_is_repaired_unasked(source: LabelledRows) -> None:
    assert repaired(source) == Repaired({"train": source}, (), ())


def test_repeats_are_dropped_but_for_the_first(source: LabelledRows) -> None:
    result = repaired(source, drop_duplicates=True)
    assert done(result) == [("rows.csv:3", "dropped"), ("rows.csv:6", "dropped")]
    assert len(result.sources["train"].examples) == len(source.examples) - 2
    assert [(finding.code, finding.num_rows) for finding in result.findings] == [("D039", 2)]


def test_conflicts_are_dropped_with_all_their_rows(source: LabelledRows) -> None:
    assert done(repaired(source, drop_conflicts=True)) == [
        ("rows.csv:5", "dropped"),
        ("rows.csv:6", "dropped"),
    ]


def test_a_misspelled_label_gets_the_frequent_spelling(source: LabelledRows) -> None:
    result = repaired(source, merge_labels=True)
    assert done(result) == [("rows.csv:8", "changed")]
    assert set(result.sources["train"].dataset.labels) == {"positive", "negative"}


def test_broken_encoding_is_mended(source: LabelledRows) -> None:
    result = repaired(source, fix_encoding=True)
    assert [row for row, _ in done(result)] == ["rows.csv:4", "rows.csv:9"]
    assert "café was bad" in result.sources["train"].dataset.texts


def test_a_text_of_invisible_characters_is_dropped_as_empty(source: LabelledRows) -> None:
    assert done(repaired(source, drop_empty=True)) == [("rows.csv:9", "dropped")]


def test_the_other_cells_stay_with_their_rows(source: LabelledRows) -> None:
    kept = repaired(source, drop_duplicates=True, drop_conflicts=True, drop_empty=True).sources["train"]
    sources = {row.text: cells for row, cells in zip(kept.examples, kept.others, strict=True)}
    assert sources["fine garden"] == ("mail",) and sources["film number 0"] == ("web",)
    assert kept.num_rows == len(kept.examples) + kept.num_reported


def test_training_rows_that_a_given_file_has_are_dropped_and_the_file_is_left(source: LabelledRows) -> None:
    test = read_examples([("FILM number 3", "positive"), ("FILM number 3", "positive")], ReadOptions())
    result = repair({"train": source, "test": test}, Repairs(drop_duplicates=True))
    assert ("rows.csv:13", "dropped") in done(result)
    assert result.sources["test"] == test


@pytest.mark.parametrize("keeps_empty", [True, False])
def test_the_clean_table_has_the_columns_of_the_file_and_says_what_was_done(
    source: LabelledRows, tmp_path: Path, *, keeps_empty: bool
) -> None:
    result = repaired(source, fix_encoding=True, merge_labels=True, drop_duplicates=True)
    path = tmp_path / "clean.csv"
    write_clean(path, result.sources["train"], changes=result.changes, keeps_empty=keeps_empty)
    rows = read_csv(path)
    assert list(rows[0]) == list(HEADER)
    assert {"text": "café was bad", "label": "negative", "source": "mail"} in rows
    assert {"text": "fine garden", "label": "positive", "source": "mail"} in rows
    assert ({"text": "", "label": "positive", "source": "web"} in rows) == keeps_empty
    told = {row["row"]: row["action"] for row in read_csv(changes_path(path))}
    expected = {
        "rows.csv:3": "dropped",
        "rows.csv:4": "changed",
        "rows.csv:6": "dropped",
        "rows.csv:8": "changed",
    }
    expected |= {"rows.csv:9": "changed"} | ({} if keeps_empty else {"rows.csv:7": "left out"})
    assert told == expected


def test_the_clean_table_can_be_json_lines(source: LabelledRows, tmp_path: Path) -> None:
    path = tmp_path / "clean.jsonl"
    write_clean(path, source, changes=(), keeps_empty=False)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert rows[0] == {"text": "good soup", "label": "positive", "source": "web"}
    assert len(rows) == len(source.examples)


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda cell: cell.strip() == cell
)


@settings(max_examples=60)
@given(st.lists(st.tuples(CELLS, st.sampled_from(("pos", "neg")), CELLS), min_size=2, max_size=8))
def test_what_is_written_is_read_back_the_same(rows: list[tuple[str, str, str]]) -> None:
    options = ReadOptions(text_column="text", label_column="label")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(HEADER)}
    source = read_examples(columns, options)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clean.jsonl"
        write_clean(path, source, changes=(), keeps_empty=True)
        again = read_examples(path, options)
    assert [(row.text, row.label) for row in again.examples] == [
        (row.text, row.label) for row in source.examples
    ]
    assert again.others == source.others
    assert again.num_rows == len(again.examples) + again.num_reported


def test_a_clean_file_replaces_nothing_and_has_a_known_format(tmp_path: Path) -> None:
    (tmp_path / "clean.csv").write_text("mine")
    with pytest.raises(ConfigError, match="already there"):
        refuse_clean_file(tmp_path / "clean.csv")
    with pytest.raises(ConfigError, match=r"must end in \.csv, \.tsv, \.jsonl"):
        refuse_clean_file(tmp_path / "clean.parquet")
