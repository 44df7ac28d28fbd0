"""Calibrated probabilities everywhere, a threshold where one was asked for, and test labels that decide nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.story.commands import bertsmith, results, weights
from tests.story.conftest import QUICK_RECIPE, Finished, finish
from tests.story.rows import keyword_rows, read_csv, unlearnable_rows, write_csv
from transformers import pipeline

from bertsmith.evaluation.intervals import wilson

NUM_ROWS = 700
RECIPE = (*QUICK_RECIPE, "--epochs", 3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learnable rows, every tenth of them with the wrong label, so that no model can be sure of itself."""
    rows = [
        (text, label if number % 10 else {"negative": "positive", "positive": "negative"}[label])
        for number, (text, label) in enumerate(keyword_rows(NUM_ROWS, seed=5))
    ]
    return write_csv(tmp_path_factory.mktemp("noisy") / "rows.csv", rows)


@pytest.fixture(scope="module")
def calibrated(data: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finish(tmp_path_factory.mktemp("runs") / "calibrated", "train", data, "--model", tiny, *RECIPE)


def test_the_temperature_is_in_the_last_layer_and_nowhere_else(
    calibrated: Finished, data: Path, tiny: Path, tmp_path: Path
) -> None:
    plain = finish(tmp_path / "plain", "train", data, "--model", tiny, *RECIPE, "--no-calibrate")
    ours, theirs = (load_file(run.folder / "model.safetensors") for run in (calibrated, plain))
    temperature = results(calibrated.folder)["calibration"]["temperature"]

    assert temperature != 1
    for name, tensor in ours.items():
        scale = temperature if name.startswith("classifier.") else 1.0
        np.testing.assert_allclose(tensor * scale, theirs[name], rtol=1e-6)
    assert results(plain.folder)["calibration"]["reason"] == "--no-calibrate"
    assert results(plain.folder)["epochs"] == results(calibrated.folder)["epochs"]


def test_no_label_changes_and_the_validation_loss_falls(calibrated: Finished) -> None:
    calibration = results(calibrated.folder)["calibration"]

    assert calibration["validation_after"]["log_loss"] < calibration["validation_before"]["log_loss"]
    assert results(calibrated.folder)["test"]["loss"]["value"] == pytest.approx(
        calibration["test_after"]["log_loss"]
    )


def test_the_pipeline_of_transformers_gives_the_calibrated_probabilities(calibrated: Finished) -> None:
    rows = read_csv(calibrated.folder / "predictions.csv")[:20]
    classify = pipeline("text-classification", model=str(calibrated.folder), device="cpu")

    for row, answer in zip(rows, classify([row["text"] for row in rows]), strict=True):
        assert answer["label"] == row["prediction"]
        assert answer["score"] == pytest.approx(float(row["probability"]), abs=2e-5)


def test_few_validation_rows_get_no_temperature(
    finished: Finished, few_reviews: Path, tiny: Path, tmp_path: Path
) -> None:
    run = finish(tmp_path / "few", "train", few_reviews, "--model", tiny, *RECIPE, "--epochs", 12)

    calibration = results(run.folder)["calibration"]
    assert calibration["temperature"] == 1
    assert "too few, 100 are needed" in calibration["reason"]


def test_the_card_says_what_the_temperature_did(calibrated: Finished) -> None:
    card = (calibrated.folder / "README.md").read_text("utf-8")

    assert "## Calibration" in card and "test, as saved" in card


def test_a_threshold_is_applied_by_predict_and_carried_by_the_config(
    data: Path, tiny: Path, tmp_path: Path
) -> None:
    run = finish(
        tmp_path / "run", "train", data, "--model", tiny, *RECIPE, "--threshold", "cost=50:1", "--no-fail"
    )
    threshold = results(run.folder)["threshold"]
    bertsmith("predict", run.folder, data, "--output", tmp_path / "out.csv")
    rows = read_csv(tmp_path / "out.csv")

    assert threshold["label"] == "positive" and threshold["value"] < 0.5
    for row in rows:
        chance = float(row["predicted_probability_positive"])
        if abs(chance - threshold["value"]) > 1e-4:
            assert (row["predicted_label"] == "positive") == (chance >= threshold["value"])
    assert results(run.folder)["test"]["recall"]["value"] > 0.9
    # What the run says of its test rows, evaluate says of them too: both by the threshold.
    lines = {int(row["line"]) for row in read_csv(run.folder / "splits.csv") if row["split"] == "test"}
    held_out = [
        (row["text"], row["label"]) for line, row in enumerate(read_csv(data), start=2) if line in lines
    ]
    tests = write_csv(tmp_path / "tests.csv", held_out)
    evaluated = bertsmith("evaluate", run.folder, tests, "--json").json
    assert evaluated["recall"] == pytest.approx(results(run.folder)["test"]["recall"])
    assert evaluated["precision"] == pytest.approx(results(run.folder)["test"]["precision"])
    assert "## Decision threshold" in (run.folder / "README.md").read_text("utf-8")


def test_a_threshold_has_no_say_in_the_verdict(
    calibrated: Finished, data: Path, tiny: Path, tmp_path: Path
) -> None:
    run = finish(tmp_path / "run", "train", data, "--model", tiny, *RECIPE, "--threshold", "cost=1000:1")
    plain, moved = results(calibrated.folder), results(run.folder)

    # By this threshold nearly every row is called positive, which as a verdict would be a collapse.
    assert moved["test"]["predicted_share"]["positive"] > 0.9 > plain["test"]["predicted_share"]["positive"]
    assert (run.outcome.code, moved["verdict"]["outcome"]) == (0, plain["verdict"]["outcome"])
    assert moved["verdict"]["sentence"] == plain["verdict"]["sentence"]
    assert "With the decision threshold" in moved["verdict"]["reasons"][0]


def test_a_model_that_learned_nothing_gets_no_temperature(tiny: Path, tmp_path: Path) -> None:
    rows = unlearnable_rows(NUM_ROWS)
    data = write_csv(tmp_path / "rows.csv", rows)

    run = finish(
        tmp_path / "run", "train", data, "--model", tiny, *RECIPE, "--on-failure", "continue", "--no-fail"
    )
    values = results(run.folder)

    assert values["verdict"]["outcome"] == "not_shown_to_learn"
    assert values["calibration"]["temperature"] == 1
    assert "do not show that the model learned" in values["calibration"]["reason"]


def test_a_threshold_for_three_labels_is_refused(tiny: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "three.csv", keyword_rows(90, labels=("negative", "neutral", "positive")))

    outcome = bertsmith("train", data, "--model", tiny, "--threshold", "f1", "--output", tmp_path / "run")

    assert outcome.code == 2
    assert "--threshold needs exactly two labels" in outcome.err


def test_poisoned_test_labels_change_nothing_but_what_is_said_of_them(
    data: Path, tiny: Path, tmp_path: Path
) -> None:
    honest = keyword_rows(200, seed=11)
    poisoned = [(text, honest[-1 - number][1]) for number, (text, _) in enumerate(honest)]
    runs = []
    for name, rows in (("honest", honest), ("poisoned", poisoned)):
        (tmp_path / name).mkdir()
        test = write_csv(tmp_path / name / "test.csv", rows)
        runs.append(
            finish(
                tmp_path / name / "run", "train", data, "--test", test, "--model", tiny, *RECIPE, "--no-fail"
            )
        )
    first, second = (results(run.folder) for run in runs)

    assert weights(runs[0].folder) == weights(runs[1].folder)
    for same in ("epochs", "best_epoch", "validation", "recipe", "restarts", "test_reads"):
        assert first[same] == second[same]
    assert first["calibration"]["temperature"] == second["calibration"]["temperature"]
    assert first["test"] != second["test"]
    assert first["test_reads"] == 1


def test_balanced_weights_find_a_rare_label(tiny: Path, tmp_path: Path) -> None:
    rows = keyword_rows(1200, seed=3)
    rare = [row for number, row in enumerate(rows) if row[1] == "negative" or number % 20 == 1]
    data = write_csv(tmp_path / "rare.csv", rare)
    flags = ("--model", tiny, *QUICK_RECIPE, "--class-weights", "balanced", "--no-fail")

    run = finish(tmp_path / "run", "train", data, *flags)

    assert results(run.folder)["recipe"]["class_weights"] == "balanced"
    assert results(run.folder)["test"]["recall"]["value"] > 0


@pytest.fixture(scope="module")
def copied(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run on eight test texts, each twenty times."""
    root = tmp_path_factory.mktemp("copied")
    test = write_csv(root / "test.csv", keyword_rows(8, seed=77) * 20)
    data = write_csv(root / "rows.csv", keyword_rows(300, seed=5))
    return finish(root / "run", "train", data, "--test", test, "--model", tiny, *QUICK_RECIPE, "--no-fail")


def test_duplicates_widen_the_intervals_of_the_model_and_of_its_baselines(copied: Finished) -> None:
    values = results(copied.folder)
    baselines = values["baselines"]

    for scores in (values["test"], baselines["majority"], baselines["tfidf_logistic_regression"]):
        accuracy = scores["accuracy"]
        assert (accuracy["low"], accuracy["high"]) == pytest.approx(wilson(accuracy["value"] * 8, 8))


def test_copies_of_few_test_texts_do_not_show_learning(copied: Finished) -> None:
    # Eight texts, all right: p is 1 / 70 at best, whatever the copies.
    assert results(copied.folder)["verdict"]["outcome"] == "not_shown_to_learn"
