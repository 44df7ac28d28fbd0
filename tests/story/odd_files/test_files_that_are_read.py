"""Odd but readable files: each gives exactly these texts and labels, and reports exactly these rows."""

# ruff: noqa: E501 (one case is one line: the table is read downwards)

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bertsmith.data.reading import read_examples
from bertsmith.data.table import ReadOptions

Content = bytes | str | Callable[[Path], None]

GOOD = (("good film", "pos"), ("bad film", "neg"))
PLAIN = "text,label\ngood film,pos\nbad film,neg\n"
FRENCH = "text,label\nle café était très bon,pos\nla crème brûlée était ratée,neg\nun été à Nîmes,pos\n"
FRENCH_ROWS = (
    ("le café était très bon", "pos"),
    ("la crème brûlée était ratée", "neg"),
    ("un été à Nîmes", "pos"),
)
TURKISH = "text,label\nışık ve şarkılar çok güzeldi,iyi\nbu film kötü ve sıkıcıydı,kötü\n"
TURKISH_ROWS = (("ışık ve şarkılar çok güzeldi", "iyi"), ("bu film kötü ve sıkıcıydı", "kötü"))
LONG = "word " * 420_000


@dataclass(frozen=True)
class Odd:
    """A file, and what must come of it."""

    claim: str
    content: Content
    rows: tuple[tuple[str, str], ...] = GOOD
    suffix: str = ".csv"
    options: ReadOptions = ReadOptions()
    lines: tuple[int, ...] | None = None
    """The line of each used row, where it is the point."""
    reported: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Finding code → lines."""
    note: str | None = None
    """Words of one of the notes."""


def jsonl(*objects: object) -> str:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in objects)


def row(text: object, label: object) -> dict[str, object]:
    return {"text": text, "label": label}


def parquet(columns: dict[str, list[object]]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table(columns), path)

    return write


NA_LIKE = ("NA", "N/A", "None", "null", "nan", "NULL", "007", "1e5", "TRUE", "-", "1_000", "0.10")
GOOD_JSON = jsonl(row("good film", "pos"), row("bad film", "neg"))
THIRD = (*GOOD, ("fair film", "pos"))

CASES = (
    Odd("plain csv", PLAIN, lines=(2, 3)),
    # encodings
    Odd("a UTF-8 byte order mark is not part of the first name", b"\xef\xbb\xbf" + PLAIN.encode()),
    Odd("spaces before quoted cells", 'text, label\n"good, film", "pos"\n"bad film", "neg"\n', (("good, film", "pos"), ("bad film", "neg")), note="spaces after a delimiter"),
    Odd("a header that numbers the columns", "0,1\ngood film one,1\nbad film two,0\n" * 1 + "fair film,1\nsad film,0\n", (("good film one", "1"), ("bad film two", "0"), ("fair film", "1"), ("sad film", "0")), note="numbers the columns", options=ReadOptions(label_column="1")),
    Odd("a numbered header after row numbers", ",0,1\n0,good film one,yes\n1,bad film two,no\n", (("good film one", "yes"), ("bad film two", "no")), note="numbers the columns", options=ReadOptions(text_column="0", label_column="1")),
    Odd("UTF-16 with a mark, little endian", b"\xff\xfe" + TURKISH.encode("utf-16-le"), TURKISH_ROWS, note="UTF-16-LE"),
    Odd("UTF-16 with a mark, big endian", b"\xfe\xff" + TURKISH.encode("utf-16-be"), TURKISH_ROWS, note="UTF-16-BE"),
    Odd("UTF-32 with a mark", b"\xff\xfe\x00\x00" + TURKISH.encode("utf-32-le"), TURKISH_ROWS, note="UTF-32-LE"),
    Odd("UTF-16 without a mark, when told", TURKISH.encode("utf-16-le"), TURKISH_ROWS, options=ReadOptions(encoding="utf-16-le")),
    Odd("Latin-1 is guessed and told", FRENCH.encode("latin-1"), FRENCH_ROWS, note="cp1252, which is a guess"),
    Odd("Windows-1252 is guessed and told", (FRENCH + "5 € – “cher”,neg\n").encode("cp1252"), (*FRENCH_ROWS, ("5 € – “cher”", "neg")), note="cp1252"),
    Odd("the encoding that was told wins over the guess", "text,label\nпривет мир,да\nпока мир,нет\n".encode("cp866"), (("привет мир", "да"), ("пока мир", "нет")), options=ReadOptions(encoding="cp866")),
    Odd("bidirectional and invisible characters stay", "text,label\nשלום \u202eabc\u202c,pos\na\u200bb\ufeffc d,neg\n", (("שלום \u202eabc\u202c", "pos"), ("a\u200bb\ufeffc d", "neg"))),
    Odd("emoji and combining marks stay as they are", "text,label\n👩‍👩‍👧 cafe\u0301,pos\ncafé ok,neg\n", (("👩‍👩‍👧 cafe\u0301", "pos"), ("café ok", "neg"))),
    Odd("a line separator inside a text is no line end", "text,label\nup\u2028down\x0cand\x85on,pos\nbad film,neg\n", (("up\u2028down\x0cand\x85on", "pos"), ("bad film", "neg")), lines=(2, 3)),
    # line ends
    Odd("Windows line ends", PLAIN.replace("\n", "\r\n"), lines=(2, 3)),
    Odd("old Mac line ends", PLAIN.replace("\n", "\r"), lines=(2, 3)),
    Odd("no line end after the last row", PLAIN[:-1], lines=(2, 3)),
    Odd("blank lines are no rows but are lines", "text,label\n\ngood film,pos\n\n\nbad film,neg\n\n", lines=(3, 6)),
    # quotes
    Odd("quoted line breaks and doubled quotes", 'text,label\n"a ""fine""\nfilm, really",pos\nbad film,neg\n', (('a "fine"\nfilm, really', "pos"), ("bad film", "neg")), lines=(2, 4)),
    Odd("a quoted Windows line break stays as it is written", 'text,label\r\n"one\r\ntwo",pos\r\nbad film,neg\r\n', (("one\r\ntwo", "pos"), ("bad film", "neg")), lines=(2, 4)),
    Odd("a lone carriage return in a quoted cell ends no line", 'text,label\n"one\rtwo",pos\nbad film,neg\n', (("one\rtwo", "pos"), ("bad film", "neg")), lines=(2, 3)),
    Odd("a poem with a comma in each line is one text", 'label,text\npos,"roses, red\nviolets, blue\nsugar, sweet\nyou, too"\nneg,bad film\npos,fair film\nneg,sad film\n', (("roses, red\nviolets, blue\nsugar, sweet\nyou, too", "pos"), ("bad film", "neg"), ("fair film", "pos"), ("sad film", "neg")), lines=(2, 6, 7, 8)),
    Odd("quotes in the middle of an unquoted cell are characters", 'text,label\na 5" screen,pos\nbad film,neg\n', (('a 5" screen', "pos"), ("bad film", "neg"))),
    Odd("quotes of a tsv without quoting are characters, and that is told", 'text\tlabel\n"good film\tpos\nbad" film\tneg\n"so" so film\tpos\n', (('"good film', "pos"), ('bad" film', "neg"), ('"so" so film', "pos")), suffix=".tsv", note="plain characters"),
    Odd("quotes of a quoted tsv are quotes", 'text\tlabel\n"good\tfilm"\tpos\n"bad\nfilm"\tneg\n', (("good\tfilm", "pos"), ("bad\nfilm", "neg")), suffix=".tsv", lines=(2, 3)),
    Odd("a quote that is not doubled is reported with its line", 'text,label\n"so "good" film",pos\ngood film,pos\nbad film,neg\n', reported=(("D001", (2,)),)),
    # delimiters and headers
    Odd("semicolons are recognised and told", "text;label\ngood film;pos\nbad film;neg\n", note="semicolon"),
    Odd("vertical bars are recognised and told", "text|label\ngood film|pos\nbad film|neg\n", note="vertical bar"),
    Odd("tabs in a csv are recognised and told", "text\tlabel\ngood film\tpos\nbad film\tneg\n", note="a tab"),
    Odd("commas in a tsv are recognised and told", PLAIN, suffix=".tsv", note="a comma"),
    Odd("the delimiter that was told wins", "text/label\ngood film/pos\nbad film/neg\n", options=ReadOptions(delimiter="/")),
    Odd("tab can be spelled out", "text\tlabel\ngood film\tpos\nbad film\tneg\n", options=ReadOptions(delimiter="tab")),
    Odd("commas in the text of a semicolon file separate nothing", "label;text\npos;good, nice film\nneg;bad, ugly film\nneg;sad film\n", (("good, nice film", "pos"), ("bad, ugly film", "neg"), ("sad film", "neg"))),
    Odd("a semicolon file without a header", "neutral;the film was shown\nneg;it was a bad film\nneutral;it ran for two hours\nneg;the end was bad\n", (("the film was shown", "neutral"), ("it was a bad film", "neg"), ("it ran for two hours", "neutral"), ("the end was bad", "neg")), lines=(1, 2, 3, 4), note="looks like data"),
    Odd("no header, as told", "good film,pos\nbad film,neg\n", lines=(1, 2), options=ReadOptions(no_header=True, text_column="1", label_column="2")),
    Odd("empty names and empty columns at the end are ignored", "v1,v2,,,\nham,see you there at noon,,,\nspam,free entry in a weekly draw,,,\nham,ok see you\nspam,free cash now for you,,,\n", (("see you there at noon", "ham"), ("free entry in a weekly draw", "spam"), ("ok see you", "ham"), ("free cash now for you", "spam"))),
    Odd("an index column without a name is not the label", ",text,kind\n0,good film,pos\n1,bad film,neg\n2,fair film,pos\n3,sad film,neg\n", (*THIRD, ("sad film", "neg"))),
    Odd("repeated names that nobody needs do not matter", "text,x,x,label\ngood film,1,2,pos\nbad film,3,4,neg\n"),
    Odd("16,384 columns", "text," + ",".join(f"c{n}" for n in range(16_382)) + ",label\n" + "".join(f"{t}{',' * 16_383}{label}\n" for t, label in GOOD)),
    Odd("label beside sentiment", "sentiment,label,text\nhappy,1,good film\nsad,0,bad film\nhappy,1,fair film\nsad,0,sad film\n", (("good film", "1"), ("bad film", "0"), ("fair film", "1"), ("sad film", "0")), note="'sentiment' could be the label too"),
    Odd("text beside title", "title,text,label\nA,good film,pos\nB,bad film,neg\n"),
    Odd("names with another case and spaces", "Review Text,Class Label\ngood film,pos\nbad film,neg\n"),
    # rows
    Odd("rows that are too long or too short are reported", "text,label\ngood film,pos\nshort\nx,y,z\nbad film,neg\nfair film,pos\n", THIRD, lines=(2, 5, 6), reported=(("D001", (3, 4)),)),
    Odd("empty cells beyond the header say nothing", "text,label\ngood film,pos,,\nbad film,neg\n"),
    Odd("a repeated header is reported, not read as a row", PLAIN + PLAIN, (*GOOD, *GOOD), lines=(2, 3, 5, 6), reported=(("D001", (4,)),)),
    Odd("texts like NA are texts", "text,label\n" + "".join(f"{text},{'ab'[i % 2]}\n" for i, text in enumerate(NA_LIKE)), tuple((text, "ab"[i % 2]) for i, text in enumerate(NA_LIKE))),
    Odd("labels like NA are labels", "text,label\n" + "".join(f"row {i},{label}\n" for i, label in enumerate(NA_LIKE)), tuple((f"row {i}", label) for i, label in enumerate(NA_LIKE))),
    Odd("white space in a text stays", "text,label\n  good  film ,pos\nbad film,neg\n", (("  good  film ", "pos"), ("bad film", "neg"))),
    Odd("blank texts are reported", 'text,label\n ,pos\ngood film,pos\n"",neg\nbad film,neg\n', reported=(("D002", (2, 4)),)),
    Odd("missing labels are reported", "text,label\ngood film,pos\nbad film,neg\nfair film, \nfine film,\n", reported=(("D003", (4, 5)),)),
    Odd("white space around a label is cut off, and told", "text,label\ngood film, pos\nbad film,neg \nfair film,pos\n", THIRD, reported=(("D004", (2, 3)),)),
    Odd("a lone NUL costs its row only", "text,label\n" + "good film,pos\nbad film,neg\n" * 20 + "a\0b,pos\n", GOOD * 20, reported=(("D001", (42,)),)),
    Odd("a cell of 2 MB", f'text,label\n"{LONG}",pos\nbad film,neg\n', ((LONG, "pos"), ("bad film", "neg"))),
    Odd("a limit counts usable rows", "text,label\n,pos\ngood film,pos\nbad film,neg\nfair film,pos\n", options=ReadOptions(limit=2), reported=(("D002", (2,)),)),
    Odd("one label only is still read", "text,label\ngood film,pos\nfair film,pos\n", (("good film", "pos"), ("fair film", "pos"))),
    Odd("one row per label is still read", "text,label\n" + "".join(f"film {n},l{n}\n" for n in range(9)), tuple((f"film {n}", f"l{n}") for n in range(9))),
    # JSON
    Odd("JSON lines", GOOD_JSON, suffix=".jsonl", lines=(1, 2)),
    Odd("JSON lines with blank lines", "\n" + GOOD_JSON.replace("\n", "\n\n"), suffix=".jsonl", lines=(2, 4)),
    Odd("JSON lines after a byte order mark", b"\xef\xbb\xbf" + GOOD_JSON.encode(), suffix=".jsonl"),
    Odd("JSON lines in a .json file", GOOD_JSON, suffix=".json"),
    Odd("one JSON array of objects, line by line", '[\n  {"text": "good film", "label": "pos"},\n  {"text": "bad film", "label": "neg"}\n]\n', suffix=".json", lines=(2, 3)),
    Odd("JSON lines in a .csv file", GOOD_JSON, note="holds JSON"),
    Odd("csv in a .jsonl file", PLAIN, suffix=".jsonl", note="says JSON"),
    Odd("JSON numbers are kept as written", '{"text": 1.50, "label": 1}\n{"text": "b", "label": 1.0}\n{"text": "c", "label": 1e3}\n', (("1.50", "1"), ("b", "1.0"), ("c", "1e3")), suffix=".jsonl"),
    Odd("JSON booleans are true and false", jsonl(row("a b", True), row("c d", False)), (("a b", "true"), ("c d", "false")), suffix=".jsonl"),
    Odd("JSON null is a missing value, not the text null", GOOD_JSON + jsonl(row(None, "pos"), row("x y", None), row("null", "neg")), (*GOOD, ("null", "neg")), suffix=".jsonl", reported=(("D002", (3,)), ("D003", (4,)))),
    Odd("a JSON key that is not there is a missing value", GOOD_JSON + jsonl({"label": "pos"}, {"text": "x y"}), suffix=".jsonl", reported=(("D002", (3,)), ("D003", (4,)))),
    Odd("JSON NaN costs its row", GOOD_JSON + '{"text": NaN, "label": "pos"}\n', suffix=".jsonl", reported=(("D001", (3,)),)),
    Odd("a JSON key given twice costs its row", GOOD_JSON + '{"text": "a", "text": "b", "label": "pos"}\n', suffix=".jsonl", reported=(("D001", (3,)),)),
    Odd("a nested JSON text costs its row", GOOD_JSON + jsonl(row({"en": "a"}, "pos"), row("x", ["pos"])), suffix=".jsonl", reported=(("D001", (3, 4)),)),
    Odd("nested JSON elsewhere does not matter", jsonl(row("good film", "pos") | {"meta": {"a": 1}}, row("bad film", "neg")), suffix=".jsonl"),
    Odd("lines that are no JSON objects are reported", GOOD_JSON + '{"text": \n[1]\n' + GOOD_JSON, (*GOOD, *GOOD), suffix=".jsonl", lines=(1, 2, 5, 6), reported=(("D001", (3, 4)),)),
    Odd("half a surrogate pair costs its row", GOOD_JSON + '{"text": "a \\ud83d b", "label": "pos"}\n', suffix=".jsonl", reported=(("D001", (3,)),)),
    Odd("a whole surrogate pair is its character", '{"text": "a \\ud83d\\ude00", "label": "pos"}\n' + GOOD_JSON, (("a 😀", "pos"), *GOOD), suffix=".jsonl"),
    # Parquet
    Odd("Parquet", parquet({"text": ["good film", "bad film"], "label": ["pos", "neg"]}), suffix=".parquet", lines=(1, 2)),
    Odd("Parquet nulls are missing values", parquet({"text": ["good film", None, "x y", "bad film"], "label": ["pos", "pos", None, "neg"]}), suffix=".parquet", reported=(("D002", (2,)), ("D003", (3,)))),
    Odd("Parquet integers are their digits", parquet({"text": ["good film", "bad film"], "label": [1, 0]}), (("good film", "1"), ("bad film", "0")), suffix=".parquet"),
    Odd("Parquet NaN is a missing value", parquet({"text": ["good film", "x y", "bad film"], "label": [1.0, float("nan"), 0.0]}), (("good film", "1.0"), ("bad film", "0.0")), suffix=".parquet", reported=(("D003", (2,)),)),
    Odd("Parquet in a .csv file", parquet({"text": ["good film", "bad film"], "label": ["pos", "neg"]})),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.claim for case in CASES])
def test_is_read_as(case: Odd, tmp_path: Path) -> None:
    path = tmp_path / f"data{case.suffix}"
    if callable(case.content):
        case.content(path)
    else:
        path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())

    read = read_examples(str(path), case.options, name=path.name)

    assert tuple((example.text, example.label) for example in read.examples) == case.rows
    expected = {code: tuple(f"{path.name}:{line}" for line in lines) for code, lines in case.reported}
    assert {finding.code: finding.rows for finding in read.findings} == expected
    if case.lines is not None:
        assert tuple(example.origin.line for example in read.examples) == case.lines
    if case.note is not None:
        assert any(case.note in note for note in read.notes), read.notes
