"""Every file of a checkpoint deleted, emptied, halved, one bit flipped, swapped with an older one's; manifests exchanged; strays.

Well is: an older whole checkpoint is used, the damaged one is named, and the run ends in the same bits; or the command ends with an
error that names it. Never: a run that goes on from damaged numbers.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.killable_training import start_training
from tests.story.commands import bertsmith

from benchmarks.reliability.cases import Case
from benchmarks.reliability.trained import digest, end_in_the_same_bits, run_whole, write_inputs
from bertsmith.sealed_folders import MANIFEST

Damage = Callable[[Path, Path], None]
"""The file, and the one of the same name in another folder."""


def _flip(file: Path, older: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _halve(file: Path, older: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _swap(file: Path, older: Path) -> None:
    shutil.copy(older, file)


def _empty(file: Path, older: Path) -> None:
    file.write_bytes(b"")


DAMAGES: dict[str, Damage] = {
    "deleted": lambda file, older: file.unlink(),
    "emptied": _empty,
    "halved": _halve,
    "one bit flipped": _flip,
    "swapped with another one's": _swap,
}


def _mark(file: Path, older: Path) -> None:
    (file.parent / "checkpoint-is-incomplete.txt").touch()


def _empty_whole(file: Path, older: Path) -> None:
    for part in file.parent.iterdir():
        part.unlink()


def _replace(file: Path, older: Path) -> None:
    shutil.rmtree(file.parent)
    shutil.copytree(older.parent, file.parent)


def _file_in_place(file: Path, older: Path) -> None:
    shutil.rmtree(file.parent)
    file.parent.touch()


FOLDER_DAMAGES: dict[str, Damage] = {
    "with a stray marker": _mark,
    "away": lambda file, older: shutil.rmtree(file.parent),
    "emptied whole": _empty_whole,
    "replaced by another one": _replace,
    "a file in its place": _file_in_place,
}


def measure() -> list[Case]:
    """One case per file and damage."""
    root = Path(tempfile.mkdtemp(prefix="damage-"))
    settings = write_inputs(root)
    run_whole(settings, root / "unbroken")
    begun = root / "begun"
    _train_until_two(settings, begun)
    cases = [
        _case(root, begun, f"{folder.name}/{file.name} {name}", folder.name, file.name, damage)
        for folder in _sealed(begun)
        for file in sorted(folder.iterdir())
        for name, damage in DAMAGES.items()
    ]
    newest = _newest(begun)
    cases += [
        _case(root, begun, f"{newest.name} {name}", newest.name, MANIFEST, damage)
        for name, damage in FOLDER_DAMAGES.items()
    ]
    shutil.rmtree(root)
    return cases


def _train_until_two(settings: dict[str, object], folder: Path) -> None:
    """A run that was killed when it had two checkpoints behind its first epoch."""
    child = start_training(**settings, output=str(folder))
    attempt = folder / "checkpoints" / "attempt-1"
    while child.is_alive() and not (attempt / "step-00000016").exists():
        pass
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL and len(list(attempt.glob("step-*"))) >= 2


def _sealed(begun: Path) -> list[Path]:
    attempt = begun / "checkpoints" / "attempt-1"
    return [_newest(begun), *sorted(attempt.glob("epoch-*"))]


def _newest(begun: Path) -> Path:
    return max((begun / "checkpoints" / "attempt-1").glob("step-*"))


def _case(root: Path, begun: Path, name: str, folder: str, file: str, damage: Damage) -> Case:
    run = root / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(begun, run)
    (run / ".lock").unlink(missing_ok=True)
    text = (run / "run.toml").read_text("utf-8").replace(str(begun), str(run))
    (run / "run.toml").write_text(text, "utf-8")
    attempt = run / "checkpoints" / "attempt-1"
    others = (other for other in attempt.iterdir() if other.name not in (folder, "finished"))
    whole = digest(attempt / folder / file)
    # Trap: an epoch's weights are those of the checkpoint that closes it, and swapping equal files damages nothing.
    older = next(other for other in sorted(others) if digest(other / file) not in ("", whole))
    damage(attempt / folder / file, older / file)
    outcome = bertsmith("train", "--resume", "--output", run)
    named = folder in outcome.err or folder.startswith("step") and not (attempt / folder).exists()
    same = end_in_the_same_bits(run, root / "unbroken")
    if outcome.code == 2 and "Traceback" not in outcome.err:
        return Case(name, "refused by name" if named else "refused, NOT named", ok=named)
    return Case(
        name,
        "older one used, the same bits"
        if same and named
        else f"exit {outcome.code}, same bits: {same}, named: {named}",
        ok=same and named and outcome.code == 0,
    )
