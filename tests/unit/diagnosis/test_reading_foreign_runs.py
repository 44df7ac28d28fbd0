"""What is read of a card's table and of a trainer's log: which table, which loss, which numbers, to how many digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.unit.diagnosis.test_foreign_runs import PUBLISHED, state

from bertsmith.diagnosis.foreign import read_foreign
from bertsmith.diagnosis.printed_table import read_table


def test_of_two_tables_the_one_with_more_known_columns_is_read():
    other = "| Epoch | Accuracy |\n|---|---|\n| 1 | 0.5 |\n"

    for card in (f"{PUBLISHED}\n\n{other}", f"{other}\n\n{PUBLISHED}"):
        assert len(read_table(card, name="card").epochs) == 5


def test_a_step_with_a_separator_of_thousands_is_a_number():
    text = "| Epoch | Step | Validation Loss |\n|---|---|---|\n| 2 | 1,370 | 0.69 |\n"

    assert read_table(text, name="card").epochs[0].step == 1370


def test_scores_above_one_are_in_percent_without_a_sign_too():
    run = read_table(
        "| Epoch | Validation Loss | Accuracy |\n|---|---|---|\n| 1 | 1.5 | 92.13 |\n", name="card"
    )

    assert (run.epochs[0].accuracy, run.decimals) == (pytest.approx(0.9213), 4)
    assert run.epochs[0].validation_loss == 1.5


def test_float32_written_in_full_has_seven_digits(tmp_path: Path):
    share = float(np.float32(0.5914))

    folder = state(tmp_path, {"eval_accuracy": share, "eval_loss": 0.6, "epoch": 1.0})

    assert read_foreign(folder).decimals == 7


def test_an_epochs_training_loss_is_the_last_one_logged_before_it(tmp_path: Path):
    losses = ({"loss": 0.7, "step": 10}, {"loss": 0.4, "step": 20})
    evaluated = {"eval_loss": 0.3, "eval_accuracy": 0.9, "step": 20, "epoch": 1.0}

    assert read_foreign(state(tmp_path, *losses, evaluated)).epochs[0].train_loss == 0.4
