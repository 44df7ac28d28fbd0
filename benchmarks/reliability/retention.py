"""What is on disk at every instant of a training, looked at every 5 ms: once there is a checkpoint, there is always a whole one.

Whole: its manifest verifies, and so do those of the epochs that it needs, the best and the last so far.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.killable_training import start_training

from benchmarks.reliability.cases import Case
from benchmarks.reliability.trained import write_inputs
from bertsmith.sealed_folders import flaw_of

SECONDS_BETWEEN = 0.005
EPOCHS = 12
NONE_YET, WHOLE = "none yet", "a whole one"
LOOKS_AGAIN = 5
"""A checkpoint may go between its listing and its reading, because a newer one has come: then it is listed anew."""


def measure(*, epochs: int = EPOCHS) -> Iterator[Case]:
    """One case for all looks of one training."""
    root = Path(tempfile.mkdtemp(prefix="retention-"))
    settings = write_inputs(root) | {"epochs": epochs, "checkpoint_every": "1"}
    child = start_training(**settings, output=str(root / "run"))
    attempt, seen = root / "run" / "checkpoints" / "attempt-1", Counter[str]()
    while child.is_alive() and not (attempt / "finished").exists():
        seen[_state(attempt, had_one=WHOLE in seen)] += 1
        time.sleep(SECONDS_BETWEEN)
    child.join()
    shutil.rmtree(root)
    looks = ", ".join(f"{count} {state}" for state, count in seen.most_common())
    yield Case(
        "a checkpoint after every step",
        f"looked {seen.total()} times: {looks}",
        ok=set(seen) <= {NONE_YET, WHOLE} and child.exitcode == 0,
    )


def _state(attempt: Path, *, had_one: bool) -> str:
    """What is there now."""
    for _ in range(LOOKS_AGAIN):
        folders = sorted(attempt.glob("step-*"), reverse=True)
        if not folders and not had_one:
            return NONE_YET
        if any(map(_is_whole, folders)):
            return WHOLE
    return "no whole one"


def _is_whole(folder: Path) -> bool:
    try:
        if flaw_of(folder) is not None:
            return False
        epochs = json.loads((folder / "state.json").read_bytes())["epochs"].values()
        return all(flaw_of(folder.parent / f"epoch-{index + 1}") is None for index in epochs)
    except FileNotFoundError:  # it has just made way for a newer one
        return False
