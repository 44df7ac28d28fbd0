"""Tables that read like success and are none, and the other way round: mixed averages, typing errors, gaps, unknown labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.diagnosis.test_foreign_runs import accuracies, judged, table

from bertsmith.diagnosis.foreign import read_foreign
from bertsmith.diagnosis.foreign_run import ForeignEpoch, ForeignRun
from bertsmith.diagnosis.implied_counts import Counts, ImpliedCounts
from bertsmith.diagnosis.printed_table import read_table
from bertsmith.diagnosis.published import judge_published
from bertsmith.report.diagnosing import implied_sentence

HEADER = "| Epoch | Validation Loss | F1 | Accuracy | Precision | Recall |\n|---|---|---|---|---|---|\n"
# Rows of the published table that tests/unit/diagnosis/test_foreign_runs.py has whole.
PUBLISHED = [
    "| 1 | 0.6956 | 0.6018 | 0.5365 | 0.5275 | 0.7003 |",
    "| 2 | 0.6986 | 0.6667 | 0.5 | 0.5 | 1.0 |",
    "| 3 | 0.6983 | 0.6667 | 0.5 | 0.5 | 1.0 |",
    "| 4 | 0.6830 | 0.5235 | 0.5636 | 0.5764 | 0.4795 |",
    "| 5 | 0.6806 | 0.6088 | 0.5914 | 0.5839 | 0.6360 |",
]


@pytest.mark.parametrize("name", ["F1 Macro", "F1", "F1 Weighted"])
def test_a_collapse_is_seen_where_f1_is_a_mean_and_recall_is_of_one_label(name: str):
    # Half the rows positive, all called positive: the mean of F1 2/3 and 0 is 1/3.
    text = (
        f"| Epoch | Validation Loss | Accuracy | {name} | Precision | Recall |\n|---|---|---|---|---|---|\n"
    )
    row = "0.6932 | 0.5 | 0.3333 | 0.5 | 1.0 |\n"

    answer = judged(f"{text}| 1 | {row}| 2 | {row}")

    assert answer.verdict.outcome == "collapsed"


def test_a_mean_f1_beside_precision_and_recall_of_one_label_gives_their_gain():
    # 1,000 rows: TP 180, FP 20, FN 120, TN 680; F1 0.72 and 0.9067, their mean 0.8133.
    text = (
        "| Epoch | Validation Loss | Accuracy | Macro F1 | Precision | Recall |\n|---|---|---|---|---|---|\n"
    )

    answer = judged(f"{text}| 1 | 0.35 | 0.8600 | 0.8133 | 0.9000 | 0.6000 |\n")

    assert answer.states[0].gain == pytest.approx(180 / 300 + 680 / 700 - 1, abs=1e-3)


def test_of_two_f1_columns_the_one_that_fits_recall_is_read():
    text = (
        "| Epoch | Macro F1 | F1 | Accuracy | Precision | Recall |\n|---|---|---|---|---|---|\n"
        "| 1 | 0.3333 | 0.6667 | 0.5 | 0.5 | 1.0 |\n"
    )

    assert read_table(text, name="card").epochs[0].f1 == 0.6667
    assert judged(text).verdict.outcome == "collapsed"


@pytest.mark.parametrize("without", [(), (2, 3)])
def test_one_mistyped_figure_does_not_turn_the_verdict(without: tuple[int, ...]):
    answer = judged(
        (HEADER + "\n".join(row for number, row in enumerate(PUBLISHED, 1) if number not in without)).replace(
            "0.6018", "0.6081"
        )
    )

    assert answer.verdict.outcome == "barely_learned"
    assert [index for index, state in enumerate(answer.states) if state.state == "collapsed"] == (
        [] if without else [1, 2]
    )
    assert any("Epoch 1 contradicts itself: F1 0.6081" in reason for reason in answer.verdict.reasons)
    assert answer.implied is None


def test_means_over_folds_of_one_labels_scores_are_not_taken_for_means_over_labels():
    # F1 = 2PR/(P+R) does not hold for means over folds; a mean recall of 0.834 cannot stand beside accuracy 0.55.
    answer = judged(HEADER + "| 1 | 0.6901 | 0.6410 | 0.5500 | 0.5302 | 0.8340 |\n")

    assert answer.verdict.outcome in ("barely_learned", "not_shown_to_learn")
    assert not any("contradicts itself" in reason for reason in answer.verdict.reasons)


def test_macro_averages_of_an_unknown_number_of_labels_cannot_be_told_near_one_half():
    header = "| Epoch | Validation Loss | Accuracy | Macro F1 | Macro Precision | Macro Recall |\n|---|---|---|---|---|---|\n"

    answer = judged(f"{header}| 1 | 1.70 | 0.4712 | 0.4433 | 0.4602 | 0.4501 |\n")

    assert answer.verdict.outcome == "cannot_tell"
    assert "how many labels" in answer.verdict.sentence and "39 % of the way" in answer.verdict.sentence


def test_macro_averages_far_above_one_half_are_a_gain_whatever_the_number_of_labels():
    header = "| Epoch | Validation Loss | Accuracy | Macro F1 | Macro Precision | Macro Recall |\n|---|---|---|---|---|---|\n"

    answer = judged(f"{header}| 1 | 0.60 | 0.7712 | 0.7433 | 0.7602 | 0.7501 |\n")

    assert answer.verdict.outcome == "learned"
    assert "at least 50 % of the way" in answer.verdict.sentence


def test_a_loss_that_left_the_priors_by_far_is_diverged():
    # Training loss, validation loss, F1, accuracy, precision and recall.
    rows = (
        (0.70, 0.69, 0.6, 0.6, 0.6, 0.6),
        (35.0, 42.1, 0.4484, 0.51, 0.51, 0.4),
        (88.0, 97.4, 0.4949, 0.49, 0.49, 0.5),
    )
    epochs = [ForeignEpoch(number, None, *row) for number, row in enumerate(rows, start=1)]

    answer = judge_published(ForeignRun("card", tuple(epochs), decimals=4))

    assert answer.verdict.outcome == "diverged"
    assert [state.state for state in answer.states[1:]] == ["diverged", "diverged"]
    assert "the loss ended at 88.0000" in answer.verdict.sentence
    assert not any("never left" in reason for reason in answer.verdict.reasons)


def test_of_two_epochs_with_the_same_scores_the_one_with_the_lower_loss_is_judged():
    scores = (0.86, 0.72, 0.9, 0.6)

    assert table((0.6, *scores), (0.4, *scores)).judged == 1


def test_where_every_epoch_collapsed_there_is_no_trap():
    collapsed = (0.6931, 0.5, 0.6667, 0.5, 1.0)

    assert table(collapsed, collapsed).trap is None


def test_epochs_are_counted_from_one_in_json():
    told = judged(HEADER + "\n".join(PUBLISHED)).to_json()

    assert (told["judged_epoch"], told["trap_epoch"]) == (5, 2)


def test_a_small_gain_that_chance_could_give_on_the_fewest_rows_that_fit_is_not_shown():
    # A tenth of the way from chance to perfect; 6 of 10 positives and 5 of 10 negatives right give these figures.
    assert table((0.68, 0.55, 0.5714, 0.5455, 0.6)).verdict.outcome == "not_shown_to_learn"


def test_a_loss_far_below_that_of_a_guess_is_not_at_chance():
    answer = table((0.35, 0.86, 0.72, 0.9, 0.6), (0.66, 0.6, 0.6923, 0.5625, 0.9))

    assert answer.states[0].state == ""


def test_accuracy_that_stands_still_far_above_chance_is_no_failure():
    assert accuracies(0.9, 0.9, losses=(0.2, 0.15)).verdict.outcome == "cannot_tell"


def test_a_regression_with_a_large_loss_has_not_diverged():
    text = "| Epoch | Validation Loss | Mse | Pearson |\n|---|---|---|---|\n| 1 | 42.0 | 42.0 | 0.8 |\n"

    assert judged(text).verdict.outcome == "cannot_tell"


def test_an_overconfident_model_that_is_right_has_not_diverged():
    answer = judged(HEADER + "| 1 | 3.1000 | 0.9000 | 0.9000 | 0.9000 | 0.9000 |\n")

    assert answer.verdict.outcome != "diverged"


def test_a_training_loss_that_is_a_sum_is_no_divergence():
    epoch = ForeignEpoch(epoch=1, train_loss=24.0, validation_loss=0.35, accuracy=0.9, f1=0.9)

    assert judge_published(ForeignRun("card", (epoch,), decimals=4)).verdict.outcome == "cannot_tell"


def test_gaps_do_not_turn_the_verdict_and_the_matrix_names_its_epoch():
    text = HEADER + "\n".join(PUBLISHED).replace("0.6986 | 0.6667", "0.6986 | ").replace("0.5839", "")
    answer = judged(text)

    # Epoch 5 has no precision: epoch 4, gain 0.13, is the best that can be judged.
    assert (answer.verdict.outcome, answer.judged) == ("barely_learned", 3)
    assert any("Too few figures to judge: epoch 5 of 5." in reason for reason in answer.verdict.reasons)
    assert answer.implied is not None
    assert "Epoch 4 of the table is then TP 328" in implied_sentence(answer.implied, answer)


def log(folder: Path, *scores: dict[str, float]) -> Path:
    history = [
        {f"eval_{name}": value for name, value in row.items()} | {"epoch": float(number), "eval_loss": 0.6}
        for number, row in enumerate(scores, start=1)
    ]
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    return folder


def scores_of(counts: Counts) -> dict[str, float]:
    return {name: score.value for name, score in counts.scores().items()}


@pytest.mark.parametrize("rounded", [None, 4])
def test_figures_in_full_imply_the_matrix(tmp_path: Path, rounded: int | None):
    counts = Counts(435, 310, 249, 374)
    row = scores_of(counts)
    if rounded is not None:
        row = {name: round(value, rounded) for name, value in row.items()}

    implied = judge_published(read_foreign(log(tmp_path, row))).implied

    assert implied is not None
    if rounded is None:
        assert implied.rows == counts.rows and counts in implied.matrices[0]


def test_the_intervals_of_the_implied_scores_are_told(tmp_path: Path):
    answer = judge_published(read_foreign(log(tmp_path, scores_of(Counts(435, 310, 249, 374)))))

    assert answer.implied is not None
    assert "F1 0.5" in implied_sentence(answer.implied, answer).partition("intervals")[2]
    told = answer.to_json()["implied"]["matrices"][0][0]["scores"]
    assert set(told) == {"accuracy", "precision", "recall", "f1"}
    assert all(score["low"] < score["value"] < score["high"] for score in told.values())


def test_a_small_set_that_fits_does_not_call_a_good_model_failed(tmp_path: Path):
    # TP 300, FP 100, FN 200, TN 400 of 1,000 rows: the smallest set that fits has 10 rows, where chance does as well.
    answer = judge_published(read_foreign(log(tmp_path, scores_of(Counts(300, 100, 200, 400)))))

    assert answer.implied is not None and answer.implied.rows == 10
    assert answer.verdict.outcome == "cannot_tell"
    assert "measured on 50 rows or more" in answer.verdict.sentence


def test_several_matrices_that_fit_are_counted_with_their_range(tmp_path: Path):
    answer = judge_published(read_foreign(log(tmp_path, scores_of(Counts(435, 310, 249, 374)))))
    implied = ImpliedCounts(1368, (684, 690), ((Counts(435, 310, 249, 374), Counts(438, 312, 252, 366)),))

    told = implied_sentence(implied, answer)

    assert "684 to 690 of them positive, 2 numbers fit" in told
    assert "one of 2 matrices: TP 435 to 438, FP 310 to 312, FN 249 to 252, TN 366 to 374" in told


def test_a_perfect_model_is_perfect():
    answer = judged(HEADER + "| 1 | 0.0100 | 1.0 | 1.0 | 1.0 | 1.0 |\n")

    assert answer.states[0].gain == pytest.approx(1.0)
    assert answer.verdict.outcome == "learned"
