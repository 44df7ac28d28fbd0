"""This file knows which outputs of `predict` cannot be, and says so before torch or a model is loaded."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bertsmith.durable_files import must_take_files
from bertsmith.errors import ConfigError
from bertsmith.inference.format_names import FORMAT_OF_SUFFIX, OutputFormat, format_of
from bertsmith.output_lock import OutputLock

STANDARD_STREAM = "-"
PARTIAL_SUFFIX = ".partial"
RECORD_SUFFIX = ".partial.json"
LOCK_SUFFIX = ".partial.lock"


def partial_of(path: Path) -> Path:
    """Where the rows stand until all are done: `out.csv.partial` beside `out.csv`."""
    return path.with_name(path.name + PARTIAL_SUFFIX)


def record_of(path: Path) -> Path:
    """What it takes to go on with the partial file: `out.csv.partial.json`."""
    return path.with_name(path.name + RECORD_SUFFIX)


def lock_of(path: Path) -> OutputLock:
    """Held while a process writes this output: `out.csv.partial.lock`."""
    return OutputLock(path.with_name(path.name + LOCK_SUFFIX), output=path)


@contextmanager
def alone_at(destination: str | Path | BinaryIO, *, overwrite: bool, resume: bool) -> Iterator[None]:
    """No other process writes this output until the block ends; a stream needs no lock.

    Raises:
        OutputInUse: another process writes it already.
        ConfigError: another process has written it since it was checked, or the lock cannot be written.
    """
    if not is_file_to_be(destination):
        yield
        return
    path = Path(str(destination))
    lock = lock_of(path)
    _take(lock)
    try:
        _check_earlier(path, overwrite=overwrite, resume=resume)
        yield
    finally:
        lock.give_back()


def _take(lock: OutputLock) -> None:
    try:
        lock.take({})
    except OSError as error:
        raise not_written(lock.path, error) from error


def is_file_to_be(destination: str | Path | BinaryIO) -> bool:
    """Whether the output is a file that gets its name at the end: no stream, no device, no pipe."""
    if not isinstance(destination, (str, Path)) or str(destination) == STANDARD_STREAM:
        return False
    path = Path(destination)
    return path.is_file() or not path.exists()


def check_destination(
    source: str | Path | BinaryIO,
    destination: str | Path | BinaryIO,
    *,
    overwrite: bool,
    resume: bool = False,
    output_format: OutputFormat | None,
) -> None:
    """Refuse what cannot become the output, before any work is done.

    Args:
        source: the input.
        destination: the output.
        overwrite: whether an earlier file may be replaced, and an unfinished one started anew.
        resume: whether an unfinished one is to be continued.
        output_format: as the user said it; None: what the name ends in.

    Raises:
        ConfigError: the input itself, a file that is there, a folder, no folder, a place that takes no file, an ending that we do
            not write, rows of an earlier run that would be lost, or an output that cannot be continued.
    """
    if not isinstance(destination, (str, Path)) or str(destination) == STANDARD_STREAM:
        _refuse_to_resume(
            resume, "standard output cannot be continued. Name a file: --output predictions.csv."
        )
        return
    path = Path(destination)
    try:
        _check_path(path, source, output_format=output_format)
        if not is_file_to_be(path):
            _refuse_to_resume(
                resume, f"{path} is no file, so it cannot be continued. Name a file with --output."
            )
            return
        if resume and (output_format or format_of(path.name)) == "parquet":
            _refuse_to_resume(
                resume,
                "a Parquet file cannot be continued: its index is written last. Choose .csv, .tsv or .jsonl.",
            )
        _check_others(path)
        _check_earlier(path, overwrite=overwrite, resume=resume)
        must_take_files(record_of(path))  # the longest name that will be written
    except OSError as error:
        raise not_written(path, error) from error


def _refuse_to_resume(resume: bool, why: str) -> None:  # noqa: FBT001 - a private guard
    if resume:
        raise ConfigError([f"--resume: {why}"])


def _check_path(path: Path, source: str | Path | BinaryIO, *, output_format: OutputFormat | None) -> None:
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


def _check_others(path: Path) -> None:
    """Refuse while another process writes it; the lock of one that was killed goes."""
    lock = lock_of(path)
    if lock.path.exists():
        _take(lock)
        lock.give_back()


def _check_earlier(path: Path, *, overwrite: bool, resume: bool) -> None:
    """Refuse to lose an earlier file, or the rows of an unfinished one, unless that was asked for."""
    partial, has_record = partial_of(path), record_of(path).exists()
    if resume and has_record:
        return
    if resume and partial.exists():
        raise ConfigError(
            [
                f"--resume: {partial} holds rows, but {record_of(path)}, which says how to go on, is not there. "
                "Start anew with --overwrite."
            ]
        )
    if overwrite:
        return
    if path.is_file():
        raise ConfigError(
            [
                f"--output {path}: this file is already there. "
                "Choose another name, or replace it with --overwrite."
            ]
        )
    if partial.exists() and partial.stat().st_size:
        go_on = "Go on with --resume, or start" if has_record else "Start"
        raise ConfigError(
            [
                f"--output {path}: {partial} holds rows of a run that did not finish. {go_on} anew with --overwrite."
            ]
        )


def not_written(path: object, error: OSError) -> ConfigError:
    """The error for an output that the system does not take."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    remedy = "Make room, or choose another place." if is_full else "Choose another name."
    return ConfigError([f"--output {path}: the file cannot be written ({error.strerror}). {remedy}"])
