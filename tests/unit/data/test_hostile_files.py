"""What a file can hold that once broke the reading, each on the smallest file that has it."""

from __future__ import annotations

import io
import json
import time
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bertsmith.checking import split_sources
from bertsmith.config import DataConfig
from bertsmith.data.clean_file import write_clean
from bertsmith.data.duplicates import fold_text
from bertsmith.data.example import natural_key
from bertsmith.data.reading import read_examples
from bertsmith.data.repairs import Change
from bertsmith.data.table import MOST_COLUMNS, ReadOptions
from bertsmith.data.unicode_forms import PIECE_CHARACTERS, compatible
from bertsmith.errors import ConfigError, EmptySplit, UnreadableFile

PLAIN = "text,label\ngood film,pos\nbad film,neg\n"


def parquet(path: Path, columns: dict[str, object]) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


@pytest.mark.parametrize(
    "name", ["rot13", "hex", "zlib", "base64", "idna", "punycode", "undefined", "x" * 5000]
)
def test_a_transformation_is_no_encoding(name: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(PLAIN)
    with pytest.raises(ConfigError, match="no known text encoding") as caught:
        read_examples(str(path), ReadOptions(encoding=name))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["utf-16", "utf-32", "cp1252", "shift_jis", "latin-1", "utf-8-sig"])
def test_a_code_page_is_an_encoding(name: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(PLAIN.encode(name))
    assert len(read_examples(str(path), ReadOptions(encoding=name)).examples) == 2


def test_a_date_that_python_does_not_have_costs_nothing_in_another_column(tmp_path: Path) -> None:
    dates = pa.array([10**8, 1], pa.int32()).cast(pa.date32())
    source = parquet(
        tmp_path / "x.parquet", {"text": ["good film", "bad film"], "label": ["a", "b"], "d": dates}
    )
    read = read_examples(source, ReadOptions())
    assert [example.text for example in read.examples] == ["good film", "bad film"]
    assert read.others == ((None,), ("1970-01-02",))


def test_a_date_that_python_does_not_have_costs_its_row_as_a_label(tmp_path: Path) -> None:
    dates = pa.array([1, 10**8, 2, 3], pa.int32()).cast(pa.date32())
    source = parquet(tmp_path / "x.parquet", {"text": ["a b", "c d", "e f", "g h"], "label": dates})
    (finding,) = read_examples(source, ReadOptions()).findings
    assert (finding.code, finding.rows) == ("D001", ("".join((source, ":2")),))


def test_a_parquet_file_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    rows = pa.array(np.zeros(1_000_000, np.int32))
    columns = {
        "text": pa.array(["a good film of some length"]).take(rows),
        "label": pa.array(["a"]).take(rows),
    }
    source = parquet(tmp_path / "x.parquet", columns)
    with pytest.raises(UnreadableFile, match="unpacks to more than 100 times its size.*--limit"):
        read_examples(source, ReadOptions())
    assert len(read_examples(source, ReadOptions(limit=10)).examples) == 10


def test_a_long_text_that_a_parquet_file_holds_once_is_counted_for_every_row(tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), pa.array(["a good film " * 9000]))
    source = parquet(tmp_path / "x.parquet", {"text": texts, "label": ["a", "b"] * 150})
    with pytest.raises(UnreadableFile, match="unpacks to more than 100 times its size"):
        read_examples(source, ReadOptions())


def test_a_dictionary_of_usual_texts_is_read(tmp_path: Path) -> None:
    texts = pa.array(["good film", None, "bad film", "good film"]).dictionary_encode()
    source = parquet(tmp_path / "x.parquet", {"text": texts, "label": ["a", "a", "b", "a"]})
    assert [row.text for row in read_examples(source, ReadOptions()).examples] == [
        "good film",
        "bad film",
        "good film",
    ]


def test_more_columns_than_a_spreadsheet_has_are_refused(tmp_path: Path) -> None:
    names = ["text", "label", *(f"c{number}" for number in range(MOST_COLUMNS - 1))]
    (tmp_path / "x.csv").write_text(",".join(names) + "\ngood film,pos" + "," * (MOST_COLUMNS - 1) + "\n")
    (tmp_path / "x.jsonl").write_text(json.dumps(dict.fromkeys(names, "x y z")) + "\n")
    for name in ("x.csv", "x.jsonl"):
        with pytest.raises(UnreadableFile, match="16,385 columns; at most 16,384"):
            read_examples(str(tmp_path / name), ReadOptions())


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_byte_order_mark_alone_is_an_empty_file(mark: bytes) -> None:
    with pytest.raises(UnreadableFile, match="the file is empty"):
        read_examples(io.BytesIO(mark), ReadOptions())


def test_blank_lines_before_the_header_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("\n" * 5000 + PLAIN)
    assert [example.origin.line for example in read_examples(str(path), ReadOptions()).examples] == [
        5002,
        5003,
    ]


def test_a_key_is_given_a_hundred_thousand_times_in_no_time(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    keys = ", ".join(f'"k{number % 5000}": 1' for number in range(100_000))
    path.write_text('{"text": "a b", "label": "x", ' + keys + "}\n")
    started = time.process_time()
    assert len(read_examples(str(path), ReadOptions()).examples) == 1
    assert time.process_time() - started < 5


def test_many_marks_on_one_letter_are_folded_in_no_time() -> None:
    text = "e" + "".join(chr(0x300 + number % 60) for number in range(100_000))
    started = time.process_time()
    assert fold_text(text) == fold_text(text.upper())
    assert time.process_time() - started < 5


@pytest.mark.parametrize("text", ["ﬁne café", "Ａ" * 2 * PIECE_CHARACTERS, "e\u0301" * PIECE_CHARACTERS])
def test_usual_texts_are_in_the_form_of_the_standard(text: str) -> None:
    assert compatible(text) == unicodedata.normalize("NFKC", text)


def test_labels_of_any_number_of_digits_can_be_sorted() -> None:
    names = ["7" * 1_000_000, "10", "2", "a"]
    assert sorted(names, key=natural_key) == ["2", "10", "7" * 1_000_000, "a"]


def test_what_was_done_to_rows_cannot_run_in_a_spreadsheet(tmp_path: Path) -> None:
    data = tmp_path / "=data.csv"
    data.write_text(PLAIN)
    source = read_examples(str(data), ReadOptions(), name=data.name)
    change = Change("=data.csv:2", "dropped", "=1+1")
    write_clean(tmp_path / "clean.csv", source, changes=[change], keeps_empty=True)
    assert (tmp_path / "clean.changes.csv").read_text().splitlines()[1] == "'=data.csv:2,dropped,'=1+1"


def test_a_file_that_cannot_be_split_is_named(tmp_path: Path) -> None:
    data = tmp_path / "few.csv"
    data.write_text("text,label\ngood film,pos\nfair film,pos\n")
    rows = read_examples(str(data), ReadOptions(), name="few.csv")
    with pytest.raises(EmptySplit, match=r"^few\.csv: the training rows have only the label 'pos'"):
        split_sources({"train": rows}, DataConfig())
