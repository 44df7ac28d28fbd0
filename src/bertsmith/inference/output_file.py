"""Where predictions go: a file that gets its name when it is complete, standard output, or a caller's stream."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bertsmith.errors import ConfigError
from bertsmith.inference.output_formats import FORMAT_OF_SUFFIX, OutputFormat, format_of

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STANDARD_STREAM = "-"
PARTIAL_SUFFIX = ".partial"


def check_destination(
    source: str | Path | BinaryIO,
    destination: str | Path | BinaryIO,
    *,
    overwrite: bool,
    output_format: OutputFormat | None,
) -> None:
    """Refuse what cannot become the output, before any work is done.

    Raises:
        ConfigError: the input itself, a file that is there, a folder, no folder, or an ending that we do not write.
    """
    if not isinstance(destination, (str, Path)) or str(destination) == STANDARD_STREAM:
        return
    path = Path(destination)
    try:
        _check_path(path, source, overwrite=overwrite, output_format=output_format)
    except OSError as error:
        raise _not_written(path, error) from error


def _check_path(
    path: Path, source: str | Path | BinaryIO, *, overwrite: bool, output_format: OutputFormat | None
) -> None:
    """The checks of a path; OSError where the system does not let us look."""
    # os.path.exists: a source that cannot be looked at is told when it is opened, and as that.
    is_file = isinstance(source, (str, Path)) and os.path.exists(source)  # noqa: PTH110
    if is_file and path.exists() and path.samefile(str(source)):
        raise ConfigError([f"--output {path}: this is the input file itself. Choose another name."])
    if path.is_dir():
        raise ConfigError(
            [f"--output {path}: this is a folder. Name a file in it, such as {path / 'predictions.csv'}."]
        )
    if path.suffix and format_of(path.name) is None and output_format is None:
        known = ", ".join(FORMAT_OF_SUFFIX)
        raise ConfigError(
            [
                f"--output {path}: predictions are not written as {path.suffix}. Known endings: {known}; or say --format."
            ]
        )
    if not path.parent.is_dir():
        raise ConfigError(
            [
                f"--output {path}: there is no folder {str(path.parent)!r}. "
                "Make it first, or choose another name."
            ]
        )
    if path.is_file() and not overwrite:
        raise ConfigError(
            [
                f"--output {path}: this file is already there. "
                "Choose another name, or replace it with --overwrite."
            ]
        )


@contextmanager
def open_destination(destination: str | Path | BinaryIO, *, done: Callable[[], int]) -> Iterator[BinaryIO]:
    """The stream to write to; a file gets its name when all is written.

    Args:
        destination: a path, `-` for standard output, or a binary stream, which is left open.
        done: how many rows are finished, for whoever finds the partial file.

    Raises:
        ConfigError: the file cannot be written.
    """
    if not isinstance(destination, (str, Path)):
        yield destination
        return
    if str(destination) == STANDARD_STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(destination)
    if _is_device(path):
        with _opened(path) as stream:
            yield stream
        return
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    try:
        with _opened(partial) as stream:
            yield stream
    except BaseException as error:
        num_rows = done()
        if num_rows == 0:
            with contextlib.suppress(OSError):  # what went wrong before says more
                partial.unlink(missing_ok=True)
        else:
            # A disk that took no more may not have taken the last of the rows that were done.
            done_rows = "Rows" if isinstance(error, ConfigError) else f"The {num_rows} rows"
            error.add_note(f"{done_rows} that were done are in {partial}.")
        raise
    try:
        partial.replace(path)
    except OSError as error:
        raise _not_written(path, error) from error


def _is_device(path: Path) -> bool:
    """Whether it is a device or pipe, such as /dev/null."""
    return path.exists() and not path.is_file()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file opened for writing; a device or disk that takes no more is a ConfigError."""
    try:
        stream = _Output(io.FileIO(path, "wb"))
    except OSError as error:
        raise _not_written(path, error) from error
    with contextlib.closing(stream):
        yield stream


class _Output(io.BufferedWriter):
    """A file whose refusals name it. Trap: an OSError in the middle of the work could be the input's as well."""

    def write(self, content: ReadableBuffer, /) -> int:
        """Take the bytes.

        Raises:
            ConfigError: the disk is full, or the file cannot be written for another reason.
        """
        try:
            return super().write(content)
        except OSError as error:
            raise _not_written(self.name, error) from error

    def flush(self) -> None:
        """Hand on what is held; raises as `write`."""
        try:
            super().flush()
        except OSError as error:
            raise _not_written(self.name, error) from error


def _not_written(path: object, error: OSError) -> ConfigError:
    """The error for an output that the system does not take."""
    remedy = "Make room, or choose another place." if error.errno == errno.ENOSPC else "Choose another name."
    return ConfigError([f"--output {path}: the file cannot be written ({error.strerror}). {remedy}"])
