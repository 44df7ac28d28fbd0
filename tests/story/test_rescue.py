"""A learning rate that fails is rescued, told everywhere, and repeats to the bit; other modes leave it alone."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from tests.story.commands import bertsmith, results, weights, without_times
from tests.story.conftest import Finished, finish
from tests.story.rows import keyword_rows, unlearnable_rows, write_csv

TOO_HIGH = ("--learning-rate", 3, "--epochs", 6, "--device", "cpu", "--threads", 1)


@pytest.fixture(scope="module")
def rescued(reviews: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("rescue") / "rescued"
    return finish(folder, "train", reviews, "--model", tiny, *TOO_HIGH)


def test_it_ends_with_a_model_that_works(rescued: Finished) -> None:
    assert rescued.outcome.code == 0, rescued.outcome.err
    assert (rescued.folder / "model.safetensors").exists()


def test_every_failed_attempt_is_kept_with_its_rate_its_sign_and_its_remedy(rescued: Finished) -> None:
    restarts = results(rescued.folder)["restarts"]

    assert 1 <= len(restarts) <= 4
    assert restarts[0]["recipe"]["learning_rate"] == 3
    assert all(restart["sign"] and restart["remedy"] for restart in restarts)
    assert results(rescued.folder)["recipe"]["learning_rate"] < 0.1


def test_the_answer_the_console_and_the_card_tell_it(rescued: Finished) -> None:
    told = "failed at learning rate 3"
    assert any(told in reason for reason in results(rescued.folder)["verdict"]["reasons"])
    assert "It failed: " in rescued.outcome.err and "about " in rescued.outcome.err
    card = (rescued.folder / "README.md").read_text("utf-8")
    assert told in card and "Other attempts, which failed:" in card
    assert "attempt 1 failed" in rescued.outcome.err or not results(rescued.folder)["restarts"][0]["epochs"]


def test_the_same_command_is_rescued_to_the_same_bits(rescued: Finished, tmp_path: Path) -> None:
    again = finish(tmp_path / "again", *rescued.command)

    assert weights(again.folder) == weights(rescued.folder)
    assert without_times(results(again.folder)) == without_times(results(rescued.folder))


def test_stop_ends_it_and_continue_lets_it_run(reviews: Path, tiny: Path, tmp_path: Path) -> None:
    for mode in ("stop", "continue"):
        folder = tmp_path / mode
        outcome = bertsmith(
            "train", reviews, "--model", tiny, *TOO_HIGH, "--on-failure", mode, "--output", folder
        )
        assert outcome.code == 1
        assert results(folder)["restarts"] == []


def test_labels_that_nothing_explains_are_tried_once_more_and_then_blamed(tiny: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "rows.csv", unlearnable_rows(400))
    recipe = ("--learning-rate", 1e-6, "--epochs", 10, "--device", "cpu", "--threads", 1)

    outcome = bertsmith("train", data, "--model", tiny, *recipe, "--output", tmp_path / "run")

    assert outcome.code == 1
    reasons = results(tmp_path / "run")["verdict"]["reasons"]
    assert "Neither word counts nor BERT find anything here: look at the labels." in reasons
    assert results(tmp_path / "run")["test_reads"] in (0, 1)


@pytest.fixture(scope="module")
def gone_back(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Every attempt fails; the first is right on three rows of four, those after it call every row the same.

    One label in four is wrong, so that the training loss is hardly below that of the label shares.
    """
    root = tmp_path_factory.mktemp("rescue")
    data = write_csv(root / "rows.csv", keyword_rows(600, wrong_share=0.25))
    recipe = ("--learning-rate", 1.2e-4, "--max-steps", 320, "--device", "cpu", "--threads", 1)
    return finish(root / "run", "train", data, "--model", tiny, *recipe)


def best_epoch(values: dict[str, Any]) -> dict[str, Any]:
    """The chosen epoch of results.json."""
    return next(epoch for epoch in values["epochs"] if epoch["epoch"] == values["best_epoch"])


def test_where_no_remedy_helps_the_best_attempt_is_the_one_that_is_kept(gone_back: Finished) -> None:
    values = results(gone_back.folder)
    restarts = values["restarts"]

    assert [restart["attempt"] for restart in restarts] == [2, 3, 4]
    assert all(epoch["collapsed"] for restart in restarts for epoch in restart["epochs"])
    assert restarts[-1]["remedy"] == "back to attempt 1, the best of them on the validation rows"
    assert values["recipe"]["learning_rate"] == 1.2e-4
    usable = [epoch["macro_f1"] for epoch in values["epochs"] if not epoch["collapsed"]]
    assert best_epoch(values)["macro_f1"] == max(usable) > 0.6


def test_the_weights_are_those_of_the_attempt_that_was_gone_back_to(gone_back: Finished) -> None:
    # The scores of the folder on the validation rows are those that its best epoch had.
    values = results(gone_back.folder)
    with (gone_back.folder / "splits.csv").open(encoding="utf-8", newline="") as file:
        lines = {int(row["line"]) for row in csv.DictReader(file) if row["split"] == "validation"}
    rows = [row for line, row in enumerate(keyword_rows(600, wrong_share=0.25), start=2) if line in lines]
    data = write_csv(gone_back.folder.parent / "validation.csv", rows)

    evaluated = bertsmith("evaluate", gone_back.folder, data, "--json").json

    best = best_epoch(values)
    assert evaluated["rows"] == values["validation"]["rows"]
    assert evaluated["accuracy"]["value"] == pytest.approx(best["accuracy"])
    assert values["validation"]["accuracy"]["value"] == pytest.approx(best["accuracy"])


def test_going_back_is_told_everywhere_and_leaves_nothing_aside(gone_back: Finished) -> None:
    assert "Nothing is left to try: back to attempt 1" in gone_back.outcome.err
    assert "attempt 4 failed" in gone_back.outcome.err and "attempt 1 failed" not in gone_back.outcome.err
    card = (gone_back.folder / "README.md").read_text("utf-8")
    assert "- Attempt 4: " in card and "- Attempt 1: " not in card
    reasons = " ".join(results(gone_back.folder)["verdict"]["reasons"])
    assert "3 others failed" in reasons and "so it is the optimisation that failed" in reasons
    assert not (gone_back.folder / "checkpoints" / "set-aside").exists()


def test_an_attempt_is_suspected_once_before_it_is_judged(tiny: Path, tmp_path: Path) -> None:
    # 240 training rows, 30 steps per epoch, 900 steps: suspected at 225, judged at 600 and 675.
    data = write_csv(tmp_path / "rows.csv", unlearnable_rows(400))
    recipe = ("--learning-rate", 0.03, "--epochs", 30, "--device", "cpu", "--threads", 1)

    outcome = bertsmith(
        "train", data, "--model", tiny, *recipe, "--on-failure", "stop", "--output", tmp_path / "run"
    )

    told = [line for line in outcome.err.splitlines() if "suspected to learn nothing" in line]
    assert len(told) == 1
    assert "  Step 225: " in told[0] and told[0].endswith("It is judged at step 600.")


def test_steady_is_a_recipe_whose_settings_can_be_overruled(
    reviews: Path, tiny: Path, tmp_path: Path
) -> None:
    flags = ("--recipe", "steady", "--patience", 1, "--max-steps", 3, "--no-fail", "--on-failure", "continue")

    outcome = bertsmith("train", reviews, "--model", tiny, *flags, "--output", tmp_path / "run")

    assert outcome.code == 0, outcome.err
    recipe = results(tmp_path / "run")["recipe"]
    assert (recipe["learning_rate"], recipe["warmup_ratio"], recipe["patience"]) == (2e-5, 0.1, 1)
    assert recipe["epochs"] == 20


def test_diagnose_gives_the_verdict_that_the_run_came_to(rescued: Finished) -> None:
    outcome = bertsmith("diagnose", rescued.folder, "--json")

    assert outcome.code == 0
    assert outcome.json["verdict"] == results(rescued.folder)["verdict"]
