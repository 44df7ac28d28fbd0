"""Several seeds: the best on the validation rows is kept, and the answer says what that is worth."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from tests.story.commands import bertsmith, results
from tests.story.conftest import QUICK_RECIPE, Finished, finish
from tests.story.rows import read_csv, unlearnable_rows, write_csv


@pytest.fixture(scope="module")
def three_seeds(reviews: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("runs") / "seeds"
    return finish(folder, "train", reviews, "--model", tiny, *QUICK_RECIPE, "--seeds", 3)


def test_every_seed_has_its_scores(three_seeds: Finished) -> None:
    assert three_seeds.outcome.code == 0, three_seeds.outcome.err
    seeds = results(three_seeds.folder)["seeds"]

    assert [result["seed"] for result in seeds] == [42, 43, 44]
    assert all(0 <= result["test_macro_f1"] <= 1 for result in seeds)


def test_the_best_on_the_validation_rows_is_kept(three_seeds: Finished) -> None:
    values = results(three_seeds.folder)
    best = max(values["seeds"], key=lambda result: result["validation_macro_f1"])

    assert values["recipe"]["seed"] == best["seed"]
    assert values["test"]["macro_f1"]["value"] == pytest.approx(best["test_macro_f1"])


def test_the_answer_gives_the_mean_and_says_that_the_best_is_no_estimate(three_seeds: Finished) -> None:
    values = results(three_seeds.folder)
    mean = statistics.mean(result["test_macro_f1"] for result in values["seeds"])
    told = " ".join(values["verdict"]["reasons"])

    assert f"mean {mean:.3f}" in told and "the best of 3 is not an estimate" in told
    assert "Of 3 seeds 0 failed" in (three_seeds.folder / "README.md").read_text("utf-8")


def test_the_kept_model_is_the_one_that_was_scored(three_seeds: Finished, tmp_path: Path) -> None:
    rows = read_csv(three_seeds.folder / "predictions.csv")
    data = write_csv(tmp_path / "test.csv", [(row["text"],) for row in rows], header=("text",))
    bertsmith("predict", three_seeds.folder, data, "--output", tmp_path / "out.csv")
    again = read_csv(tmp_path / "out.csv")

    assert [row["label"] for row in again] == [row["prediction"] for row in rows]
    # The labels are the same with every seed; how sure the model is of them is not.
    assert [float(row["probability"]) for row in again] == pytest.approx(
        [float(row["probability"]) for row in rows], abs=2e-5
    )


def test_a_seed_of_several_gives_the_same_as_alone(
    three_seeds: Finished, reviews: Path, tiny: Path, tmp_path: Path
) -> None:
    alone = finish(tmp_path / "alone", "train", reviews, "--model", tiny, *QUICK_RECIPE, "--seed", 43)
    scored = next(result for result in results(three_seeds.folder)["seeds"] if result["seed"] == 43)

    assert results(alone.folder)["test"]["macro_f1"]["value"] == pytest.approx(scored["test_macro_f1"])


def test_every_seed_that_chose_an_epoch_reads_the_test_rows(three_seeds: Finished) -> None:
    assert results(three_seeds.folder)["test_reads"] == 3
    assert "The test rows were scored 3 times" in (three_seeds.folder / "README.md").read_text("utf-8")
    assert [seed["failed"] for seed in results(three_seeds.folder)["seeds"]] == [False] * 3


def test_a_seed_whose_model_learned_nothing_has_failed(tiny: Path, tmp_path: Path) -> None:
    rows = unlearnable_rows(300)
    data = write_csv(tmp_path / "rows.csv", rows)
    flags = ("--model", tiny, *QUICK_RECIPE, "--learning-rate", 1e-3, "--epochs", 6)

    run = finish(tmp_path / "run", "train", data, *flags, "--seeds", 2, "--on-failure", "continue")
    values = results(run.folder)

    assert run.outcome.code == 1
    assert all(seed["failed"] for seed in values["seeds"])
    assert "Of 2 seeds 2 failed" in " ".join(values["verdict"]["reasons"])


def test_seeds_that_all_collapse_give_no_model(reviews: Path, tiny: Path, tmp_path: Path) -> None:
    flags = ("--model", tiny, *QUICK_RECIPE, "--learning-rate", 5, "--seeds", 2, "--on-failure", "continue")

    run = finish(tmp_path / "run", "train", reviews, *flags)
    values = results(run.folder)

    assert run.outcome.code == 1
    assert [(seed["failed"], seed["test_macro_f1"]) for seed in values["seeds"]] == [(True, None)] * 2
    assert "None of 2 seeds gave a model." in values["verdict"]["reasons"]
    assert values["test_reads"] == 0
