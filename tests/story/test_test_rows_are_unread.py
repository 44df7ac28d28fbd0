"""The test rows decide nothing: poisoning their labels changes their scores and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.story.commands import bertsmith, results, weights
from tests.story.conftest import QUICK_RECIPE
from tests.story.rows import keyword_rows, write_csv

OTHER = {"negative": "positive", "positive": "negative"}


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same training with a true and with a poisoned test file."""
    root = tmp_path_factory.mktemp("poison")
    data = write_csv(root / "train.csv", keyword_rows(240))
    true_rows = keyword_rows(60, seed=5)
    tests = {"true": true_rows, "poisoned": [(text, OTHER[label]) for text, label in true_rows]}
    for name, rows in tests.items():
        (root / name).mkdir()
        test = write_csv(root / name / "test.csv", rows)
        flags = ("--model", tiny, *QUICK_RECIPE, "--test", test, "--no-fail")
        outcome = bertsmith("train", data, *flags, "--output", root / name / "run")
        assert outcome.code == 0, outcome.err
    return {name: root / name / "run" for name in tests}


def parts(runs: dict[str, Path], name: str) -> list[Any]:
    """One part of both results."""
    return [results(folder)[name] for folder in runs.values()]


def test_the_weights_are_the_same_bits(runs: dict[str, Path]) -> None:
    assert weights(runs["true"]) == weights(runs["poisoned"])


@pytest.mark.parametrize("name", ["epochs", "best_epoch", "validation", "recipe", "model", "restarts"])
def test_what_was_chosen_is_the_same(runs: dict[str, Path], name: str) -> None:
    true, poisoned = parts(runs, name)
    assert true is not None and true == poisoned


@pytest.mark.parametrize("name", ["splits.csv", "log.jsonl", "findings.json"])
def test_what_was_written_on_the_way_is_the_same(runs: dict[str, Path], name: str) -> None:
    assert (runs["true"] / name).read_bytes() == (runs["poisoned"] / name).read_bytes()


def test_the_bag_of_words_is_the_same(runs: dict[str, Path]) -> None:
    true, poisoned = (baselines["tfidf_logistic_regression"] for baselines in parts(runs, "baselines"))
    assert true["predicted_share"] == poisoned["predicted_share"]
    assert true["confusion"] == poisoned["confusion"][::-1]


def test_the_test_scores_are_turned_around(runs: dict[str, Path]) -> None:
    true, poisoned = parts(runs, "test")
    assert true["accuracy"]["value"] == pytest.approx(1 - poisoned["accuracy"]["value"])
    assert true["accuracy"]["value"] > 0.9
