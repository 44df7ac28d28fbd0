"""Folds: every row is predicted by a model that did not see it, and the kept model is trained on all rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.story.commands import bertsmith, results, weights, without_times
from tests.story.conftest import QUICK_RECIPE, Finished, finish
from tests.story.rows import keyword_rows, read_csv, unlearnable_rows, write_csv

NUM_ROWS = 300
FOLDS = ("--folds", 3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learnable rows, three of them with the wrong label."""
    rows = keyword_rows(NUM_ROWS, seed=21)
    for index in (10, 100, 200):
        text, label = rows[index]
        rows[index] = (text, "positive" if label == "negative" else "negative")
    return write_csv(tmp_path_factory.mktemp("folds") / "rows.csv", rows)


@pytest.fixture(scope="module")
def folded(data: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("runs") / "folded"
    return finish(folder, "train", data, "--model", tiny, *QUICK_RECIPE, "--epochs", 4, *FOLDS)


def test_the_answer_rests_on_all_rows(folded: Finished) -> None:
    assert folded.outcome.code == 0, folded.outcome.err
    values = results(folded.folder)

    assert (values["folds"], values["test"]["rows"], values["validation"]["rows"]) == (3, NUM_ROWS, NUM_ROWS)
    bag_of_words, majority = (values["baselines"][name] for name in ("tfidf_logistic_regression", "majority"))
    assert bag_of_words["rows"] == majority["rows"] == NUM_ROWS
    assert bag_of_words["accuracy"]["value"] > 0.9 > 0.6 > majority["accuracy"]["value"]
    assert any(
        "Every row was predicted by one of 3 models" in reason for reason in values["verdict"]["reasons"]
    )
    assert values["data"]["splits"]["train"]["rows"] == NUM_ROWS


def test_every_row_has_a_fold_and_a_prediction(folded: Finished) -> None:
    folds = Counter(row["split"] for row in read_csv(folded.folder / "splits.csv"))

    assert sorted(folds) == ["fold 1", "fold 2", "fold 3"]
    assert max(folds.values()) - min(folds.values()) <= 2
    assert len(read_csv(folded.folder / "predictions.csv")) == NUM_ROWS


def test_planted_wrong_labels_are_among_the_suspects(folded: Finished) -> None:
    suspected = [mistake["row"] for mistake in results(folded.folder)["mistakes"]["suspected"]]

    assert len({"rows.csv:12", "rows.csv:102", "rows.csv:202"} & set(suspected)) >= 2
    assert len(suspected) < 30
    assert f"Rows that look mislabelled: {len(suspected)}; none was removed." in folded.outcome.err
    assert suspected[0] in folded.outcome.err


def test_the_kept_model_loads_and_knows_the_rule(folded: Finished) -> None:
    outcome = bertsmith("predict", folded.folder, "-", stdin="text\nit was excellent\nit was terrible\n")

    assert [line.split(",")[1] for line in outcome.out.splitlines()[1:]] == ["positive", "negative"]


def test_the_card_says_how_it_was_judged(folded: Finished) -> None:
    card = (folded.folder / "README.md").read_text("utf-8")

    assert "each was predicted by one of 3 models that did not see it" in card


def test_the_same_command_gives_the_same_bits(folded: Finished, tmp_path: Path) -> None:
    again = finish(tmp_path / "again", *folded.command)

    assert weights(again.folder) == weights(folded.folder)
    assert without_times(results(again.folder)) == without_times(results(folded.folder))


def test_labels_that_follow_from_nothing_are_not_shown_on_all_rows_either(tiny: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "rows.csv", unlearnable_rows(200))
    flags = (*QUICK_RECIPE, *FOLDS, "--on-failure", "continue")

    outcome = bertsmith("train", data, "--model", tiny, *flags, "--output", tmp_path / "run")

    assert outcome.code == 1
    assert results(tmp_path / "run")["verdict"]["outcome"] in ("not_shown_to_learn", "collapsed")
    assert "mislabelled" not in outcome.err
    assert not (results(tmp_path / "run")["mistakes"] or {"suspected": []})["suspected"]


def test_folds_that_all_fail_are_a_failed_run_that_says_so(data: Path, tiny: Path, tmp_path: Path) -> None:
    flags = (*QUICK_RECIPE, *FOLDS, "--learning-rate", 50, "--on-failure", "continue")

    outcome = bertsmith("train", data, "--model", tiny, *flags, "--output", tmp_path / "run")
    verdict = results(tmp_path / "run")["verdict"]

    assert outcome.code == 1
    assert verdict["outcome"] in ("collapsed", "diverged")
    assert "3 of the 3 folds failed" in " ".join(verdict["reasons"])


def test_a_threshold_over_folds_says_that_the_same_labels_chose_it(
    data: Path, tiny: Path, tmp_path: Path
) -> None:
    run = finish(tmp_path / "run", "train", data, "--model", tiny, *QUICK_RECIPE, *FOLDS, "--threshold", "f1")
    card = (run.folder / "README.md").read_text("utf-8")

    assert "the same labels chose the threshold and are scored" in card
    assert "the same labels chose the temperature and are scored" in card


def test_folds_and_a_given_test_file_cannot_go_together(data: Path, tiny: Path, tmp_path: Path) -> None:
    outcome = bertsmith("train", data, "--test", data, "--model", tiny, *FOLDS, "--output", tmp_path / "run")

    assert outcome.code == 2
    assert "--folds makes its own" in outcome.err
