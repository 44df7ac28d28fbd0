"""Where predictions go: a file that gets its name when it is complete, standard output, or a caller's stream."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bertsmith.durable_files import sync_folder
from bertsmith.errors import ConfigError
from bertsmith.inference.destination import STANDARD_STREAM, is_file_to_be, not_written, partial_of

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@contextmanager
def open_destination(
    destination: str | Path | BinaryIO, *, done: Callable[[], int], kept_bytes: int = 0
) -> Iterator[BinaryIO]:
    """The stream to write to; a file gets its name when all is written and on the disk.

    Args:
        destination: a path, `-` for standard output, or a binary stream, which is left open.
        done: how many rows are finished, for whoever finds the partial file.
        kept_bytes: of the partial file, which is continued behind them.

    Raises:
        ConfigError: the file cannot be written.
    """
    if not isinstance(destination, (str, Path)):
        yield destination
        return
    if str(destination) == STANDARD_STREAM:
        stream = _StandardOutput()
        yield stream  # type: ignore[misc]  # it has all that is written to
        stream.flush()
        return
    path = Path(destination)
    if not is_file_to_be(path):
        with _opened(path) as device:
            yield device
        return
    partial = partial_of(path)
    try:
        with _opened(partial, kept_bytes=kept_bytes) as file:
            yield file
            file.sync()
    except BaseException as error:
        _leave(partial, error, num_rows=done())
        raise
    try:
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise not_written(path, error) from error


def _leave(partial: Path, error: BaseException, *, num_rows: int) -> None:
    """Say what is in the partial file, or remove it where no row is."""
    if num_rows == 0:
        with contextlib.suppress(OSError):  # what went wrong before says more
            partial.unlink(missing_ok=True)
        return
    # A disk that took no more may not have taken the last of the rows that were done.
    done_rows = "Rows" if isinstance(error, ConfigError) else f"The {num_rows} rows"
    error.add_note(f"{done_rows} that were done are in {partial}.")


@contextmanager
def _opened(path: Path, *, kept_bytes: int = 0) -> Iterator[OutputFile]:
    """The file opened for writing behind what is kept; a device or disk that takes no more is a ConfigError."""
    try:
        raw = io.FileIO(path, "rb+" if kept_bytes else "wb")
        if kept_bytes:
            raw.truncate(kept_bytes)
            raw.seek(kept_bytes)
        stream = OutputFile(raw)
    except OSError as error:
        raise not_written(path, error) from error
    with contextlib.closing(stream):
        yield stream


class OutputFile(io.BufferedWriter):
    """A file whose refusals name it. Trap: an OSError in the middle of the work could be the input's as well."""

    def __init__(self, raw: io.FileIO) -> None:
        super().__init__(raw)
        self.num_bytes = raw.tell() if raw.seekable() else 0
        """Of the whole file, with those still held."""
        self.sha256 = hashlib.sha256()
        """Of what was written through here, with what is still held."""

    def write(self, content: ReadableBuffer, /) -> int:
        """Take the bytes.

        Raises:
            ConfigError: the disk is full, or the file cannot be written for another reason.
        """
        try:
            num_bytes = super().write(content)
        except OSError as error:
            raise not_written(self.name, error) from error
        self.num_bytes += num_bytes
        self.sha256.update(content)
        return num_bytes

    def flush(self) -> None:
        """Hand on what is held; raises as `write`."""
        try:
            super().flush()
        except OSError as error:
            raise not_written(self.name, error) from error

    def sync(self) -> None:
        """Wait until all that was written is on the disk; raises as `write`."""
        self.flush()
        try:
            os.fsync(self.fileno())
        except OSError as error:
            raise not_written(self.name, error) from error


class _StandardOutput(io.BufferedIOBase):
    """Standard output under its name; a reader that has enough stays a BrokenPipeError."""

    def writable(self) -> bool:
        """It is what it is for."""
        return True

    def write(self, content: ReadableBuffer, /) -> int:
        """Take the bytes.

        Raises:
            ConfigError: the disk behind it is full, or takes them not for another reason.
        """
        with _named_standard_output():
            return sys.stdout.buffer.write(content)

    def flush(self) -> None:
        """Hand on what is held; raises as `write`."""
        if not self.closed:
            with _named_standard_output():
                sys.stdout.buffer.flush()


@contextmanager
def _named_standard_output() -> Iterator[None]:
    """An OSError inside is told as standard output's."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise not_written("- (standard output)", error) from error
