"""This file knows how one process at a time writes a run folder, and what the one before it came to.

The lock is the operating system's, so that it goes with the process, however that ends. The file stays behind where a process was killed:
whoever takes it next is told so.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from bertsmith.errors import RunFolderInUse

NOTE_AT = 1
"""The note begins behind the byte that is locked: on Windows a locked byte cannot be read."""


@dataclass
class RunLock:
    """The lock of a run folder."""

    path: Path
    left_behind: dict[str, Any] | None = None
    """The note of a process that was killed while it held the lock; None where none was."""
    _file: BinaryIO | None = field(default=None, repr=False)

    def take(self, note: dict[str, Any]) -> None:
        """Take the lock and leave a note for whoever finds it after a kill.

        Raises:
            RunFolderInUse: another process holds it.
        """
        if self._file is not None:
            return
        file = self.path.open("a+b")
        if not _lock(file):
            holder = _note_in(file).get("pid", "unknown")
            file.close()
            raise RunFolderInUse(
                f"{self.path.parent}: another process (number {holder}) is writing this run. "
                "Wait for it or end it, or choose another --output."
            )
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
