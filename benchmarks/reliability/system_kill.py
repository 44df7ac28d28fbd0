"""A real kill by the system for lack of memory, in a cgroup of our own: then `--resume`, until the run ends.

Needs the right to make a cgroup below /sys/fs/cgroup; without it nothing is measured, and that is said.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.reliability.cases import Case
from benchmarks.speed.data import ROOT

CGROUPS = Path("/sys/fs/cgroup")
MEGABYTES = 1450
"""Room for MiniLM and Adam, not for a pass of 128 reviews."""
BATCH_SIZE = 128
MOST_KILLS = 8


def measure() -> Iterator[Case]:
    """One case: killed, gone on with, and done in smaller passes."""
    with _cgroup(MEGABYTES * 10**6) as cgroup:
        if cgroup is None:
            print("  no cgroup can be made here: nothing is measured", flush=True)
            return
        folder = Path(tempfile.mkdtemp(prefix="system-kill-")) / "run"
        flags = [
            "--model",
            "minilm",
            "--batch-size",
            BATCH_SIZE,
            "--epochs",
            1,
            "--threads",
            1,
            "--checkpoint-every",
            1,
        ]
        codes, told = [], [""]
        command = [ROOT / "examples" / "reviews.csv", *flags, "--on-failure", "continue", "--no-fail"]
        while len(codes) <= MOST_KILLS and (not codes or codes[-1] == -signal.SIGKILL):
            code, err = _train(cgroup, *command, "--output", folder)
            codes.append(code)
            told += re.findall(r"going on with half the micro-batch, as with (--micro-batch-size \d+)", err)
            command = ["--resume"]
        done = (folder / "results.json").exists()
        shutil.rmtree(folder.parent)
        kills = codes.count(-signal.SIGKILL)
        yield Case(
            f"{MEGABYTES} MB, batches of {BATCH_SIZE}",
            f"killed by the system {kills} times, then exit {codes[-1]}; passes at the end: {told[-1]}",
            ok=done and codes[-1] == 0 and 0 < kills == len(told) - 1,
        )


def _train(cgroup: Path, *arguments: object) -> tuple[int, str]:
    def enter() -> None:
        (cgroup / "cgroup.procs").write_text(str(os.getpid()))

    command = [sys.executable, "-m", "bertsmith", "train", *map(str, arguments)]
    child = subprocess.run(command, stderr=subprocess.PIPE, text=True, preexec_fn=enter, check=False)
    return child.returncode, child.stderr


@contextmanager
def _cgroup(num_bytes: int) -> Iterator[Path | None]:
    """A cgroup with a limit and no swap; None where none can be made."""
    is_second = (CGROUPS / "cgroup.controllers").exists()
    folder = (CGROUPS if is_second else CGROUPS / "memory") / f"bertsmith-{os.getpid()}"
    limits = (
        ("memory.max", "memory.swap.max")
        if is_second
        else ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
    )
    try:
        folder.mkdir()
        (folder / limits[0]).write_text(str(num_bytes))
    except OSError:
        if folder.exists():
            folder.rmdir()
        yield None
        return
    if (folder / limits[1]).exists():
        (folder / limits[1]).write_text("0" if is_second else str(num_bytes))
    try:
        yield folder
    finally:
        folder.rmdir()
