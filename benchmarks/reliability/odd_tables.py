"""Broken and odd input, built in code: every case writes a file (or what is none) and says what must come of it."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import pickle
import random
import socket
import tarfile
import threading
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.story.rows import keyword_rows

Content = bytes | str | Callable[[Path], None]
NUM_GOOD = 60
GOOD = keyword_rows(NUM_GOOD)
NA_LIKE = ("NA", "N/A", "n/a", "None", "null", "NULL", "nan", "NaN", "<NA>", "-", "#N/A")
NUMBERS = (
    "0",
    "007",
    "1e5",
    "1.0",
    "1.00",
    "-0",
    "+1",
    "1_000",
    "0x1F",
    "１２",
    "1,5",
    "Infinity",
    "TRUE",
    "false",
)


@dataclass(frozen=True)
class OddTable:
    """One input."""

    name: str
    content: Content
    rows: int | None = None
    """Rows that it has, where that can be said."""
    unused: int = 0
    """Of these, the rows that must be reported and not used."""
    refused: tuple[str, ...] | None = None
    """It cannot be read: words that the message must have."""
    file: str = "data.csv"
    flags: tuple[object, ...] = ()
    predicts: bool = False
    """`predict` can do more with it than training can."""
    made: bool = True
    """Whether the message names the file."""


def table(
    rows: Sequence[Sequence[str]], header: Sequence[str] = ("text", "label"), delimiter: str = ","
) -> str:
    """The rows as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerows([header, *rows])
    return stream.getvalue()


def good(*more: Sequence[str]) -> str:
    """Sixty rows that can be learned, and these."""
    return table([*GOOD, *more])


def lines(*more: str) -> str:
    """Sixty good JSON lines, and these."""
    return "".join(f"{json.dumps({'text': text, 'label': label})}\n" for text, label in GOOD) + "".join(
        f"{line}\n" for line in more
    )


def _cells() -> Iterator[OddTable]:
    def added(name: str, *rows: Sequence[str], unused: int = 0) -> OddTable:
        return OddTable(name, good(*rows), NUM_GOOD + len(rows), unused)

    yield added("NA-like texts", *((text, "positive") for text in NA_LIKE))
    yield added("NA-like labels", *((f"row {n} of it", label) for n, label in enumerate(NA_LIKE * 4)))
    yield added("numbers as texts", *((text, "negative") for text in NUMBERS))
    yield added("numbers as labels", *((f"row {n} of it", label) for n, label in enumerate(NUMBERS * 4)))
    yield added("100,000 combining marks in a text", ("e" + "\u0301" * 100_000, "positive"))
    yield added("100,000 combining marks as a label", ("a good film", "e" + "\u0301" * 100_000))
    yield added(
        "100,000 different combining marks",
        ("e" + "".join(chr(0x300 + n % 70) for n in range(100_000)), "positive"),
    )
    yield added("a label of 1 MB", ("a good film", "x" * 1_000_000), ("a bad film", "x" * 1_000_000))
    yield added(
        "two labels of 1 MB that differ at their ends",
        ("a good film", "x" * 1_000_000 + "a"),
        ("a bad film", "x" * 1_000_000 + "b"),
    )
    yield added("a word of 2 MB", ("w" * 2_000_000, "positive"))
    yield added("2 MB of Chinese", ("电影很好看" * 130_000, "positive"))
    yield added("2 MB of emoji", ("😀🎬" * 250_000, "positive"))
    yield added("a million spaces and a word", (" " * 1_000_000 + "good", "positive"))
    yield added(
        "2 MB of one repeated sentence, twice",
        ("a good film. " * 150_000, "positive"),
        ("a good film. " * 150_000, "positive"),
    )
    yield added(
        "two nearly equal texts of 2 MB",
        ("a good film. " * 150_000 + "x", "positive"),
        ("a good film. " * 150_000 + "y", "negative"),
    )
    yield added("2 MB of digits", ("1234567890" * 200_000, "positive"))
    yield added("2 MB of punctuation", ("!?.,;:" * 330_000, "positive"))
    yield added("2 MB of HTML", ("<b>&amp;</b>" * 160_000, "positive"))
    yield added("2 MB of what looks like mojibake", ("Ã©â€™" * 300_000, "positive"))
    yield added("zero-width texts", *(("\u200b\u200b\u2060", "positive") for _ in range(5)))
    yield added("emoji only", *(("👍" * n, "positive") for n in range(1, 9)))
    yield added("right-to-left overrides", *((f"\u202e{text}\u202c", label) for text, label in GOOD[:9]))
    yield added("special tokens", *(("[CLS] [SEP] [MASK] [PAD] [UNK]", "positive") for _ in range(5)))
    yield added("a NUL in five cells", *(("a\0b", "positive") for _ in range(5)), unused=5)
    yield added("blank texts", *((" \t ", "positive") for _ in range(5)), unused=5)
    yield added("blank labels", *(("a good film", " ") for _ in range(5)), unused=5)
    yield added("line breaks in cells", *((f"a good\nfilm\r\nof {n}\n\n", "positive") for n in range(8)))
    yield added("quotes in cells", *((f'a "good" ""film"" {n}"', "positive") for n in range(8)))
    yield added(
        "every control character in a text",
        *((f"a{chr(code)}b", "positive") for code in (*range(1, 13), *range(14, 32))),
    )
    yield added(
        "every control character in a label",
        *(
            (f"a good film {code}", f"x{chr(code)}y")
            for code in (*range(1, 13), *range(14, 32))
            for _ in range(3)
        ),
    )
    yield added(
        "separators of Unicode in a cell",
        *(("a\u2028b\u2029c\x85d\x1ce\x1df\x1e", "positive") for _ in range(5)),
    )
    yield added(
        "private and unassigned characters",
        *(("\ue000\U000f0000\u0378\ufffe\uffff", "positive") for _ in range(5)),
    )


def _labels() -> Iterator[OddTable]:
    def labelled(name: str, *labels: str, each: int = 8) -> OddTable:
        rows = [(f"{GOOD[n % NUM_GOOD][0]} {n}", label) for n, label in enumerate(labels * each)]
        return OddTable(name, table(rows), len(rows))

    yield labelled("one class", "only", each=80)
    yield labelled("one row per class", *(f"class {n}" for n in range(80)), each=1)
    yield labelled("two rows per class", *(f"class {n}" for n in range(80)), each=2)
    yield labelled("1,000 classes", *(f"class {n}" for n in range(1000)), each=4)
    yield labelled("10,000 classes", *(f"class {n}" for n in range(10_000)), each=2)
    yield labelled("labels that differ by case", "Pos", "pos", "POS", "neg")
    yield labelled("labels that differ by space", "very good", "very  good", "very\u00a0good", "very_good")
    yield labelled(
        "labels that differ by composition",
        unicodedata.normalize("NFC", "café"),
        unicodedata.normalize("NFD", "café"),
        "cafe",
    )
    yield labelled("labels that differ by width", "ABC", "ＡＢＣ", "abc")
    yield labelled("labels that look the same", "pos", "pоs", "роs")
    yield labelled("labels of several values", "a,b", "a", "b", "b;a", "['a', 'b']")
    yield labelled(
        "labels that are sentences",
        *(f"this label is a whole long sentence with many words in it, {n}" for n in range(9)),
    )
    yield labelled("999 rows of one class and one of another", *(["a"] * 999), "b", each=1)
    yield labelled("a number per row", *(f"{n / 7:.5f}" for n in range(300)), each=1)
    yield OddTable("the label is the text", table([(text, text) for text, _ in GOOD]), NUM_GOOD)
    yield OddTable(
        "the same text with 40 labels", table([("a good film", f"l{n % 40}") for n in range(200)]), 200
    )
    yield OddTable(
        "the same row 20,000 times",
        table([("a good film", "pos")] * 10_000 + [("a bad film", "neg")] * 10_000),
        20_000,
    )
    yield OddTable(
        "nearly the same text 3,000 times",
        table([(f"the film was good and long, number {n}", "ab"[n % 2]) for n in range(3000)]),
        3000,
    )
    yield OddTable(
        "long texts that share most of their text",
        table([("a good film and a long one " * 60 + str(n), "ab"[n % 2]) for n in range(500)]),
        500,
    )


def _headers() -> Iterator[OddTable]:
    yield OddTable(
        "5,000 columns",
        table([(*row, *("x",) * 5000) for row in GOOD], ("text", "label", *(f"c{n}" for n in range(5000)))),
        NUM_GOOD,
    )
    yield OddTable(
        "100,000 columns",
        table(
            [(*row, *("x",) * 100_000) for row in GOOD[:20]],
            ("text", "label", *(f"c{n}" for n in range(100_000))),
        ),
    )
    yield OddTable(
        "1,000,000 columns",
        table([(*row, *("",) * 1_000_000) for row in GOOD[:2]], ("text", "label", *("c",) * 1_000_000)),
    )
    yield OddTable(
        "100,000 columns and no text",
        table([("1",) * 100_000] * 3, [f"c{n}" for n in range(100_000)]),
        refused=("at most 16,384",),
        predicts=True,
    )
    yield OddTable(
        "100,000 columns and a wrong name",
        table(
            [(*row, *("x",) * 100_000) for row in GOOD[:3]],
            ("text", "label", *(f"c{n}" for n in range(100_000))),
        ),
        flags=("--text-column", "txt"),
        refused=("100,002 columns",),
    )
    yield OddTable(
        "a column name of 1 MB",
        table([(*row, "x") for row in GOOD], ("text", "label", "n" * 1_000_000)),
        NUM_GOOD,
    )
    yield OddTable("a text column whose name has 1 MB", table(GOOD, ("n" * 1_000_000, "label")), NUM_GOOD)
    yield OddTable(
        "empty column names", table([(*row, "x", "y") for row in GOOD], ("text", "label", "", "")), NUM_GOOD
    )
    yield OddTable("no column has a name", table(GOOD, ("", "")))
    yield OddTable(
        "two columns called text",
        table([(text, text, label) for text, label in GOOD], ("text", "text", "label")),
        refused=("called 'text'",),
    )
    yield OddTable(
        "two columns called label",
        table([(text, label, label) for text, label in GOOD], ("text", "label", "label")),
        refused=("called 'label'",),
        predicts=True,
    )
    yield OddTable(
        "names that differ by case", table([(*row, "x") for row in GOOD], ("Text", "LABEL", "label "))
    )
    yield OddTable(
        "a column name with line breaks",
        table([(*row, "x") for row in GOOD], ("text", "label", "a\nb\r\nc")),
        NUM_GOOD,
    )
    yield OddTable(
        "a byte order mark before a quoted name",
        b'\xef\xbb\xbf"text","label"\n' + table(GOOD).split("\n", 1)[1].encode(),
        NUM_GOOD,
    )
    yield OddTable("two byte order marks", b"\xef\xbb\xbf" * 2 + good().encode(), NUM_GOOD)
    yield OddTable("a header only", "text,label\n", refused=("no rows below the header",), predicts=True)
    yield OddTable("a header without its line end", "text,label", refused=("no rows",), predicts=True)
    yield OddTable(
        "the header again before every tenth row",
        table([row for n in range(0, NUM_GOOD, 10) for row in (("text", "label"), *GOOD[n : n + 10])]),
        NUM_GOOD + 6,
        6,
    )
    yield OddTable("nothing but delimiters", ",,,,\n" * 50)
    yield OddTable("nothing but quotes", '"' * 5001)
    yield OddTable("one byte", b"x")
    yield OddTable("one NUL", b"\0", refused=("data.csv",))
    yield OddTable("0 bytes", b"", refused=("the file is empty",))
    yield OddTable("only a byte order mark", b"\xef\xbb\xbf", refused=("data.csv",))
    yield OddTable("only a byte order mark of UTF-16", b"\xff\xfe", refused=("data.csv",))
    yield OddTable("100,000 blank lines before the header", "\n" * 100_000 + good(), NUM_GOOD)
    yield OddTable("100,000 blank lines between rows", good().replace("\n", "\n" * 1600), NUM_GOOD)


def _lines() -> Iterator[OddTable]:
    yield OddTable("a tenth of the rows ragged", good() + "a,b,c\n" * 6, NUM_GOOD + 6, 6)
    yield OddTable(
        "most rows ragged",
        good() + "a,b,c\n" * 90,
        refused=("rows cannot be read", "--delimiter"),
        predicts=True,
    )
    yield OddTable("rows with one field", good() + "only a text\n" * 6, NUM_GOOD + 6, 6)
    yield OddTable("rows with 10,000 fields", good() + ("x," * 10_000 + "\n") * 3)
    yield OddTable(
        "a mixture of line ends",
        "\r\n".join(good().split("\n")[:20]) + "\r\n" + "\n".join(good().split("\n")[20:]),
        NUM_GOOD,
    )
    yield OddTable("line ends of old Macs", good().replace("\n", "\r"), NUM_GOOD)
    yield OddTable("line feeds before carriage returns", good().replace("\n", "\n\r"))
    yield OddTable("no line end at the end", good().rstrip("\n"), NUM_GOOD)
    yield OddTable(
        "an open quote in the middle",
        good(*GOOD) + '"open,pos\n' + "x y z,pos\n" * 30,
        refused=("not closed",),
        predicts=True,
    )
    yield OddTable(
        "a quote that is never closed before 5 MB",
        "text,label\n" + '"' + "good film,pos\n" * 360_000,
        refused=("data.csv",),
    )
    yield OddTable("a single line of 20 MB", "text,label " + "word " * 4_000_000)
    yield OddTable("a delimiter per character", "," * 2_000_000)
    yield OddTable("semicolons", table(GOOD, delimiter=";"), NUM_GOOD)
    yield OddTable("bars", table(GOOD, delimiter="|"), NUM_GOOD)
    yield OddTable(
        "a delimiter that is NUL",
        table(GOOD, delimiter="\x01").replace("\x01", "\0"),
        flags=("--delimiter", "\x01"),
    )
    yield OddTable("a delimiter that is a letter", table(GOOD), flags=("--delimiter", "e"))
    yield OddTable(
        "spaces as delimiter", table(GOOD, delimiter=" "), flags=("--delimiter", "space"), rows=NUM_GOOD
    )
    yield OddTable("backslash escapes", good().replace("good", 'g\\"ood'))
    yield OddTable("64 MB of NUL behind the rows", _sparse, refused=("data.csv",), predicts=True)


def _sparse(path: Path) -> None:
    path.write_text(good())
    os.truncate(path, 64 * 2**20)


def _encodings() -> Iterator[OddTable]:
    accented = table(
        [(f"le café était {text}", "raté" if label == "negative" else "réussi") for text, label in GOOD]
    )
    cyrillic = table(
        [(f"фильм был хороший и длинный {n}", "да" if n % 2 else "нет") for n in range(NUM_GOOD)]
    )
    japanese = table(
        [(f"この映画はとても良かったです {n}", "良い" if n % 2 else "悪い") for n in range(NUM_GOOD)]
    )
    for name in ("latin-1", "cp1252", "utf-8-sig", "utf-16", "utf-32", "mac_roman", "cp850"):
        yield OddTable(f"French in {name}", accented.encode(name), NUM_GOOD)
    for name in ("cp1251", "koi8-r", "iso8859-5", "cp866", "utf-16"):
        yield OddTable(f"Russian in {name}", cyrillic.encode(name))
    for name in ("shift_jis", "euc_jp", "iso2022_jp", "gb18030", "utf-8", "utf-16"):
        yield OddTable(f"Japanese in {name}", japanese.encode(name))
    yield OddTable("French in EBCDIC", accented.encode("cp500"))
    yield OddTable(
        "UTF-16 without its mark, said",
        accented.encode("utf-16-le"),
        NUM_GOOD,
        flags=("--encoding", "utf-16-le"),
    )
    yield OddTable(
        "UTF-16 with an odd number of bytes",
        b"\xff\xfe" + accented.encode("utf-16-le") + b"x",
        refused=("cannot be decoded",),
        predicts=True,
    )
    yield OddTable(
        "UTF-8 with a lone surrogate's bytes",
        accented.encode() + b"a \xed\xa0\x80 b,r\n",
        refused=("mixes encodings",),
    )
    yield OddTable(
        "UTF-8 with an overlong slash", accented.encode() + b"a \xc0\xaf b,r\n", refused=("mixes encodings",)
    )
    yield OddTable("UTF-8 cut in a character", accented.encode()[: accented.encode().rindex(b"\xc3") + 1])
    yield OddTable("two encodings in one file", accented.encode() + accented.encode("latin-1"))
    yield OddTable(
        "a file said to be in ASCII",
        accented.encode(),
        flags=("--encoding", "ascii"),
        refused=("ascii", "line 2"),
    )
    for name in (
        "rot13",
        "hex",
        "zlib",
        "base64",
        "idna",
        "punycode",
        "unicode_escape",
        "utf-7",
        "undefined",
        "mbcs",
        "raw_unicode_escape",
        "x" * 5000,
    ):
        yield OddTable(f"--encoding {name[:20]}", accented.encode(), flags=("--encoding", name), made=False)


def _paths() -> Iterator[OddTable]:
    def nothing(path: Path) -> None:
        """Leave the place empty."""

    def loop(path: Path) -> None:
        path.symlink_to(path)

    def listening(path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))

    yield OddTable("no such file", nothing, refused=("there is no such file",))
    yield OddTable("a folder", Path.mkdir, refused=("this is a folder",))
    yield OddTable("a named pipe nobody writes to", os.mkfifo, refused=("named pipe",))
    yield OddTable("a socket", listening, refused=("device or socket",))
    yield OddTable(
        "a link to nothing", lambda path: path.symlink_to("nowhere.csv"), refused=("no such file",)
    )
    yield OddTable("a link to itself", loop, refused=("cannot be opened",))
    yield OddTable("a link to /dev/zero", lambda path: path.symlink_to("/dev/zero"), refused=("device",))
    yield OddTable("a link to /dev/null", lambda path: path.symlink_to("/dev/null"), refused=("device",))
    yield OddTable("a link to a good file", _linked, NUM_GOOD)
    yield OddTable(
        "a file below a file",
        lambda path: path.parent.write_text("x"),
        file="file/data.csv",
        refused=("data.csv",),
    )
    yield OddTable(
        "a name of 5,000 characters", nothing, file="x" * 5000 + ".csv", refused=("too long",), made=False
    )
    yield OddTable("a name with NUL", nothing, file="a\0b.csv", refused=("null",), made=False)
    yield OddTable("a name with a line break", good(), NUM_GOOD, file="a\nb.csv")
    yield OddTable("a name that is no UTF-8", good(), NUM_GOOD, file="caf\udce9.csv")
    yield OddTable("a name of spaces", good(), NUM_GOOD, file="   ")
    yield OddTable("a name that looks like a flag", good(), NUM_GOOD, file="--json.csv")
    yield OddTable("a file nobody may read", lambda path: (path.write_text(good()), path.chmod(0))[1])
    yield OddTable("a file that grows while it is read", _growing)
    yield OddTable("a file that is cut again and again while it is read", _cut)
    yield OddTable("a file that is replaced by another while it is read", _replaced)


def _linked(path: Path) -> None:
    (path.parent / "other.csv").write_text(good())
    path.symlink_to("other.csv")


def _meanwhile(path: Path, change: Callable[[int], None]) -> None:
    """Change the file again and again while it is read: for a few seconds, then leave it."""
    path.write_text(good() * 50)

    def work() -> None:
        with contextlib.suppress(OSError):  # the folder goes when the case is over
            for number in range(4000):
                change(number)

    threading.Thread(target=work, daemon=True).start()


def _growing(path: Path) -> None:
    def grow(number: int) -> None:
        with path.open("a") as file:
            file.write(f"a good film {number},positive\n")

    _meanwhile(path, grow)


def _cut(path: Path) -> None:
    _meanwhile(path, lambda number: os.truncate(path, 1000 + number * 977 % 90_000))


def _replaced(path: Path) -> None:
    forms = [
        good().encode(),
        lines().encode(),
        good().encode("utf-16"),
        b"",
        b"\x1f\x8b" + b"x" * 100,
        b"\xe9" * 5000,
    ]

    def replace(number: int) -> None:
        other = path.with_name("other")
        other.write_bytes(forms[number % len(forms)])
        other.replace(path)

    _meanwhile(path, replace)


def _formats() -> Iterator[OddTable]:
    def packed(write: Callable[[io.BytesIO], object]) -> bytes:
        stream = io.BytesIO()
        write(stream)
        return stream.getvalue()

    def zipped(stream: io.BytesIO) -> None:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/workbook.xml", b"0" * 10_000_000)

    def tarred(stream: io.BytesIO) -> None:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            entry = tarfile.TarInfo("../../etc/passwd")
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"root"))

    yield OddTable("gzip", gzip.compress(good().encode()), refused=("gzip",))
    yield OddTable("a gzip bomb", gzip.compress(b"0" * 50_000_000), refused=("gzip",))
    yield OddTable("bzip2", bz2.compress(good().encode()), refused=("bzip2",))
    yield OddTable("xz", lzma.compress(good().encode()), refused=("xz",))
    yield OddTable("a zip bomb", packed(zipped), refused=("zip",), file="data.xlsx")
    yield OddTable("a tar archive", packed(tarred), refused=("data.csv",))
    for protocol in range(6):
        yield OddTable(
            f"a pickle of protocol {protocol}",
            pickle.dumps(GOOD, protocol),
            refused=("data.csv",) if protocol > 1 else None,
        )
    yield OddTable(
        "a NumPy array", packed(lambda stream: np.save(stream, np.arange(999.0))), refused=("data.csv",)
    )
    yield OddTable("NumPy arrays", packed(lambda stream: np.savez(stream, a=np.zeros(9))), refused=("zip",))
    for name, head in {
        "PNG": b"\x89PNG\r\n\x1a\n",
        "GIF": b"GIF89a",
        "ELF": b"\x7fELF",
        "ORC": b"ORC",
        "Avro": b"Obj\x01",
        "Arrow": b"ARROW1\0\0",
        "SQLite": b"SQLite format 3\0",
        "HDF5": b"\x89HDF\r\n\x1a\n",
        "7-Zip": b"7z\xbc\xaf\x27\x1c",
        "RAR": b"Rar!\x1a\x07",
    }.items():
        yield OddTable(
            f"{name} and random bytes", head + random.Random(1).randbytes(5000), refused=("data.csv",)
        )
    yield OddTable("a web page", "<!DOCTYPE html>\n<html><body>404</body></html>", refused=("web page",))
    yield OddTable("a PDF", b"%PDF-1.7\n" + random.Random(2).randbytes(5000), refused=("PDF",))


def parquet(columns: dict[str, object], **settings: object) -> bytes:
    """The columns as Parquet."""
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **settings)
    return stream.getvalue()


def _parquets() -> Iterator[OddTable]:
    texts, labels = [text for text, _ in GOOD], [label for _, label in GOOD]
    whole = parquet({"text": texts, "label": labels})

    def case(name: str, content: bytes, **settings: object) -> OddTable:
        return OddTable(f"Parquet: {name}", content, file="data.parquet", **settings)  # type: ignore[arg-type]

    yield case("as it should be", whole, rows=NUM_GOOD)
    for name, cut in {
        "cut in half": len(whole) // 2,
        "cut by its last byte": -1,
        "its mark alone": 4,
        "its first 7 bytes": 7,
    }.items():
        yield case(name, whole[:cut], refused=("damaged",))
    yield case(
        "garbage between its marks", b"PAR1" + random.Random(3).randbytes(900) + b"PAR1", refused=("damaged",)
    )
    yield case("a footer of 2 GB", whole[:-8] + b"\xff\xff\xff\x7fPAR1", refused=("damaged",))
    yield case("encrypted", b"PARE" + whole[4:-4] + b"PARE", refused=("data.parquet",))
    for seed in range(16):
        draw = random.Random(seed)
        broken = bytearray(whole)
        for _ in range(1 + seed % 4):
            broken[draw.randrange(4, len(broken) - 4)] ^= 1 << draw.randrange(8)
        yield case(f"flipped bits {seed}", bytes(broken))
    yield case(
        "no rows",
        parquet({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}),
        refused=("no rows",),
        predicts=True,
    )
    yield case("no columns", parquet({}), refused=("data.parquet",))
    yield case(
        "nested texts",
        parquet({"text": [[text] for text in texts], "label": labels}),
        refused=("nested",),
        predicts=True,
    )
    yield case(
        "bytes as texts",
        parquet({"text": [text.encode() for text in texts], "label": labels}),
        refused=("bytes",),
        predicts=True,
    )
    yield case(
        "dates, decimals and nulls",
        parquet(
            {
                "text": texts,
                "label": labels,
                "n": pa.nulls(NUM_GOOD),
                "d": pa.array(range(NUM_GOOD), pa.date32()),
            }
        ),
        rows=NUM_GOOD,
    )
    yield case(
        "dates that Python does not have",
        parquet(
            {
                "text": texts,
                "label": labels,
                "d": pa.array([10**8 + n for n in range(NUM_GOOD)], pa.int32()).cast(pa.date32()),
            }
        ),
    )
    yield case(
        "times that Python does not have",
        parquet({"text": texts, "label": labels, "d": pa.array([2**62] * NUM_GOOD, pa.timestamp("us"))}),
    )
    yield case(
        "a time zone that there is not",
        parquet(
            {
                "text": texts,
                "label": labels,
                "d": pa.array([0] * NUM_GOOD, pa.timestamp("us", tz="Mars/Olympus")),
            }
        ),
    )
    yield case(
        "5,000 columns",
        parquet({"text": texts, "label": labels} | {f"c{n}": labels for n in range(5000)}),
        rows=NUM_GOOD,
    )
    yield case("two columns of one name", _twice(texts, labels), refused=("called 'text'",))
    yield case(
        "a bomb of 30 million rows",
        parquet(
            {
                "text": pa.array(["a good film of some length"]).take(
                    pa.array(np.zeros(3_000_000, np.int32))
                ),
                "label": pa.array(["pos"]).take(pa.array(np.zeros(3_000_000, np.int32))),
            },
            compression="zstd",
        ),
        refused=("times",),
    )
    yield case(
        "a bomb of a long text",
        parquet(
            {
                "text": pa.DictionaryArray.from_arrays(
                    pa.array([0] * 3000, pa.int32()), pa.array(["a good film " * 90_000])
                ),
                "label": labels * 50,
            },
            compression="zstd",
        ),
        refused=("times",),
    )


def _twice(texts: list[str], labels: list[str]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays([pa.array(texts), pa.array(texts), pa.array(labels)], ["text", "text", "label"]),
        stream,
    )
    return stream.getvalue()


def _json() -> Iterator[OddTable]:
    def case(name: str, content: str | bytes, **settings: object) -> OddTable:
        return OddTable(f"JSON: {name}", content, file="data.jsonl", **settings)  # type: ignore[arg-type]

    def bad(name: str, *more: str) -> OddTable:
        return case(name, lines(*more), rows=NUM_GOOD + len(more), unused=len(more))

    yield bad("nested texts", '{"text": {"en": "a"}, "label": "x"}', '{"text": ["a"], "label": "x"}')
    yield bad(
        "NaN and infinity",
        '{"text": NaN, "label": "x"}',
        '{"text": "a b", "label": Infinity}',
        '{"text": -Infinity, "label": "x"}',
    )
    yield bad("a key twice", '{"text": "a", "text": "b", "label": "x"}')
    yield bad("no objects", "[1]", "null", "1", '"text"', "true", "[]")
    yield bad(
        "broken lines",
        '{"text": "a',
        '{"text": "a", "label": }',
        "{'text': 'a'}",
        '{"text": "a", "label": "x",}',
        '{"text": "a"} {"text": "b"}',
        "{",
        "}",
    )
    yield bad(
        "half of a surrogate pair",
        '{"text": "a \\ud83d b", "label": "x"}',
        '{"text": "a", "label": "\\udc00"}',
    )
    yield bad("NUL as an escape", '{"text": "a\\u0000b", "label": "x"}')
    yield bad("missing and null", '{"text": null, "label": "x"}', '{"label": "x"}', '{"text": "a b"}', "{}")
    yield bad(
        "100,000 brackets",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"text": ' + "[" * 100_000 + "]" * 100_000 + ', "label": "x"}',
    )
    yield case(
        "a number of a million digits",
        lines('{"text": "a b", "label": ' + "7" * 1_000_000 + "}"),
        rows=NUM_GOOD + 1,
    )
    yield case(
        "a number beyond all floats",
        lines('{"text": "a b", "label": 1e999999999}', '{"text": -1e-999999999, "label": "x"}'),
        rows=NUM_GOOD + 2,
    )
    yield case(
        "100,000 keys",
        lines('{"text": "a b", "label": "x", ' + ", ".join(f'"k{n}": {n}' for n in range(100_000)) + "}"),
    )
    yield case(
        "one key 100,000 times",
        lines('{"text": "a b", "label": "x", ' + ", ".join('"k": 1' for _ in range(100_000)) + "}"),
        rows=NUM_GOOD + 1,
    )
    yield case(
        "100,000 keys, each twice",
        lines(
            '{"text": "a b", "label": "x", ' + ", ".join(f'"k{n % 50_000}": 1' for n in range(100_000)) + "}"
        ),
    )
    yield case(
        "100 new keys in every line",
        "".join(
            json.dumps({"text": text, "label": label} | {f"k{n}-{k}": 1 for k in range(100)}) + "\n"
            for n, (text, label) in enumerate(GOOD * 16)
        ),
    )
    yield case(
        "a new key in every line after the first thousand",
        "".join(
            json.dumps(
                {"text": f"{GOOD[n % 60][0]} {n}", "label": GOOD[n % 60][1]}
                | ({f"k{n}": 1} if n > 1000 else {})
            )
            + "\n"
            for n in range(5000)
        ),
        rows=5000,
    )
    yield case(
        "keys that are odd",
        "".join(
            json.dumps({"text": text, "label": label, "": 1, "\ud800": 2, "a\nb": 3, "__proto__": 4}) + "\n"
            for text, label in GOOD
        ),
        rows=NUM_GOOD,
    )
    yield case(
        "a text key that is half of a pair",
        "".join(json.dumps({"\ud800": text, "label": label}) + "\n" for text, label in GOOD),
        rows=NUM_GOOD,
    )
    yield case(
        "an array of objects",
        json.dumps([{"text": text, "label": label} for text, label in GOOD]),
        rows=NUM_GOOD,
    )
    yield case("an array of 100,000 brackets", "[{" + "[" * 100_000, refused=("data.jsonl",))
    yield case(
        "an array with a deep object",
        json.dumps([{"text": text, "label": label} for text, label in GOOD])[:-1]
        + ', {"text": '
        + "[" * 100_000
        + "]" * 100_000
        + "}]",
        refused=("nested",),
    )
    yield case(
        "one object over several lines",
        json.dumps([{"text": "a", "label": "b"}][0], indent=1),
        refused=("one object per line",),
    )
    yield case("a stream with record separators", "".join(f"\x1e{line}\n" for line in lines().splitlines()))
    yield case("UTF-16", lines().encode("utf-16"), rows=NUM_GOOD)
    yield case(
        "a line of 20 MB", lines('{"text": "' + "word " * 4_000_000 + '", "label": "x"}'), rows=NUM_GOOD + 1
    )
    yield case(
        "a text without its end, 5 MB", lines('{"text": "' + "word " * 1_000_000), rows=NUM_GOOD + 1, unused=1
    )


def _noise() -> Iterator[OddTable]:
    alphabet = [
        '"',
        ",",
        "\n",
        "\r",
        "\t",
        ";",
        "|",
        "'",
        "\\",
        " ",
        "a",
        "good film",
        "pos",
        "é",
        "\u2028",
        "[",
        "{",
        "}",
        ":",
        "\x00",
        "1",
        "=",
        "#",
    ]
    for seed in range(30):
        draw = random.Random(seed)
        yield OddTable(
            f"noise {seed}",
            "text,label\n" * (seed % 2) + "".join(draw.choices(alphabet[: 8 + seed % 16], k=3000)),
        )
    for seed in range(10):
        yield OddTable(f"random bytes {seed}", random.Random(seed).randbytes(4000))
    for seed in range(20):
        yield OddTable(f"mutated rows {seed}", _mutated(good().encode(), seed))
        yield OddTable(f"mutated JSON {seed}", _mutated(lines().encode(), seed), file="data.jsonl")


def _mutated(content: bytes, seed: int) -> bytes:
    """A few bytes replaced, removed, doubled or inserted."""
    draw, changed = random.Random(seed), bytearray(content)
    for _ in range(1 + seed):
        place = draw.randrange(len(changed))
        piece = draw.choice(
            [
                b'"',
                b",",
                b"\n",
                b"\r",
                b"\0",
                b"{",
                b"\\",
                b"\xff",
                b"",
                changed[place : place + 200],
                b"\xc3",
            ]
        )
        changed[place : place + draw.choice([0, 1, 30])] = piece
    return bytes(changed)


MAKERS = (_cells, _labels, _headers, _lines, _encodings, _paths, _formats, _parquets, _json, _noise)


def cases() -> list[OddTable]:
    """All of them."""
    return [case for maker in MAKERS for case in maker()]
