"""One run of the benchmark: train through the public door, then score the model on rows that the tool never saw."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import bertsmith
from benchmarks.honesty.tasks import Texts
from bertsmith.data.example import LabelSet
from bertsmith.errors import BertsmithError
from bertsmith.evaluation.metrics import balanced_accuracy, confusion_matrix, gain_over_chance
from bertsmith.evaluation.significance import learning_p_value

REFUSED_EXIT_CODE = 2
"""The command line's exit code where the user can mend it."""
KEPT_BACK = 1000
"""Rows of every healthy run that the tool does not see."""


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    outcome: str
    """The verdict's outcome, or `refused` where the tool would not go on."""
    sentence: str
    exit_code: int
    num_restarts: int = 0
    test_rows: int = 0
    kept_back_gain: float | None = None
    """Gain on the rows kept back; None where there is no model, or its weights are no numbers."""
    kept_back_p: float | None = None
    """p-value of learning on the rows kept back."""


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="honesty-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run(texts: Texts, *, model: str, kept_back: Texts | None = None, **settings: Any) -> Ended:
    """Train on the texts and judge; score the rows kept back if there is a model, be it one that the tool calls failed."""
    with scratch() as folder:
        data = texts.write(folder / "rows.csv")
        try:
            finished = bertsmith.finetune(
                data,
                model=model,
                output=folder / "run",
                threads=1,
                keep_failed_model=kept_back is not None,
                **settings,
            )
        except BertsmithError as error:
            return Ended("refused", str(error), REFUSED_EXIT_CODE)
        verdict = finished.verdict
        gain, p_value = None, None
        if kept_back is not None and verdict.outcome != "diverged":
            gain, p_value = score(folder / "run", kept_back)
        return Ended(
            outcome=verdict.outcome,
            sentence=verdict.sentence,
            exit_code=verdict.exit_code,
            num_restarts=len(finished.restarts),
            test_rows=finished.test.rows if finished.test else 0,
            kept_back_gain=gain,
            kept_back_p=p_value,
        )


def score(folder: Path, kept_back: Texts) -> tuple[float, float]:
    """Gain of the saved model on these rows, and the p-value that it is chance."""
    predicted = bertsmith.load(folder).predict(list(kept_back.texts))
    label_set = LabelSet.from_labels(list(kept_back.labels))
    label_ids = np.array(label_set.ids_of(list(kept_back.labels)))
    predicted_ids = np.array(label_set.ids_of([prediction.label for prediction in predicted]))
    confusion = confusion_matrix(label_ids, predicted_ids, num_labels=len(label_set))
    gain = gain_over_chance(float(balanced_accuracy(confusion)), num_labels=len(label_set))
    return gain, learning_p_value(label_ids, predicted_ids, num_labels=len(label_set))
