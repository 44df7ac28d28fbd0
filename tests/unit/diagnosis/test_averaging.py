"""What a card's F1, precision and recall are of, and how many labels there are, where only the figures tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertsmith.diagnosis.averaging import averaging_of, number_of_labels
from bertsmith.diagnosis.foreign import read_foreign
from bertsmith.diagnosis.foreign_run import ForeignEpoch, ForeignRun
from bertsmith.diagnosis.implied_counts import PrintedScores, is_one_label
from bertsmith.diagnosis.published import judge_published


def card(*epochs: ForeignEpoch, decimals: int = 4) -> ForeignRun:
    return ForeignRun("card", epochs, decimals=decimals)


def test_a_high_accuracy_beside_next_to_no_recall_is_no_mean_over_labels():
    run = card(ForeignEpoch(epoch=1, accuracy=0.95, precision=0.5, recall=0.02))

    assert averaging_of(run) == "one label"


def test_recall_that_is_accuracy_in_one_epoch_of_two_is_an_accident():
    # 325 of 500 positives and 325 of 500 negatives right, then 450 and 150.
    run = card(
        ForeignEpoch(validation_loss=0.65, accuracy=0.65, f1=0.65, precision=0.65, recall=0.65),
        ForeignEpoch(validation_loss=0.66, accuracy=0.6, f1=0.6923, precision=0.5625, recall=0.9),
    )

    assert averaging_of(run) == "one label"


def test_a_loss_of_ln_4_beside_a_high_accuracy_is_not_that_of_a_guess_among_four():
    assert number_of_labels(card(ForeignEpoch(epoch=1, validation_loss=1.39, accuracy=0.8))) is None


def test_an_f1_that_is_off_by_two_thousandths_is_not_that_of_one_label():
    # 2PR/(P+R) is 0.7099.
    assert is_one_label(PrintedScores(0.7, 0.72, 0.7, 0.7099), decimals=4)
    assert not is_one_label(PrintedScores(0.7, 0.72, 0.7, 0.708), decimals=4)


def test_scores_of_one_label_with_two_digits_imply_no_matrix():
    run = card(ForeignEpoch(epoch=1, accuracy=0.5, precision=0.3, recall=0.9, f1=0.45), decimals=2)

    assert averaging_of(run) == "one label"
    assert judge_published(run).implied is None


def test_a_results_file_says_how_many_labels_the_means_are_over(tmp_path: Path):
    scores = dict.fromkeys(("accuracy", "f1", "precision", "recall"), 0.8)
    values = {"epochs": [{"epoch": 1} | scores], "labels": ["a", "b", "c"], "positive_label": None}
    (tmp_path / "results.json").write_text(json.dumps(values))

    answer = judge_published(read_foreign(tmp_path))

    # From a third to 0.8 of the two thirds that are left.
    assert answer.states[0].gain == pytest.approx(0.7)
