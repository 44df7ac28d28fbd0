"""What a run that learned leaves behind: every file of the run folder, and what stands in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.story.commands import results
from tests.story.conftest import NUM_ROWS, QUICK_RECIPE, Finished, finish
from tests.story.rows import TWO, read_csv

FILES = {
    "report.html",
    "README.md",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "results.json",
    "run.toml",
    "predictions.csv",
    "splits.csv",
    "findings.json",
    "log.jsonl",
    "checkpoints",
}
RESULT_KEYS = {
    "schema",
    "verdict",
    "task",
    "labels",
    "positive_label",
    "epochs",
    "divergence",
    "best_epoch",
    "validation",
    "test",
    "baselines",
    "calibration",
    "threshold",
    "mistakes",
    "seeds",
    "folds",
    "data",
    "recipe",
    "model",
    "restarts",
    "test_without_leaked_rows",
    "test_reads",
    "memory",
    "speed",
    "environment",
}
EPOCH_KEYS = {
    "epoch",
    "step",
    "train_loss",
    "validation_loss",
    "f1",
    "accuracy",
    "precision",
    "recall",
    "collapsed",
    "predicted_share",
}
METRICS = ("accuracy", "f1", "precision", "recall")


def test_a_run_that_learned_exits_with_0(finished: Finished) -> None:
    assert finished.outcome.code == 0, finished.outcome.err


def test_the_folder_holds_every_file_of_a_run(finished: Finished) -> None:
    assert {path.name for path in finished.folder.iterdir()} >= FILES


def test_results_have_the_promised_names_and_no_other(finished: Finished) -> None:
    assert set(results(finished.folder)) == RESULT_KEYS


def test_a_verdict_is_an_outcome_a_sentence_and_reasons(finished: Finished) -> None:
    verdict = results(finished.folder)["verdict"]
    assert set(verdict) == {"outcome", "sentence", "reasons"}
    assert verdict["outcome"] in ("learned", "no_better_than_baseline")


def test_each_epoch_has_the_promised_numbers(finished: Finished) -> None:
    epochs = results(finished.folder)["epochs"]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert all(epoch.keys() >= EPOCH_KEYS for epoch in epochs)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_each_score_stands_in_its_interval(finished: Finished, split: str) -> None:
    scores = results(finished.folder)[split]
    for name in METRICS:
        assert scores[name]["low"] <= scores[name]["value"] <= scores[name]["high"]


def test_the_confusion_counts_every_test_row(finished: Finished) -> None:
    test = results(finished.folder)["test"]
    assert sum(map(sum, test["confusion"])) == test["rows"]


def test_the_baselines_are_scored_on_the_same_test_rows(finished: Finished) -> None:
    values = results(finished.folder)
    assert set(values["baselines"]) == {"majority", "tfidf_logistic_regression"}
    rows = {baseline["rows"] for baseline in values["baselines"].values()}
    assert rows == {values["test"]["rows"]}


def test_the_test_rows_are_read_once(finished: Finished) -> None:
    assert results(finished.folder)["test_reads"] == 1


def test_every_row_of_the_file_has_its_line_in_the_splits(finished: Finished) -> None:
    rows = read_csv(finished.folder / "splits.csv")
    assert [int(row["line"]) for row in rows] == list(range(2, NUM_ROWS + 2))
    assert {row["split"] for row in rows} == {"train", "validation", "test"}


def test_the_splits_are_as_large_as_the_results_say(finished: Finished) -> None:
    assigned = [row["split"] for row in read_csv(finished.folder / "splits.csv")]
    told = results(finished.folder)["data"]["splits"]
    assert {name: assigned.count(name) for name in told} == {
        name: split["rows"] for name, split in told.items()
    }


def test_the_predictions_are_the_test_rows(finished: Finished) -> None:
    test_lines = [row["line"] for row in read_csv(finished.folder / "splits.csv") if row["split"] == "test"]
    assert [row["line"] for row in read_csv(finished.folder / "predictions.csv")] == test_lines


def test_the_predictions_give_the_accuracy_of_the_results(unlearnable: Finished) -> None:
    rows = read_csv(unlearnable.folder / "predictions.csv")
    assert [row["correct"] for row in rows] == [
        str(row["label"] == row["prediction"]).lower() for row in rows
    ]
    right = sum(row["correct"] == "true" for row in rows)
    assert 0 < right < len(rows)
    assert right / len(rows) == pytest.approx(results(unlearnable.folder)["test"]["accuracy"]["value"])


def test_the_log_has_a_line_for_each_step_and_each_epoch(finished: Finished) -> None:
    lines = [json.loads(line) for line in (finished.folder / "log.jsonl").read_text("utf-8").splitlines()]
    last_step = results(finished.folder)["epochs"][-1]["step"]
    assert [line["step"] for line in lines if line["event"] == "step"] == list(range(1, last_step + 1))
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [1, 2]


def test_findings_name_code_severity_and_sentence(finished: Finished) -> None:
    findings = json.loads((finished.folder / "findings.json").read_text("utf-8"))
    assert {"M004", "D038", "T002"} <= {finding["code"] for finding in findings}
    assert all(finding["severity"] in ("info", "warning") and finding["sentence"] for finding in findings)


def test_the_steps_are_the_training_rows_in_batches_of_eight(finished: Finished) -> None:
    values = results(finished.folder)
    per_epoch = -(-values["data"]["splits"]["train"]["rows"] // 8)
    assert [epoch["step"] for epoch in values["epochs"]] == [per_epoch, 2 * per_epoch]


def test_the_labels_have_their_names_in_the_model(finished: Finished) -> None:
    config = json.loads((finished.folder / "config.json").read_text("utf-8"))
    assert config["id2label"] == {"0": TWO[0], "1": TWO[1]}


def test_the_card_tells_the_verdict(finished: Finished) -> None:
    card = (finished.folder / "README.md").read_text("utf-8")
    assert results(finished.folder)["verdict"]["sentence"] in card


def test_the_length_stands_where_sentence_transformers_looks(finished: Finished) -> None:
    written = json.loads((finished.folder / "sentence_bert_config.json").read_text("utf-8"))
    assert written["max_seq_length"] == results(finished.folder)["model"]["max_length"]


def test_no_path_of_this_machine_is_published(finished: Finished) -> None:
    for name in (
        "README.md",
        "results.json",
        "findings.json",
        "splits.csv",
        "predictions.csv",
        "config.json",
    ):
        assert str(finished.folder.parent.parent) not in (finished.folder / name).read_text("utf-8"), name


def test_the_console_tells_plan_epochs_scores_and_verdict(finished: Finished) -> None:
    verdict = results(finished.folder)["verdict"]["sentence"]
    told = ("192 training, 64 validation and 64 test rows", "Epoch 2, step 48", "95 % interval", verdict)
    assert [part for part in told if part not in finished.outcome.err] == []


def test_nothing_stands_on_standard_output_unless_asked(finished: Finished) -> None:
    assert finished.outcome.out == ""


def test_a_second_run_on_the_same_test_rows_says_so(reviews: Path, tiny: Path, tmp_path: Path) -> None:
    first, second = (
        finish(tmp_path / name, "train", reviews, "--model", tiny, *QUICK_RECIPE, "--seed", seed)
        for name, seed in (("first", 1), ("second", 2))
    )
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "results.json").write_text("{")

    assert not any("also read" in reason for reason in results(first.folder)["verdict"]["reasons"])
    reasons = results(second.folder)["verdict"]["reasons"]
    assert any(
        "were also read by 1 earlier run here; the best of 2 is not an estimate" in reason
        for reason in reasons
    )


def test_no_file_for_others_holds_a_text(finished: Finished) -> None:
    texts = {row["text"] for row in read_csv(finished.folder / "predictions.csv")}
    for name in ("results.json", "README.md", "config.json", "findings.json", "log.jsonl"):
        written = (finished.folder / name).read_text("utf-8")
        assert not any(text in written for text in texts), name
