"""A model whose validation rows do not show that it learned gets no temperature."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from tests.unit.diagnosis.test_verdict import rows_of

from bertsmith.config import TrainingConfig
from bertsmith.data.example import Dataset, Example, Origin
from bertsmith.scored import temperature_of

NAMES = ("no", "yes")


def temperature(true: np.ndarray, predicted: np.ndarray, *, texts: Iterable[int]) -> tuple[float, str | None]:
    """Of a model that is as sure of every row; `texts` are numbers, equal where the texts are."""
    rows = tuple(
        Example(f"text {text}", NAMES[label], Origin("rows.csv", line))
        for line, (text, label) in enumerate(zip(texts, true, strict=True), start=2)
    )
    logits = (np.eye(2)[predicted] * 2).astype(np.float32)
    return temperature_of(TrainingConfig(), Dataset(rows), logits, true)


def test_copies_of_few_validation_rows_do_not_show_that_the_model_learned():
    # 16 of 24 texts right, for which Fisher's p is 0.11.
    true, predicted = (np.repeat(ids, 20) for ids in rows_of(8, 4, 4, 8))

    assert temperature(true, predicted, texts=np.repeat(np.arange(24), 20)) == (
        1.0,
        "the validation rows do not show that the model learned",
    )


def test_a_model_that_barely_learned_gets_no_temperature():
    # 580 of 1,000 right is no chance, and 16 % of the way from it to perfect.
    assert temperature(*rows_of(290, 210, 210, 290), texts=range(1000)) == (
        1.0,
        "on the validation rows the model barely learned",
    )
