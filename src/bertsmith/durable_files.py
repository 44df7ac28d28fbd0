"""This file knows how a file gets onto the disk whole or not at all, whatever stops us on the way.

The content goes to a hidden name beside the file, is flushed and synced, takes its own name by a rename, and the folder is synced: after
a kill or a loss of power the file is the earlier one or the new one, never half of one. What a kill leaves behind ends in `.part`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PART_SUFFIX = ".part"
PROBE_BYTES = 4096
"""A disk without a free block refuses that many."""


def part_of(path: Path) -> Path:
    """Where a file or folder is written until it is whole: `.results.json.part` beside `results.json`."""
    return path.with_name(f".{path.name}{PART_SUFFIX}")


@contextmanager
def open_whole(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file when the block ends without an error; else the file stays as it was.

    Do nothing but write in the block: its OSErrors are told as this file's.

    Args:
        path: the file; an earlier one is replaced in one instant.

    Raises:
        OSError: the system does not take it; `filename` is the path.
    """
    part = part_of(path)
    with told_as(path):
        try:
            with _opened_anew(part) as stream:
                yield stream
                sync_stream(stream)
            part.replace(path)
            sync_folder(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):  # what went wrong before says more
                part.unlink(missing_ok=True)
            raise


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file, text as UTF-8 (half of a surrogate pair, which has no such form, as its escape); whole or not at all.

    Raises:
        OSError: the system does not take it; `filename` is the path.
    """
    with open_whole(path) as stream:
        stream.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)


def sync_stream(stream: BinaryIO) -> None:
    """Wait until all that was written to an open file is on the disk."""
    stream.flush()
    os.fsync(stream.fileno())


def sync_file(path: Path) -> None:
    """Wait until a file that somebody else wrote is on the disk.

    Raises:
        OSError: it is not; `filename` is the path.
    """
    with told_as(path), path.open("rb+") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows has no way to ask for it, and keeps them itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take_over(part_folder: Path, folder: Path, *, last: Iterable[str] = ()) -> None:
    """Move every file of a folder that was written beside into another one, each synced first; then the emptied folder goes.

    Args:
        part_folder: holds files only; of the same disk.
        folder: where they go; files of the same names are replaced.
        last: names of the files that go after all others, such as the one without which the rest is not used.

    Raises:
        OSError: a file could not be synced or moved; those before it are.
    """
    late = tuple(last)
    files = sorted(part_folder.iterdir(), key=lambda file: (file.name in late, file.name))
    for file in files:
        sync_file(file)
    for file in files:
        file.replace(folder / file.name)
    sync_folder(folder)
    part_folder.rmdir()


def remove_part(path: Path) -> None:
    """Remove what a kill left of a file or folder that was being written."""
    part = part_of(path)
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)


def must_take_files(path: Path) -> None:
    """Find out whether a file of this name could be written: its part is written and removed again.

    Raises:
        OSError: it could not (no permission, read-only, a full disk, a name too long); `filename` is the path.
    """
    with told_as(path):
        part = part_of(path)
        try:
            with _opened_anew(part) as stream:
                stream.write(bytes(PROBE_BYTES))
                sync_stream(stream)
        finally:
            part.unlink(missing_ok=True)


def _opened_anew(part: Path) -> BinaryIO:
    """A part to write into, whatever a kill left there, and through no link that somebody put there."""
    part.unlink(missing_ok=True)
    return part.open("xb")


def bytes_free(folder: Path) -> int:
    """What the disk of a folder still takes from us; the folder may not be there yet."""
    there = next(above for above in (folder.absolute(), *folder.absolute().parents) if above.is_dir())
    return shutil.disk_usage(there).free


@contextmanager
def told_as(path: Path) -> Iterator[None]:
    """OSErrors inside are about this path, whatever name or descriptor was used."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
