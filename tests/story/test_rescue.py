"""A learning rate that fails is rescued, told everywhere, and repeats to the bit; other modes leave it alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.story.commands import bertsmith, results, weights, without_times
from tests.story.conftest import Finished, finish
from tests.story.rows import unlearnable_rows, write_csv

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
    assert told in card and "Attempts that failed before it:" in card
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
