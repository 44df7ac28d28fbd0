"""A kill at every point inside a save: before, within and behind every file, around the rename, before the old ones go."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from multiprocessing import get_context
from pathlib import Path

from tests.learning.small_run import largest_difference, make_rows, plan_for, scores, weights
from tests.tiny_models import tiny_model

from benchmarks.reliability.cases import Case
from bertsmith.errors import NothingToResume
from bertsmith.interruption import Interruption
from bertsmith.sealed_folders import AtPoint
from bertsmith.training.checkpoint import AttemptCheckpoints, Every, Keeping
from bertsmith.training.loop import Keeper, Observers, train

SAVE = 5
"""The kill falls into this save of a checkpoint."""


def train_into(folder: Path, *, at_point: AtPoint = lambda name: None) -> dict[str, object]:
    """A training with a checkpoint after every step; gives the weights."""
    model, dataset, numbers = tiny_model("bert", num_labels=2), make_rows(20), iter(range(1, 99))
    keeping = Keeping(Every(steps=1), Interruption(), tell=lambda text: None, at_point=at_point)
    with AttemptCheckpoints(folder, keeping) as checkpoints:
        train(
            model,
            dataset,
            plan=plan_for(dataset, epochs=3, batch_size=7, learning_rate=1e-3, weight_decay=0.1),
            validate=lambda: scores(f1=next(numbers) / 100),
            observers=Observers(
                on_epoch=lambda record, is_best: checkpoints.keep_epoch(model, is_best=is_best)
            ),
            keeper=Keeper(begin=checkpoints.begin, between=checkpoints.between),
        )
    return dict(weights(model))


def points() -> list[str]:
    """Every point of one save, in order."""
    root, told = Path(tempfile.mkdtemp(prefix="saves-")), []
    train_into(root / "attempt-1", at_point=told.append)
    shutil.rmtree(root)
    end = told.index("before the older ones go") + 1
    return told[:end]


def _train_and_die(folder: Path, point: str, *, save: int) -> None:
    seen = 0

    def at_point(name: str) -> None:
        nonlocal seen
        seen += name == point
        if name == point and seen == save:
            os.kill(os.getpid(), signal.SIGKILL)

    train_into(folder, at_point=at_point)


def measure() -> list[Case]:
    """One case per point."""
    root = Path(tempfile.mkdtemp(prefix="saves-"))
    expected = train_into(root / "unbroken")
    context = get_context("forkserver")
    cases = []
    for number, point in enumerate(points()):
        folder = root / f"attempt-{number}"
        child = context.Process(target=_train_and_die, args=(folder, point), kwargs={"save": SAVE})
        child.start()
        child.join()
        try:
            found = train_into(folder)
            same = child.exitcode == -signal.SIGKILL and largest_difference(found, expected) == 0  # type: ignore[arg-type]
            outcome = "the same bits" if same else f"OTHER bits (child {child.exitcode})"
        except NothingToResume as error:
            same, outcome = False, str(error)
        cases.append(Case(point, outcome, ok=same))
    shutil.rmtree(root)
    return cases
