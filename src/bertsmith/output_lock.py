"""This file knows how one process at a time writes a run folder or a file of predictions, and what the one before it came to.

The lock is the operating system's, so that it goes with the process, however that ends. The file stays behind where a process was killed:
whoever takes it next is told so.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from bertsmith.errors import OutputInUse

NOTE_AT = 1
"""The note begins behind the byte that is locked: on Windows a locked byte cannot be read."""


@dataclass
class OutputLock:
    """The lock of a run folder or of a file of predictions."""

    path: Path
    """The lock file; one process at a time has it open and locked."""
    output: Path
    """What it guards."""
    left_behind: dict[str, Any] | None = None
    """The note of a process that was killed while it held the lock; None where none was."""
    _file: BinaryIO | None = field(default=None, repr=False)

    def take(self, note: dict[str, Any]) -> None:
        """Take the lock and leave a note for whoever finds it after a kill.

        Raises:
            OutputInUse: another process holds it.
        """
        if self._file is not None:
            return
        file = self.path.open("a+b")
        if not _lock(file):
            holder = _note_in(file).get("pid", "unknown")
            file.close()
            raise OutputInUse(
                f"{self.output}: another process (number {holder}) is writing it. "
                "Wait for it or end it, or choose another --output."
            )
        if not _is_at(self.path, file):  # its holder gave it back, and removed it, since we opened it
            file.close()
            self.take(note)
            return
        self.left_behind = _note_in(file) or None
        file.truncate(0)
        file.write(b" " * NOTE_AT + json.dumps(note | {"pid": os.getpid()}).encode())
        file.flush()
        self._file = file

    def give_back(self) -> None:
        """Let the next one in; the file goes."""
        if self._file is not None:
            self.path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _note_in(file: BinaryIO) -> dict[str, Any]:
    try:
        file.seek(NOTE_AT)
        note = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _lock(file: BinaryIO) -> bool:
    """Whether the lock is ours now. A file system that knows no locks lets everybody in."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
