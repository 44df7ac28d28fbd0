"""Where the bytes come from: a file that can be opened and is what its name says, or a stream."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bertsmith.errors import UnreadableFile, nearest

CHUNK_BYTES = 2**20
MARKS_ALONE = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff")
"""Byte order marks: with nothing behind them the file is empty."""

FOREIGN_FORMATS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "a gzip archive", "Decompress it first: gunzip FILE."),
    (b"BZh", "a bzip2 archive", "Decompress it first: bunzip2 FILE."),
    (b"\xfd7zXZ\x00", "an xz archive", "Decompress it first: unxz FILE."),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive", "Decompress it first: unzstd FILE."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first and give the file inside."),
    (
        b"PK\x03\x04",
        "a zip archive or an Excel workbook (.xlsx)",
        "Unpack it, or export the sheet as CSV (UTF-8).",
    ),
    (b"PK\x05\x06", "an empty zip archive", "Give the file that should have been inside."),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document", "Export the sheet as CSV (UTF-8)."),
    (b"%PDF", "a PDF document", "Export the table as CSV (UTF-8)."),
    (b"{\\rtf", "an RTF document", "Export the table as CSV (UTF-8)."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV (UTF-8)."),
    (
        b"\x80\x04\x95",
        "a Python pickle, which we never load",
        "Write the table as CSV, JSON lines or Parquet.",
    ),
    (b"\x89PNG", "a PNG image", "Give a file of text: CSV, JSON lines or Parquet."),
    (b"\xff\xd8\xff", "a JPEG image", "Give a file of text: CSV, JSON lines or Parquet."),
    (b"version https://git-lfs", "a Git LFS pointer, not the data itself", "Fetch the data: git lfs pull."),
    (b"<!doctype html", "a web page", "Download the raw file instead of the page that shows it."),
    (b"<html", "a web page", "Download the raw file instead of the page that shows it."),
)
"""First bytes (in lower case for text) → what such a file is, and what to do."""


@dataclass(frozen=True)
class ByteSource:
    """Bytes to read as a table."""

    name: str
    suffix: str
    """The lower-case suffix of the name with its dot; empty for a stream."""
    head: bytes
    """The first `CHUNK_BYTES` bytes, or all there are."""
    open_chunks: Callable[[], Iterator[bytes]]
    """All bytes from the first, in pieces."""
    path: Path | None = None
    """None for a stream, whose chunks can be read once only."""

    @property
    def is_repeatable(self) -> bool:
        """Whether the bytes can be read a second time."""
        return self.path is not None

    @property
    def head_is_all(self) -> bool:
        """Whether the head is the whole file."""
        return len(self.head) < CHUNK_BYTES


def open_file(name: str) -> ByteSource:
    """The bytes of a regular file.

    Raises:
        UnreadableFile: not there, a folder, pipe or device, not readable, empty, or no table of text.
    """
    path = Path(name)
    try:
        mode = path.stat().st_mode
        _refuse_irregular(name, mode)
        with path.open("rb") as stream:
            head = stream.read(CHUNK_BYTES)
    except FileNotFoundError as error:
        raise _not_found(name, path) from error
    except PermissionError as error:
        raise UnreadableFile(
            name, "we may not read this file.", remedy="Give yourself the right: chmod u+r."
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableFile(
            name, f"the file cannot be opened ({reason}).", remedy="Check the path."
        ) from error

    def open_chunks() -> Iterator[bytes]:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    source = ByteSource(name=name, suffix=path.suffix.lower(), head=head, open_chunks=open_chunks, path=path)
    _refuse_foreign(source)
    return source


def open_stream(stream: BinaryIO, name: str) -> ByteSource:
    """The bytes of a stream such as standard input: its head is read now, the rest as it is asked for.

    Raises:
        UnreadableFile: empty, not binary, or a format that is no table of text.
    """
    head = stream.read(CHUNK_BYTES)
    if not isinstance(head, bytes):
        raise UnreadableFile(
            name, "this stream gives text, not bytes.", remedy="Open it in binary mode: 'rb'."
        )

    def open_chunks() -> Iterator[bytes]:
        yield head
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk

    source = ByteSource(name=name, suffix="", head=head, open_chunks=open_chunks)
    _refuse_foreign(source)
    return source


def _refuse_irregular(name: str, mode: int) -> None:
    """Folders, pipes and devices cannot be read twice, or at all."""
    if stat.S_ISDIR(mode):
        raise UnreadableFile(name, "this is a folder, not a file.", remedy="Give one file of rows inside it.")
    if not stat.S_ISREG(mode):
        kind = "a named pipe" if stat.S_ISFIFO(mode) else "a device or socket"
        raise UnreadableFile(
            name, f"this is {kind}, not a regular file.", remedy="Save the rows to a file first."
        )


def _not_found(name: str, path: Path) -> UnreadableFile:
    """The error for a path where nothing is, with the nearest name in the folder."""
    folder = path.parent
    if not folder.is_dir():
        return UnreadableFile(name, f"there is no folder {str(folder)!r}.", remedy="Check the path.")
    try:
        known = [entry.name for entry in folder.iterdir()]
    except OSError:
        known = []
    hint = nearest(path.name, known)
    return UnreadableFile(name, f"there is no such file.{hint}", remedy="Check the path.")


def _refuse_foreign(source: ByteSource) -> None:
    """Nothing, or something that is no table of text."""
    if source.head in MARKS_ALONE or not source.head.strip():
        size = 0 if source.head in MARKS_ALONE else len(source.head)
        found = (
            "the file is empty." if size == 0 else f"the file has no text, only {size} bytes of white space."
        )
        raise UnreadableFile(
            source.name, found, remedy="Expected rows of text and label; write them and try again."
        )
    start = source.head[:64]
    lowered = start.lstrip().lower()
    for magic, what, remedy in FOREIGN_FORMATS:
        if start.startswith(magic) or (magic.startswith(b"<") and lowered.startswith(magic)):
            raise UnreadableFile(source.name, f"this is {what}, not a table of text.", remedy=remedy)
