from __future__ import annotations

import io
from collections.abc import Iterator

import pandas
import polars
import pyarrow
import pytest

from bertsmith.data.reading import open_table, read_examples, read_texts
from bertsmith.data.table import ReadOptions
from bertsmith.errors import UnreadableFile

ROWS = [("good film", "pos"), ("bad film", "neg")]
COLUMNS = {"text": ["good film", "bad film"], "label": ["pos", "neg"]}
HOLED = {"text": ["good film", None, "bad film", "nan"], "label": [1, 0, None, 0]}


def rows_of(source: object) -> list[tuple[str, str]]:
    return [(example.text, example.label) for example in read_examples(source, ReadOptions()).examples]


@pytest.mark.parametrize(
    "source",
    [
        (COLUMNS["text"], COLUMNS["label"]),
        ROWS,
        [list(row) for row in ROWS],
        [{"text": text, "label": label} for text, label in ROWS],
        COLUMNS,
        pandas.DataFrame(COLUMNS),
        pandas.DataFrame(COLUMNS, dtype="category", index=[7, 7]),
        polars.DataFrame(COLUMNS),
        pyarrow.table(COLUMNS),
        io.BytesIO(b"text,label\ngood film,pos\nbad film,neg\n"),
        io.BytesIO(b'{"text": "good film", "label": "pos"}\n{"text": "bad film", "label": "neg"}\n'),
    ],
    ids=lambda source: type(source).__module__.split(".")[0],
)
def test_every_form_gives_the_same_rows(source: object) -> None:
    assert rows_of(source) == ROWS


@pytest.mark.parametrize(
    ("source", "label"),
    [
        (pandas.DataFrame(HOLED), "1.0"),
        (pandas.DataFrame(HOLED).convert_dtypes(), "1"),
        (polars.DataFrame(HOLED), "1"),
        (pyarrow.table(HOLED), "1"),
        ((HOLED["text"], HOLED["label"]), "1"),
    ],
    ids=["pandas", "pandas-nullable", "polars", "arrow", "lists"],
)
def test_a_null_is_reported_and_never_the_text_none_or_nan(source: object, label: str) -> None:
    read = read_examples(source, ReadOptions())
    assert [(e.text, e.label) for e in read.examples] == [
        ("good film", label),
        ("nan", label.replace("1", "0", 1)),
    ]
    assert [(f.code, f.rows) for f in read.findings] == [("D002", ("<memory>:2",)), ("D003", ("<memory>:3",))]
    assert (read.num_rows, read.num_reported) == (4, 2)


def test_lists_of_unequal_length_are_refused() -> None:
    with pytest.raises(UnreadableFile, match="2 in 'text', 1 in 'label'"):
        read_examples((["a", "b"], ["x"]), ReadOptions())


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="a int is not a table"):
        read_examples(5, ReadOptions())


def test_texts_alone_can_be_read_for_prediction() -> None:
    table = open_table(["a", "b"], ReadOptions())
    _, rows = read_texts(table, ReadOptions(), labelled=False)
    assert [(row.text, row.label) for row in rows] == [("a", None), ("b", None)]


def test_a_line_per_text_can_be_read_for_prediction() -> None:
    table = open_table(io.BytesIO(b"text\nso, so\nfine\nwell, well, well\n"), ReadOptions())
    _, rows = read_texts(table, ReadOptions(), labelled=False)
    assert [row.text for row in rows] == ["so, so", "fine", "well, well, well"]


def test_rows_that_cannot_be_used_stay_in_the_stream_with_their_code() -> None:
    table = open_table(io.BytesIO(b"id,text\n1,good film\n2\n3,\n"), ReadOptions())
    _, rows = read_texts(table, ReadOptions(), labelled=False)
    assert [(row.line, row.code) for row in rows] == [(2, None), (3, "D001"), (4, "D002")]


class _Endless(io.RawIOBase):
    """A stream that goes on for ever and counts what was taken."""

    num_read = 0

    def read(self, size: int = -1) -> bytes:
        self.num_read += size
        return (b"text,label\n" if self.num_read == size else b"") + b"a b,pos\nc d,neg\n" * (size // 16)


def test_a_stream_is_read_as_far_as_its_rows_are_taken() -> None:
    stream = _Endless()
    rows: Iterator[object] = open_table(stream, ReadOptions()).rows
    for _ in range(1000):
        next(rows)
    assert stream.num_read <= 3 * 2**20


def test_a_pair_is_recognised_by_its_names() -> None:
    read = read_examples(
        [
            {"premise": "a b", "hypothesis": "c d", "label": 0},
            {"premise": "e f", "hypothesis": " ", "label": 1},
        ],
        ReadOptions(),
    )
    assert [(e.text, e.text_pair, e.label) for e in read.examples] == [("a b", "c d", "0")]
    assert [(f.code, f.rows) for f in read.findings] == [("D005", ("<memory>:2",))]


def test_a_pair_can_be_named_by_number_without_a_header() -> None:
    content = b"".join(b"%d\tis this one text?\tor is it another?\t%d\n" % (n, n % 2) for n in range(6))
    options = ReadOptions(text_column="2", pair_column="3")
    example = read_examples(io.BytesIO(content), options).examples[1]
    assert (example.text, example.text_pair, example.label) == ("is this one text?", "or is it another?", "1")


def test_a_name_for_the_source_is_in_every_origin() -> None:
    assert str(read_examples(ROWS, ReadOptions(), name="mine").examples[1].origin) == "mine:2"
