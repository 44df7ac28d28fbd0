from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bertsmith.data.dialects import parse_delimiter
from bertsmith.data.reading import open_table, read_examples
from bertsmith.data.table import ReadOptions
from bertsmith.errors import ConfigError

TEXTS = st.text(alphabet="ab ,;|\t\"\n\r'é😀\u2028", min_size=1, max_size=30).filter(
    lambda text: text.strip() != ""
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, st.sampled_from(["pos", "neg"])), min_size=1, max_size=12),
    st.sampled_from([",", ";", "\t"]),
)
def test_what_the_csv_module_writes_is_read_back_exactly(rows: list[tuple[str, str]], delimiter: str) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(("text", "label"))
    writer.writerows(rows)
    source = io.BytesIO(written.getvalue().encode())
    read = read_examples(source, ReadOptions(delimiter=delimiter))
    assert [(example.text, example.label) for example in read.examples] == rows


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_where_the_bytes_are_cut_makes_no_difference(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bertsmith.data.byte_source.CHUNK_BYTES", chunk)
    content = 'text,label\r\ncafé 😀,pos\r\n\r\n"a\r\nb",neg\r\n'
    table = open_table(io.BytesIO(content.encode()), ReadOptions(delimiter=",", encoding="utf-8"))
    assert [(row.cells, row.line) for row in table.rows] == [(("café 😀", "pos"), 2), (("a\r\nb", "neg"), 4)]


@pytest.mark.parametrize(
    ("typed", "delimiter"), [("tab", "\t"), ("\\t", "\t"), ("\t", "\t"), (";", ";"), ("^", "^")]
)
def test_a_delimiter_can_be_spelled(typed: str, delimiter: str) -> None:
    assert parse_delimiter(typed) == delimiter


@pytest.mark.parametrize("typed", ["", ",,", '"', "\n"])
def test_what_cannot_separate_fields_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match="--delimiter"):
        parse_delimiter(typed)
