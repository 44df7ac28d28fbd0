"""One process at a time writes an output; a killed one is known by what it left."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import BinaryIO

import pytest

from bertsmith import output_lock
from bertsmith.errors import OutputInUse
from bertsmith.output_lock import OutputLock


def test_the_lock_is_held_until_it_is_given_back(tmp_path: Path) -> None:
    first, second = (
        OutputLock(tmp_path / ".lock", output=tmp_path),
        OutputLock(tmp_path / ".lock", output=tmp_path),
    )
    first.take({})
    with pytest.raises(OutputInUse, match=f"number {os.getpid()}"):
        second.take({})
    first.give_back()
    second.take({})
    assert second.left_behind is None
    second.give_back()
    assert not (tmp_path / ".lock").exists()


def test_the_next_one_is_told_of_a_process_that_was_killed(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        OutputLock(tmp_path / ".lock", output=tmp_path).take({"out_of_memory_kills": 4})
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    lock = OutputLock(tmp_path / ".lock", output=tmp_path)
    lock.take({})
    assert lock.left_behind == {"out_of_memory_kills": 4, "pid": child}
    lock.give_back()


@pytest.mark.parametrize("left", [b"", b" not JSON", b' ["a list"]'])
def test_a_lock_file_of_another_form_locks_nobody_out(tmp_path: Path, left: bytes) -> None:
    (tmp_path / ".lock").write_bytes(left)
    lock = OutputLock(tmp_path / ".lock", output=tmp_path)
    lock.take({})
    assert lock.left_behind is None
    lock.give_back()


def test_a_lock_file_that_its_holder_removes_meanwhile_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock_file = tmp_path / ".lock", output_lock._lock

    def removed_first(file: BinaryIO) -> bool:
        monkeypatch.undo()
        path.unlink()
        return lock_file(file)

    monkeypatch.setattr(output_lock, "_lock", removed_first)
    first, second = OutputLock(path, output=tmp_path), OutputLock(path, output=tmp_path)
    first.take({})
    with pytest.raises(OutputInUse):
        second.take({})
    first.give_back()
