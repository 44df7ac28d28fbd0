"""A disk that is full or takes no files, at every writer: one line that names file and reason, exit 2, and what was good stays good."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.story.rows import keyword_rows, write_csv
from tests.tiny_models import write_tiny_model

from benchmarks.reliability.cases import Case, show

DISK_KILOBYTES = (4, 12, 40, 100, 200, 320, 330, 336, 340, 348, 360, 400, 440, 480, 500, 520, 540, 560, 2_000)
"""Sizes of the disk that the run is put on: each is full at another writer, the last holds all."""
RECIPE = ("--learning-rate", "5e-3", "--epochs", "1", "--device", "cpu", "--threads", "1", "--quiet")
NOBODY = 65_534
SECONDS_TO_TELL = 1.0
AS_ANOTHER_USER = """
import os, sys
import bertsmith.checking, bertsmith.inference.destination
from bertsmith.cli import run
os.setuid(int(sys.argv[1]))
sys.exit(run(sys.argv[2:]))
"""
"""Root may write everywhere. What is needed is imported before: another user may not be allowed to read it."""


@dataclass(frozen=True)
class Ended:
    """A command that is over."""

    code: int
    err: str
    seconds: float

    @property
    def told(self) -> str:
        """The last line."""
        return self.err.splitlines()[-1] if self.err else ""


def measure() -> Iterator[Case]:
    """Places that take no file, then disks that are full at one writer after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        data = write_csv(folder / "rows.csv", keyword_rows(320))
        model = write_tiny_model(folder / "tiny")
        yield from _places(folder, data, model)
        yield from _streams(data)
        yield from _small_disks(folder, data, model)


def _bertsmith(*arguments: object, stdout: int | Path = subprocess.DEVNULL, user: int | None = None) -> Ended:
    """A real process, of another user if asked."""
    program = ("-m", "bertsmith") if user is None else ("-c", AS_ANOTHER_USER, str(user))
    started = time.perf_counter()
    with contextlib.ExitStack() as stack:
        target = stdout if isinstance(stdout, int) else stack.enter_context(stdout.open("wb"))
        done = subprocess.run(
            [sys.executable, *program, *map(str, arguments)],
            stdout=target,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return Ended(done.returncode, done.stderr, time.perf_counter() - started)


def _judged(case: str, ended: Ended, *, names: str, most_seconds: float | None = None) -> Case:
    """Right: exit 2, one line for what stopped us, no traceback, the name in it, in time."""
    in_time = most_seconds is None or ended.seconds <= most_seconds
    right = ended.code == 2 and "Traceback" not in ended.err and names in ended.told and in_time
    return Case(case, f"exit {ended.code} in {ended.seconds:.2f} s: {ended.told[-160:]}", ok=right)


def _places(folder: Path, data: Path, model: Path) -> Iterator[Case]:
    """Where no file can be written, for each command."""
    locked = folder / "locked"
    locked.mkdir(mode=0o555)
    places: list[tuple[str, Path, int | None]] = [
        ("below a file", data / "below", None),
        ("a name too long", folder / ("x" * 300), None),
        ("no permission", locked / "new", NOBODY if os.getuid() == 0 else None),
    ]
    with _mounted(folder / "read-only", "-o", "ro") as disk:
        if disk is not None:
            places.append(("a read-only disk", disk / "new", None))
        for what, place, user in places:
            commands = {
                "train": ("train", data, "--model", model, *RECIPE, "--output", place),
                "predict": ("predict", model, data, "--output", f"{place}.csv"),
                "check": ("check", data, "--quiet", "--write-clean", f"{place}.csv"),
            }
            for name, command in commands.items():
                ended = _bertsmith(*command, user=user)
                yield _judged(f"{name}: {what}", ended, names=str(place)[:40], most_seconds=SECONDS_TO_TELL)
    occupied = folder / "occupied"
    occupied.write_text("mine")
    ended = _bertsmith("train", data, "--model", model, *RECIPE, "--output", occupied)
    yield _judged(
        "train: a file where the folder should be", ended, names="not a folder", most_seconds=SECONDS_TO_TELL
    )


def _streams(data: Path) -> Iterator[Case]:
    """Standard output on a full disk."""
    for command in (("explain",), ("--help",), ("check", data, "--json", "--quiet")):
        ended = _bertsmith(*command, stdout=Path("/dev/full"))
        yield _judged(f"{command[0]}: standard output is full", ended, names="standard output")


def _small_disks(folder: Path, data: Path, model: Path) -> Iterator[Case]:
    """The same run on disks of growing size; then with room."""
    for kilobytes in DISK_KILOBYTES:
        with _mounted(folder / "small", "-o", f"size={kilobytes}k") as disk:
            if disk is None:
                yield Case("small disks", "no disk can be mounted here", ok=False)
                return
            command = ("train", data, "--model", model, *RECIPE, "--output", disk / "run")
            ended = _bertsmith(*command)
            has_results = (disk / "run" / "results.json").exists()
            case = f"train on {kilobytes} kB"
            if ended.code in (0, 1):
                yield Case(case, f"exit {ended.code}, the run is whole", ok=has_results)
                continue
            judged = _judged(case, ended, names=str(disk))
            left = has_results or list(disk.rglob("*.part"))
            yield replace(judged, ok=judged.ok and not left)
            subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
            again = _bertsmith(*command, "--overwrite")
            yield Case(f"{case}, then room", f"exit {again.code}", ok=again.code in (0, 1))
    yield from _predict_on_small_disk(folder, model, data)


def _predict_on_small_disk(folder: Path, model: Path, data: Path) -> Iterator[Case]:
    """A prediction that fills the disk is continued once there is room, to the bytes of an unbroken one."""
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    _bertsmith("train", data, "--model", model, *RECIPE, "--output", run)
    many = write_csv(folder / "many.csv", [("an excellent day " * 4,)] * 12_000, header=("text",))
    _bertsmith("predict", run, many, "--output", folder / "whole.csv")
    with _mounted(folder / "small", "-o", "size=600k") as disk:
        if disk is None:
            return
        command: Sequence[object] = ("predict", run, many, "--output", disk / "out.csv")
        yield _judged("predict: the disk fills", _bertsmith(*command), names="--resume")
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        again = _bertsmith(*command, "--resume")
        same = (disk / "out.csv").exists() and (disk / "out.csv").read_bytes() == (
            folder / "whole.csv"
        ).read_bytes()
        yield Case("predict: the disk fills, then room", f"exit {again.code}, byte-equal: {same}", ok=same)


@contextlib.contextmanager
def _mounted(path: Path, *options: str) -> Iterator[Path | None]:
    """A disk of its own in memory; None where we may not mount."""
    path.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", *options, "tmpfs", str(path)], check=False, capture_output=True
    )
    try:
        yield path if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", str(path)], check=True)


if __name__ == "__main__":
    show("disk_full", measure())
