"""The same settings give the same bits; the two seeds decide different things."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from tests.story.commands import bertsmith, results, weights, without_times
from tests.story.conftest import QUICK_RECIPE, Finished, finish


@pytest.fixture(scope="module")
def repeated(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The same command once more."""
    return finish(tmp_path_factory.mktemp("again") / "reviews", *finished.command)


def test_the_same_command_gives_the_same_weights(finished: Finished, repeated: Finished) -> None:
    assert weights(repeated.folder) == weights(finished.folder)


def test_the_same_command_gives_the_same_results_but_for_times(
    finished: Finished, repeated: Finished
) -> None:
    assert without_times(results(repeated.folder)) == without_times(results(finished.folder))


@pytest.mark.parametrize(
    "name", ["predictions.csv", "splits.csv", "findings.json", "log.jsonl", "config.json"]
)
def test_the_same_command_writes_the_same_file(finished: Finished, repeated: Finished, name: str) -> None:
    assert (repeated.folder / name).read_bytes() == (finished.folder / name).read_bytes()


def test_run_toml_repeats_the_run_to_the_bit(finished: Finished, tmp_path: Path) -> None:
    outcome = bertsmith("train", "--config", finished.folder / "run.toml", "--output", tmp_path / "other")
    assert outcome.code == 0, outcome.err
    assert weights(tmp_path / "other") == weights(finished.folder)


def test_run_toml_names_the_data_wherever_it_is_read_from(finished: Finished, reviews: Path) -> None:
    settings = tomllib.loads((finished.folder / "run.toml").read_text("utf-8"))
    assert settings["data"]["train_file"] == str(reviews.resolve())


def test_run_toml_holds_what_was_resolved(finished: Finished) -> None:
    settings = tomllib.loads((finished.folder / "run.toml").read_text("utf-8"))
    assert (settings["data"]["positive_label"], settings["model"]["max_length"]) == ("positive", 64)


def test_a_flag_wins_over_the_config_file(finished: Finished, few_reviews: Path, tmp_path: Path) -> None:
    config = ("--config", finished.folder / "run.toml")
    flags = ("--max-steps", 2, "--batch-size", 4, "--on-failure", "continue", "--no-fail")
    flags += ("--output", tmp_path / "other")
    outcome = bertsmith("train", few_reviews, *config, *flags)
    assert outcome.code == 0, outcome.err
    recipe = results(tmp_path / "other")["recipe"]
    assert (recipe["batch_size"], recipe["learning_rate"]) == (4, 5e-3)


@pytest.fixture(scope="module")
def seeds(few_reviews: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Short runs that differ in one seed."""
    root = tmp_path_factory.mktemp("seeds")
    common = (
        "train",
        few_reviews,
        "--model",
        tiny,
        *QUICK_RECIPE,
        "--max-steps",
        2,
        "--no-fail",
        "--keep-failed-model",
    )
    different = {"plain": (), "seed": ("--seed", 7), "split_seed": ("--split-seed", 7)}
    for name, flags in different.items():
        outcome = bertsmith(*common, *flags, "--output", root / name)
        assert outcome.code == 0, outcome.err
    return {name: root / name for name in different}


def test_another_seed_gives_other_weights(seeds: dict[str, Path]) -> None:
    assert weights(seeds["seed"]) != weights(seeds["plain"])


def test_another_seed_leaves_every_row_where_it_was(seeds: dict[str, Path]) -> None:
    assert (seeds["seed"] / "splits.csv").read_bytes() == (seeds["plain"] / "splits.csv").read_bytes()


def test_another_split_seed_moves_rows(seeds: dict[str, Path]) -> None:
    assert (seeds["split_seed"] / "splits.csv").read_bytes() != (seeds["plain"] / "splits.csv").read_bytes()
