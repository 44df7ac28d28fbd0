"""Several seeds: the best on the validation rows is kept, and the answer says what that is worth."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from tests.story.commands import bertsmith, results
from tests.story.conftest import QUICK_RECIPE, Finished, finish


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
    from tests.story.rows import read_csv, write_csv

    rows = read_csv(three_seeds.folder / "predictions.csv")
    data = write_csv(tmp_path / "test.csv", [(row["text"],) for row in rows], header=("text",))
    bertsmith("predict", three_seeds.folder, data, "--output", tmp_path / "out.csv")

    assert [row["label"] for row in read_csv(tmp_path / "out.csv")] == [row["prediction"] for row in rows]


def test_a_seed_of_several_gives_the_same_as_alone(
    three_seeds: Finished, reviews: Path, tiny: Path, tmp_path: Path
) -> None:
    alone = finish(tmp_path / "alone", "train", reviews, "--model", tiny, *QUICK_RECIPE, "--seed", 43)
    scored = next(result for result in results(three_seeds.folder)["seeds"] if result["seed"] == 43)

    assert results(alone.folder)["test"]["macro_f1"]["value"] == pytest.approx(scored["test_macro_f1"])
