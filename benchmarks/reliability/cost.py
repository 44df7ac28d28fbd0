"""What a checkpoint costs: MiniLM trained with a checkpoint every few steps, and without any, in turn.

A checkpoint is copied between two steps and written, with a checksum and fsync, while the next steps run: the seconds that a training
takes longer, divided by its checkpoints, hold both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.cases import Case
from benchmarks.speed import ours
from benchmarks.speed.case import Case as SpeedCase
from benchmarks.speed.data import names
from bertsmith.console import byte_size
from bertsmith.interruption import Interruption
from bertsmith.training.checkpoint import AttemptCheckpoints, Every, Keeping
from bertsmith.training.loop import Keeper, Trainee

ROUNDS = 5
NUM_STEPS = 60
EVERY = 20
"""So many steps between two checkpoints: one is written before the next is due, as in a whole run."""
DEFAULT_SECONDS = 300.0
"""The default of --checkpoint-every, 5m."""
SHARE_ALLOWED = 0.01


@dataclass
class _Measured:
    """What one training took."""

    seconds: float = 0.0
    held_up: float = 0.0
    """Seconds that steps waited for checkpoints."""
    checkpoints: int = 0
    num_bytes: int = 0


def measure() -> Iterator[Case]:
    """One case: seconds per checkpoint, and the share of a run that has one every five minutes."""
    case = SpeedCase(names()[0], "minilm", "minilm", batch_size=8, num_steps=NUM_STEPS)
    _train(case, keeps=True)  # thrown away: it pays for imports and the first look at every file
    without, with_them = [], []
    for number in range(ROUNDS):
        for keeps in (False, True) if number % 2 else (True, False):
            (with_them if keeps else without).append(_train(case, keeps=keeps))
    each = sorted(
        (kept.seconds - plain.seconds) / kept.checkpoints
        for kept, plain in zip(with_them, without, strict=True)
    )
    median = statistics.median(each)
    held_up = statistics.median(kept.held_up / kept.checkpoints for kept in with_them)
    share = median / DEFAULT_SECONDS
    yield Case(
        "MiniLM, batch 8",
        f"{byte_size(with_them[0].num_bytes)} each; {median:.2f} s of training each ({each[0]:.2f}–{each[-1]:.2f}),"
        f" of which the next step waits {held_up:.2f} s; with one every five minutes {share:.2%} of the time",
        ok=share <= SHARE_ALLOWED,
    )


def _train(case: SpeedCase, *, keeps: bool) -> _Measured:
    prepared, measured = ours.prepare(case, num_rows=case.num_rows), _Measured()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "attempt-1"

        def at_point(name: str) -> None:
            measured.checkpoints += name == "before the older ones go"

        keeping = Keeping(Every(steps=EVERY), Interruption(), tell=lambda text: None, at_point=at_point)
        with AttemptCheckpoints(folder, keeping) as checkpoints:

            def between(trainee: Trainee) -> None:
                started = time.perf_counter()
                checkpoints.between(trainee)
                measured.held_up += time.perf_counter() - started

            started = time.perf_counter()
            ours.train_once(prepared, case, keeper=Keeper(between=between) if keeps else None)
        # What is still being written when the last step ends belongs to it.
        measured.seconds = time.perf_counter() - started
        saved = sorted(folder.glob("step-*")) if keeps else []
        measured.num_bytes = sum(file.stat().st_size for file in saved[-1].iterdir()) if saved else 0
    return measured
