"""Files that cannot be read: the error's class, and that its message names file, line, reason and remedy."""

# ruff: noqa: E501 (one case is one line: the table is read downwards)

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bertsmith.data.reading import read_examples
from bertsmith.data.table import ReadOptions
from bertsmith.errors import BertsmithError, ConfigError, EmptySplit, MissingColumn, UnreadableFile

PLAIN = "text,label\ngood film,pos\nbad film,neg\n"
ROWS = "".join(f"film number {n},{'pos' if n % 2 else 'neg'}\n" for n in range(20))


@dataclass(frozen=True)
class Refused:
    """A file, and what its error must be."""

    claim: str
    content: bytes | str | Callable[[Path], None]
    error: type[BertsmithError]
    words: tuple[str, ...]
    """Reason and remedy, as they must stand in the message."""
    line: int | None = None
    name: str = "data.csv"
    options: ReadOptions = ReadOptions()
    names_file: bool = True


def beside(path: Path) -> None:
    (path.parent / "data.csv").write_text(PLAIN)


def nowhere(path: Path) -> None:
    assert not path.parent.exists()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    return stream.getvalue()


CASES = (
    Refused("a folder", Path.mkdir, UnreadableFile, ("folder", "Give one file")),
    Refused("a missing file", beside, UnreadableFile, ("no such file", "Did you mean 'data.csv'?"), name="dat.csv"),
    Refused("a missing folder", nowhere, UnreadableFile, ("no folder", "Check the path"), name="nowhere/data.csv"),
    Refused("a named pipe", os.mkfifo, UnreadableFile, ("named pipe", "Save the rows to a file")),
    Refused("an empty file", b"", UnreadableFile, ("the file is empty", "Expected rows")),
    Refused("white space only", b" \n\n\t\n", UnreadableFile, ("5 bytes of white space", "Expected rows")),
    Refused("a header only", "text,label\n", EmptySplit, ("no rows below the header", "Add rows")),
    Refused("gzip", gzip.compress(PLAIN.encode()), UnreadableFile, ("gzip", "Decompress")),
    Refused("an Excel workbook", zipped(), UnreadableFile, (".xlsx", "export the sheet as CSV"), name="data.xlsx"),
    Refused("a PDF", b"%PDF-1.7\n...", UnreadableFile, ("PDF", "Export")),
    Refused("a pickle", b"\x80\x04\x95\x10\x00\x00", UnreadableFile, ("pickle", "Write the table"), name="data.pkl"),
    Refused("a web page", "\n<!DOCTYPE html>\n<html>", UnreadableFile, ("web page", "Download the raw file")),
    Refused("a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n", UnreadableFile, ("LFS", "git lfs pull")),
    Refused("binary data", bytes(range(256)) * 20 + bytes(900), UnreadableFile, ("binary", "Give a file of text")),
    Refused("UTF-16 without a mark, little endian", PLAIN.encode("utf-16-le"), UnreadableFile, ("UTF-16", "--encoding utf-16-le")),
    Refused("UTF-16 without a mark, big endian", PLAIN.encode("utf-16-be"), UnreadableFile, ("UTF-16", "--encoding utf-16-be")),
    Refused("UTF-16 cut in the middle of a character", b"\xff\xfe" + PLAIN.encode("utf-16-le") + b"x", UnreadableFile, ("cannot be decoded", "--encoding"), line=4),
    Refused("mixed encodings", "text,label\ncafé,pos\ncrème,neg\n".encode() + "été,pos\n".encode("latin-1"), UnreadableFile, ("mixes encodings", "save the file as UTF-8"), line=4),
    Refused("a byte that the told encoding lacks", PLAIN.encode() + b"caf\xe9,pos\n", UnreadableFile, ("0xe9", "--encoding"), line=4, options=ReadOptions(encoding="utf-8")),
    Refused("an encoding that does not exist", PLAIN, ConfigError, ("'utf-9'", "Did you mean 'utf-8'?"), options=ReadOptions(encoding="utf-9"), names_file=False),
    Refused("a delimiter of two characters", PLAIN, ConfigError, ("'||'", "expected one character"), options=ReadOptions(delimiter="||"), names_file=False),
    Refused("a quote that is open to the end", 'text,label\ngood film,pos\n"bad film,neg\nfair film,pos\n', UnreadableFile, ("not closed", "Close the quote"), line=3),
    Refused("a quote that is open in the last line", 'text,label\ngood film,pos\n"bad film,neg', UnreadableFile, ("not closed", "Close the quote"), line=3),
    Refused("a quote that is closed by the next quoted cell", 'label,text\npos,good film\nneg,"bad film\npos,fair film\nneg,"sad, long film"\npos,fine film\n', UnreadableFile, ("not closed", "Close the quote"), line=3),
    Refused("a quote that swallows two rows and closes well", 'label,text\npos,a b\nneg,c d\npos,e f\nneg,g h\npos,"bad film\nneg,i j\npos,a 5"\nneg,k l\n', UnreadableFile, ("not closed", "Close the quote"), line=6),
    Refused("a quote that swallows rows after a good line break", f'text,label\n"one\ntwo",pos\n{ROWS}"bad film,neg\n{ROWS}', UnreadableFile, ("not closed", "Close the quote"), line=24),
    Refused("a stray quote in a quoted tsv", 'text\tlabel\n' + '"a ""b"" c"\tpos\n"d ""e"" f"\tneg\n' * 10 + '"bad film\tpos\nfair film\tneg\n', UnreadableFile, ("not closed", "Close the quote"), line=22, name="data.tsv"),
    Refused("mostly ragged rows", "text,label\na,b,c\nd,e,f,g\nh,i,j\ngood film,pos\n", UnreadableFile, ("3 of 4 rows", "--delimiter"), line=2),
    Refused("no usable row", "text,label\n,pos\n ,neg\nfilm,\n", EmptySplit, ("none of the 3 rows", "2 without text", "--text-column")),
    Refused("a needed name twice", "text,text,label\ngood film,x y z,pos\nbad film,z y x,neg\n", MissingColumn, ("2 columns are called 'text'", "different names")),
    Refused("a column that is not there", PLAIN, MissingColumn, ("no column 'txt'", "Did you mean 'text'?", "Correct --text-column"), options=ReadOptions(text_column="txt")),
    Refused("one column for two roles", PLAIN, MissingColumn, ("both name 'text'", "two different columns"), options=ReadOptions(text_column="text", label_column="text")),
    Refused("two possible texts", "a,b,label\n" + "this is one text,that is other text,pos\nmore of this text,more of that text,neg\n" * 2, MissingColumn, ("'a' or 'b'", "--text-column a --pair-column b")),
    Refused("two possible labels", "text,k1,k2\n" + "good film,a,x\nbad film,b,y\n" * 5, MissingColumn, ("'k1' or 'k2'", "--label-column")),
    Refused("no text at all", "n,m\n1,2\n3,4\n", MissingColumn, ("no column can be recognised as the text", "--text-column")),
    Refused("no label at all", "text\ngood film\nbad film\n", MissingColumn, ("no column can be recognised as the label", "--label-column")),
    Refused("one JSON object over several lines", '{\n  "text": ["a"],\n  "label": ["b"]\n}\n', UnreadableFile, ("one JSON object", "one object per line"), line=1, name="data.json"),
    Refused("a broken JSON array", '[\n{"text": "a", "label": "b"},\n{"text": "a" "label"}\n]', UnreadableFile, ("broken", "one object per line"), line=3, name="data.json"),
    Refused("a JSON array without its end", '[\n{"text": "a", "label": "b"}\n', UnreadableFile, ("does not go on", "Correct it"), line=3, name="data.json"),
    Refused("an empty JSON array", "[]\n", UnreadableFile, ("no object", "Expected lines like"), line=1, name="data.json"),
    Refused("JSON lines that are mostly broken", '{"text": "a b", "label": "x"}\n{"text\n{"text\n', UnreadableFile, ("2 of 3 rows", "not JSON"), line=2, name="data.jsonl"),
    Refused("JSON lines below a comment", '// exported\n{"text": "a b", "label": "x"}\n', UnreadableFile, ("begins with '// exported'", "remove this one"), line=1, name="data.jsonl"),
    Refused("JSON lines without quoted keys", '{text: "a b", label: "x"}\n', UnreadableFile, ("not in double quotes", "Expected lines like"), line=1, name="data.jsonl"),
    Refused("a JSON array of arrays", '[["a b", "x"], ["c d", "y"]]\n', UnreadableFile, ("not one of objects", "array of such objects"), line=1, name="data.json"),
    Refused("UTF-16 told, but no mark", "text,label\nä,b\n".encode() + b"x", UnreadableFile, ("utf-16", "--encoding"), options=ReadOptions(encoding="utf-16")),
    Refused("a pair and a text", "question,answer,text,label\n" + "what is that thing,this is a thing,a whole other text,x\nwhere is the thing,that is no thing,one more other text,y\n" * 3, MissingColumn, ("'text' alone, or 'question' and 'answer' together", "--text-column text")),
    Refused("a cut Parquet file", b"PAR1\x15\x04", UnreadableFile, ("damaged", "Write it again"), name="data.parquet"),
    Refused("100,000 columns", "text," + ",".join(f"c{n}" for n in range(99_998)) + ",label\n" + PLAIN, UnreadableFile, ("100,000 columns; at most 16,384", "Keep the columns"), line=1),
    Refused("csv in a .parquet file", PLAIN, UnreadableFile, ("says Parquet", "suffix"), name="data.parquet"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.claim for case in CASES])
def test_is_refused_with_place_reason_and_remedy(case: Refused, tmp_path: Path) -> None:
    path = tmp_path / case.name
    if callable(case.content):
        case.content(path)
    else:
        path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())

    with pytest.raises(case.error) as caught:
        read_examples(str(path), case.options)

    message = str(caught.value)
    assert type(caught.value) is case.error
    assert message.startswith(str(path)) == case.names_file
    for word in case.words:
        assert word in message
    if case.line is not None:
        assert f"{path}, line {case.line}: " in message
