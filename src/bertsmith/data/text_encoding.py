"""Bytes to lines of text: which encoding, told where it is a guess, and which line cannot be decoded."""

from __future__ import annotations

import codecs
import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

from bertsmith.data.byte_source import ByteSource
from bertsmith.errors import ConfigError, UnreadableFile, nearest
from bertsmith.printing import quoted

SAMPLE_BYTES = 256 * 1024
"""How many bytes of lines with non-ASCII characters a guess is made from."""

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

COMMON_ENCODINGS = (
    "utf-8",
    "utf-16",
    "latin-1",
    "cp1252",
    "cp1250",
    "cp1251",
    "iso-8859-15",
    "shift_jis",
    "gb18030",
)

NO_CODE_PAGES = ("idna", "punycode")
"""Text encodings of single words, which cannot be decoded piece by piece."""

WESTERN = frozenset(
    {
        "cp1250",
        "cp1252",
        "cp1254",
        "cp1257",
        "cp1258",
        "cp437",
        "cp775",
        "cp850",
        "cp852",
        "cp858",
        "cp1140",
        "latin_1",
        "iso8859_2",
        "iso8859_3",
        "iso8859_4",
        "iso8859_9",
        "iso8859_10",
        "iso8859_13",
        "iso8859_14",
        "iso8859_15",
        "iso8859_16",
        "mac_roman",
        "mac_iceland",
        "mac_latin2",
        "mac_turkish",
        "hp_roman8",
        "cp037",
        "cp500",
        "cp1026",
        "cp273",
    }
)
"""Latin-script code pages that short samples cannot tell apart."""

OTHER_LATIN_LANGUAGES = frozenset(
    {
        "Polish",
        "Czech",
        "Slovak",
        "Slovene",
        "Slovenian",
        "Croatian",
        "Hungarian",
        "Romanian",
        "Turkish",
        "Lithuanian",
        "Latvian",
        "Estonian",
        "Vietnamese",
    }
)
"""Languages in Latin script that Windows-1252 cannot write."""

WESTERN_CHARACTERS = frozenset("äöüßÄÖÜéèêëàâçîïôûùœæÉÈÀÇñÑóíáúÁÍÓÚìòãõåÅÆøØ€£§°·…–—‘’“”•´«»©®™½\xa0¡¿")


@dataclass(frozen=True)
class Encoding:
    """How the bytes are decoded."""

    name: str
    note: str | None = None
    """A sentence for the console where it is not plain UTF-8."""


def find_encoding(source: ByteSource, requested: str | None) -> Encoding:
    """The encoding: as requested, else by byte order mark, else UTF-8 if all of it is, else a told guess.

    Raises:
        ConfigError: the requested encoding is not known.
        UnreadableFile: binary data, UTF-16 without its mark, or UTF-8 with a few lines that are not.
    """
    if requested is not None:
        return Encoding(_checked(requested))
    for mark, name in BYTE_ORDER_MARKS:
        if source.head.startswith(mark):
            note = None if name == "utf-8" else f"The file is read as {name.upper()}, by its byte order mark."
            return Encoding(name, note)
    _refuse_binary(source)
    if _is_utf8(source):
        return Encoding("utf-8")
    return _guessed(source)


def read_lines(source: ByteSource, encoding: Encoding) -> Iterator[str]:
    r"""The lines with their ends as written (`\n`, `\r\n` or `\r`), without a byte order mark.

    Raises:
        UnreadableFile: bytes that are not in this encoding, with their line.
    """
    parts: list[str] = []  # a line that goes on in the next piece; joined once, as it may be long
    is_first = True
    for text in _decoded(source, encoding):
        if is_first and text:
            text, is_first = text.removeprefix("\ufeff"), False
        # Trap: str.splitlines would also split at U+2028, form feeds and others that stand inside texts.
        lines = list(io.StringIO(text, newline=""))
        if not lines:
            continue
        parts.append(lines[0])
        if len(lines) == 1 and not text.endswith(("\n", "\r")):
            continue
        lines[0] = "".join(parts)
        parts = [] if text.endswith(("\n", "\r")) else [lines.pop()]
        yield from lines
    if parts:
        yield "".join(parts)


def _decoded(source: ByteSource, encoding: Encoding) -> Iterator[str]:
    r"""Pieces of text, none of which ends between a `\r` and its `\n`."""
    decoder = codecs.getincrementaldecoder(encoding.name)(errors="strict")
    num_lines, held = 0, ""
    chunks = source.open_chunks()
    is_last = False
    while not is_last:
        chunk = next(chunks, None)
        is_last = chunk is None
        try:
            text = held + decoder.decode(chunk or b"", final=is_last)
        except UnicodeDecodeError as error:
            before = held + error.object[: error.start].decode(encoding.name, errors="ignore")
            raise _undecodable(source, error, line=num_lines + _count_ends(before) + 1) from error
        except UnicodeError as error:  # UTF-16 without its byte order mark, and codecs that are no code page
            problem = f"the bytes cannot be decoded as {encoding.name} ({error})."
            remedy = "Name another with --encoding (utf-16-le and utf-16-be need no byte order mark)."
            raise UnreadableFile(source.name, problem, line=num_lines + 1, remedy=remedy) from error
        held = "\r" if text.endswith("\r") and not is_last else ""
        text = text[: len(text) - len(held)]
        num_lines += _count_ends(text)
        yield text


def _count_ends(text: str) -> int:
    """How many lines end in this text."""
    return text.count("\n") or text.count("\r")


def _undecodable(source: ByteSource, error: UnicodeDecodeError, *, line: int) -> UnreadableFile:
    """The error for bytes that are not in the encoding."""
    found = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.start + 1])
    problem = f"the byte {found} cannot be decoded as {error.encoding} ({error.reason})."
    return UnreadableFile(
        source.name,
        problem,
        line=line,
        remedy="Correct the line, or name the encoding with --encoding (for example cp1252).",
    )


def _checked(name: str) -> str:
    """The name of a text encoding that Python knows.

    Raises:
        ConfigError: there is none, or it is a transformation such as zlib, which is no encoding of text.
    """
    try:
        with contextlib.suppress(UnicodeDecodeError):  # these four bytes need not be text in it
            b"text".decode(name)  # trap: of no bytes at all, Python does not look whether they become text
        found = codecs.lookup(name).name
        if found in NO_CODE_PAGES:
            raise LookupError(found)
        return found
    except (LookupError, ValueError) as error:
        hint = nearest(name, COMMON_ENCODINGS)
        message = f"--encoding {quoted(name)} is no known text encoding.{hint} Known are for example utf-8 and cp1252."
        raise ConfigError([message]) from error


def _refuse_binary(source: ByteSource) -> None:
    """Many zero bytes: UTF-16 without a mark, or no text at all. A single one is a matter of its row."""
    head = source.head[: 64 * 1024]
    num_nul = head.count(0)
    if num_nul * 50 < len(head):
        return
    even, odd = head[::2].count(0), head[1::2].count(0)
    if num_nul * 5 >= len(head) and max(even, odd) > 10 * min(even, odd):
        name = "utf-16-le" if odd > even else "utf-16-be"
        raise UnreadableFile(
            source.name,
            f"every second byte or so is zero: this looks like UTF-16 without a byte order mark ({name}).",
            remedy=f"Say so with --encoding {name}, or save the file as UTF-8.",
        )
    if num_nul > 1:
        raise UnreadableFile(
            source.name,
            f"{num_nul} of the first {len(head)} bytes are zero: this is binary data, not text.",
            remedy="Give a file of text: CSV, TSV, JSON lines or Parquet.",
        )


def _is_utf8(source: ByteSource) -> bool:
    """Whether all bytes (of a stream: the head) are UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in source.open_chunks() if source.is_repeatable else [source.head]:
            decoder.decode(chunk)
        decoder.decode(b"", final=source.is_repeatable or source.head_is_all)
    except UnicodeDecodeError:
        return False
    return True


def _byte_lines(source: ByteSource) -> Iterator[bytes]:
    """Lines of bytes (of a stream: of the head)."""
    pending = b""
    for chunk in source.open_chunks() if source.is_repeatable else [source.head]:
        lines = (pending + chunk).split(b"\n")
        pending = lines.pop()
        yield from lines
    yield pending


def _guessed(source: ByteSource) -> Encoding:
    """A guess from the lines that are not ASCII, unless most of them are good UTF-8."""
    sample: list[bytes] = []
    num_sampled = num_good = num_bad = first_bad = 0
    for number, line in enumerate(_byte_lines(source), start=1):
        if line.isascii():
            continue
        if num_sampled < SAMPLE_BYTES:
            sample.append(line)
            num_sampled += len(line)
        try:
            line.decode("utf-8")
            num_good += 1
        except UnicodeDecodeError:
            num_bad += 1
            first_bad = first_bad or number
    if num_good >= num_bad:
        raise UnreadableFile(
            source.name,
            f"this line is not UTF-8, but {num_good} other lines with non-ASCII characters are "
            f"({num_bad} are not): the file mixes encodings.",
            line=first_bad,
            remedy="Correct these lines and save the file as UTF-8, or force one encoding with --encoding.",
        )
    name = guess_encoding(b"\n".join(sample)[:SAMPLE_BYTES])
    if name is None:
        raise UnreadableFile(
            source.name,
            "this line is not UTF-8, and no other encoding fits.",
            line=first_bad,
            remedy="Save the file as UTF-8, or name its encoding with --encoding.",
        )
    return Encoding(
        name, f"The file is not UTF-8; it is read as {name}, which is a guess. --encoding sets it."
    )


def guess_encoding(sample: bytes) -> str | None:
    """The most likely encoding of bytes that are not UTF-8; None where nothing fits.

    Western European text in few bytes fits a dozen code pages; of those that fit, Windows-1252 is by far the
    commonest in the wild, and contains the characters of Latin-1.
    """
    from charset_normalizer import from_bytes  # 30 ms that only files in other encodings pay

    best = from_bytes(sample).best()
    language = None if best is None else best.language
    if best is not None and best.encoding not in WESTERN:
        return str(best.encoding)
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return None if best is None else str(best.encoding)
    if (
        best is None
        or language not in OTHER_LATIN_LANGUAGES
        or (language != "Hungarian" and _is_western(text))
    ):
        return "cp1252"
    return str(best.encoding)


def _is_western(text: str) -> bool:
    """Whether nearly all non-ASCII characters are those of Western European prose."""
    special = [character for character in text if character > "\x7f"]
    return sum(character in WESTERN_CHARACTERS for character in special) * 50 >= len(special) * 49
