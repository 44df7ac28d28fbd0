"""SIGKILL at a uniform instant of a run, again and again; then the command that goes on.

Half of the trials are killed a second time while they go on.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.killable_training import start_training

from benchmarks.reliability.cases import Case
from benchmarks.reliability.trained import end_in_the_same_bits, how_to_go_on, run_whole, write_inputs


def measure(trials: int = 200, *, seed: int = 0) -> list[Case]:
    """One case per trial; well is: the same bits as the unbroken run."""
    root = Path(tempfile.mkdtemp(prefix="kills-"))
    settings = write_inputs(root)
    run_whole(settings, root / "first")  # the server that children are forked from starts once
    seconds = run_whole(settings, root / "unbroken")
    draw = random.Random(seed)
    cases = [_trial(settings, root, seconds=seconds, number=number, draw=draw) for number in range(trials)]
    shutil.rmtree(root)
    return cases


def _trial(settings: dict[str, Any], root: Path, *, seconds: float, number: int, draw: random.Random) -> Case:
    folder = root / "run"
    shutil.rmtree(folder, ignore_errors=True)
    instants = [draw.uniform(0, seconds) for _ in range(1 + number % 2)]
    for instant in instants:
        child = start_training(**settings, output=str(folder), **how_to_go_on(folder))
        time.sleep(instant)
        child.kill()
        child.join()
    was = _reached(folder)
    if was != "finished":
        try:
            run_whole(settings, folder, **how_to_go_on(folder))
        except RuntimeError:
            left = ", ".join(sorted(file.name for file in folder.iterdir()))
            return Case(f"kill {number} at {instants}", f"killed {was}, cannot go on from {left}", ok=False)
    same = end_in_the_same_bits(folder, root / "unbroken")
    return Case(
        f"kill {number} at {instants}", f"killed {was}, {'the same' if same else 'OTHER'} bits", ok=same
    )


def _reached(folder: Path) -> str:
    """How far the killed run came."""
    attempt = folder / "checkpoints" / "attempt-1"
    if (folder / "results.json").exists():
        return "finished"
    if (attempt / "finished").exists():
        return "after its training"
    if any(attempt.glob("step-*")):
        return "in its training"
    return "before its first checkpoint" if (folder / "run.toml").exists() else "before it wrote anything"
