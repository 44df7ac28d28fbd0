"""Runs of other tools: the published failed curves, healthy ones, and what printed scores imply.

Figures are those of the published cards and nothing else; what is not quoted is left out.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.story.commands import bertsmith

from bertsmith.diagnosis.foreign import read_foreign
from bertsmith.diagnosis.foreign_run import ForeignEpoch, ForeignRun
from bertsmith.diagnosis.implied_counts import Counts, PrintedScores, implied_counts, is_one_label
from bertsmith.diagnosis.printed_table import read_table
from bertsmith.diagnosis.published import PublishedVerdict, judge_published
from bertsmith.errors import UnreadableFile
from bertsmith.explanations import codes

# The public model bert-bert-cased-first512-Conflict-SEP, April 2022: its card's table.
PUBLISHED = """
| Training Loss | Epoch | Step | Validation Loss | F1 | Accuracy | Precision | Recall |
|:-------------:|:-----:|:----:|:---------------:|:------:|:------:|:------:|:------:|
| 0.7027 | 1.0 | 685  | 0.6956 | 0.6018 | 0.5365 | 0.5275 | 0.7003 |
| 0.7009 | 2.0 | 1370 | 0.6986 | 0.6667 | 0.5    | 0.5    | 1.0    |
| 0.7052 | 3.0 | 2055 | 0.6983 | 0.6667 | 0.5    | 0.5    | 1.0    |
| 0.6987 | 4.0 | 2740 | 0.6830 | 0.5235 | 0.5636 | 0.5764 | 0.4795 |
| 0.6761 | 5.0 | 3425 | 0.6806 | 0.6088 | 0.5914 | 0.5839 | 0.6360 |
"""


def judged(text: str) -> PublishedVerdict:
    return judge_published(read_table(text, name="card"))


def accuracies(*values: float, losses: tuple[float, ...] = ()) -> PublishedVerdict:
    epochs = [
        ForeignEpoch(epoch=index + 1, accuracy=value, validation_loss=losses[index] if losses else None)
        for index, value in enumerate(values)
    ]
    return judge_published(ForeignRun("card", tuple(epochs), decimals=4))


def test_the_published_run_barely_learned_with_a_gain_of_18_percent():
    answer = judged(PUBLISHED)

    assert (answer.verdict.outcome, answer.verdict.exit_code) == ("barely_learned", 1)
    assert "18 % of the way" in answer.verdict.sentence
    assert answer.judged == 4
    assert answer.states[4].gain == pytest.approx(0.1828, abs=1e-3)


def test_its_collapsed_epochs_and_the_trap_are_named():
    answer = judged(PUBLISHED)

    assert [index + 1 for index, state in enumerate(answer.states) if state.state == "collapsed"] == [2, 3]
    assert answer.trap == 1
    assert any("A trap: the best F1 of the table, 0.6667" in reason for reason in answer.verdict.reasons)
    assert any("never left ln 2 = 0.6931" in reason for reason in answer.verdict.reasons)


def test_its_figures_imply_684_and_684_rows_and_the_last_matrix():
    implied = judged(PUBLISHED).implied

    assert implied is not None
    assert (implied.rows, implied.positives) == (1368, (684,))
    assert implied.matrices[-1] == (Counts(435, 310, 249, 374),)


def test_columns_in_any_order_gaps_and_no_log_are_read():
    text = """
    | Accuracy | Epoch | Validation Loss | Training Loss | Recall | Precision | F1 |
    |---|---|---|---|---|---|---|
    | 0.8073 | 1 | 0.4914 | No log | 0.6486 | 0.96 | 0.7742 |
    | 0.8784 | 2 | 0.3551 | | 0.8446 | 0.9102 | 0.8762 |
    """
    run = read_table(text, name="card")

    assert run.epochs[0] == ForeignEpoch(1.0, None, None, 0.4914, 0.7742, 0.8073, 0.96, 0.6486)
    assert run.epochs[1].train_loss is None
    assert judge_published(run).verdict.outcome == "learned"


def test_a_pasted_table_without_bars_is_read():
    text = "Epoch  Step  Validation Loss  F1  Accuracy  Precision  Recall\n1  685  0.6956  0.6018  0.5365  0.5275  0.7003\n"

    assert read_table(text, name="-").epochs[0].recall == 0.7003


@pytest.mark.parametrize(
    ("claim", "answer"),
    [
        ("multiple choice at ln 2", accuracies(0.4993, 0.4993, losses=(0.6931, 0.6931))),
        ("RACE at ln 4", accuracies(0.298, 0.298, 0.298, losses=(1.3863, 1.3863, 1.3863))),
        ("RTE whose accuracy flips", accuracies(0.5271, 0.4729, 0.5271)),
        ("RTE that stands still", accuracies(0.52708, 0.52708)),
        ("RTE around 0.70", accuracies(0.5714, 0.5714, 0.4286, losses=(0.70, 0.70, 0.70))),
    ],
)
def test_published_failures_are_not_shown_to_have_learned(claim: str, answer: PublishedVerdict):
    assert answer.verdict.outcome in ("not_shown_to_learn", "collapsed"), claim
    assert answer.verdict.exit_code == 1


def test_a_high_accuracy_beside_an_f1_of_nothing_is_no_success():
    run = ForeignRun("card", (ForeignEpoch(epoch=1, accuracy=0.9707, f1=0.0141),), decimals=4)

    assert judge_published(run).verdict.outcome == "not_shown_to_learn"


def test_a_slow_start_that_learns_is_not_called_failed():
    # A published bert-large on RTE: 0.5343 after the first epoch, then 0.7184, then 0.6643.
    assert accuracies(0.5343, 0.7184, 0.6643).verdict.outcome == "cannot_tell"


def test_a_macro_collapse_of_three_labels_is_seen():
    text = """
    | Epoch | Validation Loss | Accuracy | Macro F1 | Macro Precision | Macro Recall |
    |---|---|---|---|---|---|
    | 1 | 1.0990 | 0.3340 | 0.1669 | 0.1113 | 0.3333 |
    | 2 | 1.0987 | 0.3340 | 0.1669 | 0.1113 | 0.3333 |
    """
    assert judged(text).verdict.outcome == "collapsed"


SCORES = "| Epoch | Validation Loss | Accuracy | F1 | Precision | Recall |\n|---|---|---|---|---|---|\n"


def table(*rows: tuple[float, ...]) -> PublishedVerdict:
    """Of rows of validation loss, accuracy, F1, precision and recall."""
    lines = (f"| {number} | {' | '.join(map(str, row))} |" for number, row in enumerate(rows, start=1))
    return judged(SCORES + "\n".join(lines))


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        # Everything called the label of 90 % of the rows: precision 0.9², F1 0.9 · 2·0.9/1.9. F1 = 2PR/(P+R) holds too.
        ("weighted averages", (0.33, 0.9, 0.8526, 0.81, 0.9)),
        # A quarter of the rows each: recall ¼, precision ¼/4, F1 ¼ · 2·¼/1¼.
        ("means over four labels", (1.3866, 0.25, 0.1, 0.0625, 0.25)),
        # 99.6 % called positive where half are: recall 0.998, specificity 0.006, precision 0.998/1.992.
        ("one label, nearly all rows", (0.6931, 0.502, 0.6671, 0.501, 0.998)),
    ],
)
def test_a_collapse_is_seen_whatever_the_averages(claim: str, row: tuple[float, ...]):
    assert table(row, row).verdict.outcome == "collapsed", claim


def test_weighted_averages_say_nothing_of_the_rare_labels():
    # Recall equals accuracy in every row. 0.91 may be hardly more than the share of one label.
    answer = table((0.3, 0.91, 0.8755, 0.89, 0.91), (0.3, 0.905, 0.8667, 0.88, 0.905))

    assert answer.verdict.outcome == "cannot_tell"
    assert "weighted by the labels' rows" in answer.verdict.sentence
    assert answer.implied is None


def test_a_model_that_is_hardly_ever_wrong_is_not_called_collapsed():
    # 1,000 rows, half positive, one false positive: precision 500/501.
    assert table((0.01, 0.999, 0.999, 0.998, 1.0)).verdict.outcome == "learned"
    # 10,000 rows: rounded to four digits, the figures are those of calling everything positive.
    assert table((0.01, 0.9999, 0.9999, 0.9999, 1.0)).verdict.outcome != "collapsed"


def test_the_recall_of_one_label_is_not_taken_for_that_of_all():
    gaps = "| 1 | 0.5 | 0.8012 | | 0.8123 | 0.7880 |\n| 2 | | 0.8213 | 0.8160 | | 0.8094 |\n"

    assert judged(SCORES + gaps).verdict.outcome == "cannot_tell"


def test_balanced_accuracy_is_enough():
    header = "| Epoch | Validation Loss | Balanced Accuracy |\n|---|---|---|\n"

    assert judged(f"{header}| 1 | 0.69 | 0.5 |\n").verdict.outcome == "not_shown_to_learn"
    assert judged(f"{header}| 1 | 0.42 | 0.84 |\n").states[0].gain == pytest.approx(0.68)


def test_scores_in_percent_are_shares():
    text = "| Epoch | Validation Loss | Val Accuracy | F1-Score |\n|---|---|---|---|\n| 1 | 1.5 | 92.13% | 91.5% |\n"
    run = read_table(text, name="card")

    assert run.epochs[0].accuracy == pytest.approx(0.9213)
    assert run.epochs[0].validation_loss == 1.5
    assert run.decimals == 4


def test_a_gap_between_tabs_moves_no_figure_into_another_column():
    text = "Epoch\tTraining Loss\tValidation Loss\tAccuracy\n1\tNo log\t0.69\t0.51\n2\t\t0.68\t0.55\n"

    assert read_table(text, name="-").epochs[1] == ForeignEpoch(2.0, validation_loss=0.68, accuracy=0.55)


def test_a_gap_between_spaces_moves_no_figure_into_another_column():
    text = (
        "Epoch  Training Loss  Validation Loss  Accuracy\n"
        "1                     0.69             0.51\n"
        "2      0.70                            0.55\n"
    )
    run = read_table(text, name="-")

    assert run.epochs[0] == ForeignEpoch(1.0, validation_loss=0.69, accuracy=0.51)
    assert run.epochs[1] == ForeignEpoch(2.0, train_loss=0.70, accuracy=0.55)


def test_a_regression_cannot_be_told():
    answer = judged(
        "| Epoch | Validation Loss | Mse | Pearson |\n|---|---|---|---|\n| 1 | 0.2 | 0.2 | 0.8 |\n"
    )

    assert answer.verdict.outcome == "cannot_tell"
    assert "regression" in answer.verdict.sentence


def test_a_card_with_losses_only_cannot_be_told():
    answer = judged("| Epoch | Validation Loss |\n|---|---|\n| 1 | 0.2 |\n")

    assert answer.verdict.outcome == "cannot_tell"
    assert "neither accuracy nor F1" in answer.verdict.sentence


def state(folder: Path, *entries: dict[str, float]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": list(entries)}))
    return folder


def test_a_trainer_state_of_a_model_made_of_nan_is_diverged(tmp_path: Path):
    folder = state(
        tmp_path / "out" / "checkpoint-20",
        {"epoch": 1.0, "loss": 0.0, "grad_norm": math.nan, "step": 20},
        {"epoch": 1.0, "eval_loss": math.nan, "eval_accuracy": 0.58, "step": 20},
    )

    assert judge_published(read_foreign(folder.parent)).verdict.outcome == "diverged"


def test_a_loss_of_zero_is_no_number_only_where_it_comes_from_nowhere(tmp_path: Path):
    evaluated = {"eval_loss": 0.3, "eval_accuracy": 0.9, "step": 40, "epoch": 2.0}
    nan = state(tmp_path / "nan", {"loss": 0.71, "step": 20}, {"loss": 0.0, "step": 40}, evaluated)
    learned = state(tmp_path / "learned", {"loss": 0.0004, "step": 20}, {"loss": 0.0, "step": 40}, evaluated)
    measured = state(
        tmp_path / "measured",
        {"loss": 0.2, "grad_norm": 1.0, "step": 20},
        {"loss": 0.0, "grad_norm": 0.001, "step": 40},
        evaluated,
    )

    assert [read_foreign(folder).loss_became_nan for folder in (nan, learned, measured)] == [
        True,
        False,
        False,
    ]


def test_a_log_says_by_its_names_that_its_scores_are_means(tmp_path: Path):
    # Three labels, 100 rows each: the recall of a plain mean is accuracy, as that of a weighted one always is.
    scores = {"accuracy": 0.8, "f1_macro": 0.79, "precision_macro": 0.81, "recall_macro": 0.8}
    folder = state(
        tmp_path, {"eval_loss": 0.5, "epoch": 1.0} | {f"eval_{name}": value for name, value in scores.items()}
    )

    answer = judge_published(read_foreign(folder))

    assert answer.states[0].gain == pytest.approx(0.6)


def test_a_run_that_blew_up_before_its_first_evaluation_diverged(tmp_path: Path):
    folder = state(tmp_path, {"loss": 0.7, "grad_norm": math.nan, "step": 20})

    assert judge_published(read_foreign(folder)).verdict.outcome == "diverged"


def test_a_loss_that_is_no_number_is_told_as_json(tmp_path: Path):
    state(tmp_path, {"eval_loss": math.nan, "eval_accuracy": 0.58, "step": 20, "epoch": 1.0})

    outcome = bertsmith("diagnose", tmp_path, "--json")

    assert outcome.code == 1
    assert outcome.json["epochs"][0]["validation_loss"] == "nan"


def test_the_newest_checkpoint_of_a_folder_is_read(tmp_path: Path):
    for step, accuracy in ((20, 0.5), (100, 0.9)):
        state(
            tmp_path / f"checkpoint-{step}",
            {"loss": 0.4, "step": step},
            {"eval_loss": 0.3, "eval_accuracy": accuracy, "eval_f1": accuracy, "step": step, "epoch": 1.0},
        )

    assert read_foreign(tmp_path).epochs == (ForeignEpoch(1.0, 100, 0.4, 0.3, 0.9, 0.9),)


def test_what_is_no_run_is_refused_with_what_was_expected(tmp_path: Path):
    (tmp_path / "card.md").write_text("# nothing\n")
    for path, words in (
        (tmp_path / "no", "no such"),
        (tmp_path, "neither"),
        (tmp_path / "card.md", "no table"),
    ):
        with pytest.raises(UnreadableFile, match=words):
            read_foreign(path)


@given(st.tuples(*[st.integers(0, 60)] * 4))
@settings(max_examples=60, deadline=None)
def test_the_true_matrix_is_among_those_that_fit(cells: tuple[int, int, int, int]):
    true = Counts(*cells)
    positives = true.true_positives + true.false_negatives
    assume(true.true_positives > 0 and true.rows > positives)

    implied = implied_counts([printed_scores(true)], decimals=4)

    assert implied is not None and implied.rows <= true.rows
    if implied.rows == true.rows:
        assert positives in implied.positives
    if implied.rows == true.rows and implied.positives[0] == positives:
        assert true in implied.matrices[0]


def printed_scores(counts: Counts) -> PrintedScores:
    hits, called = counts.true_positives, counts.true_positives + counts.false_positives
    truly = counts.true_positives + counts.false_negatives
    right = counts.true_positives + counts.true_negatives
    return PrintedScores(
        accuracy=round(right / counts.rows, 4),
        precision=round(hits / called, 4) if called else 0.0,
        recall=round(hits / truly, 4),
        f1=round(2 * hits / (truly + called), 4) if hits else 0.0,
    )


def test_averages_over_labels_imply_nothing():
    assert not is_one_label(PrintedScores(0.7, 0.72, 0.7, 0.65), decimals=4)


def test_the_command_prints_the_answer_and_exits_with_1(tmp_path: Path):
    (tmp_path / "README.md").write_text(PUBLISHED)

    outcome = bertsmith("diagnose", tmp_path, "--json")

    assert outcome.code == 1
    assert "It barely learned" in outcome.err and "TP 435, FP 310, FN 249, TN 374" in outcome.err
    assert outcome.json["verdict"]["outcome"] == "barely_learned"
    assert outcome.json["implied"]["rows"] == 1368


def test_a_table_on_standard_input_and_no_fail(tmp_path: Path):
    outcome = bertsmith("diagnose", "-", "--no-fail", stdin=PUBLISHED)

    assert outcome.code == 0
    assert "It barely learned" in outcome.err


def test_every_code_in_the_source_has_a_page_and_every_page_a_code():
    import re

    source = Path(__file__).parents[3] / "src" / "bertsmith"
    text = "\n".join(path.read_text("utf-8") for path in source.rglob("*.py"))
    in_source = set(re.findall(r'"([DTML]\d{3})"', text))
    outcomes = {
        "learned",
        "barely_learned",
        "no_better_than_baseline",
        "not_shown_to_learn",
        "collapsed",
        "diverged",
        "cannot_tell",
    }

    assert set(codes()) == in_source | outcomes


def test_explain_prints_a_page_lists_all_and_names_the_nearest():
    assert bertsmith("explain", "d010").out.startswith("# D010: ")
    assert len(bertsmith("explain").out.splitlines()) == len(codes())
    wrong = bertsmith("explain", "colapsed")
    assert wrong.code == 2 and "Did you mean 'collapsed'?" in wrong.err
