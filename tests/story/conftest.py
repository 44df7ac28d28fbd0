"""What most stories start from: a tiny model, a file of learnable reviews, and one finished run on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.story.commands import Outcome, bertsmith
from tests.story.rows import keyword_rows, unlearnable_rows, write_csv
from tests.tiny_models import write_tiny_model

NUM_ROWS = 320
QUICK_RECIPE = ("--learning-rate", 5e-3, "--epochs", 2, "--device", "cpu", "--threads", 1)
"""Learns the keyword rows in two seconds."""


@dataclass(frozen=True)
class Finished:
    """A run that is over."""

    folder: Path
    outcome: Outcome
    command: tuple[object, ...]
    """All of it but --output."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny BERT without a head."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of learnable rows."""
    return write_csv(tmp_path_factory.mktemp("data") / "reviews.csv", keyword_rows(NUM_ROWS))


@pytest.fixture(scope="session")
def few_reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 60 rows, for runs of a few steps."""
    return write_csv(tmp_path_factory.mktemp("data") / "few.csv", keyword_rows(60, seed=1))


def finish(folder: Path, *command: object) -> Finished:
    """Run a training command into a folder."""
    return Finished(folder, bertsmith(*command, "--output", folder), command)


@pytest.fixture(scope="session")
def finished(reviews: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that learned."""
    folder = tmp_path_factory.mktemp("runs") / "reviews"
    return finish(folder, "train", reviews, "--model", tiny, *QUICK_RECIPE)


@pytest.fixture(scope="session")
def failed(reviews: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that collapsed: the learning rate is far too high."""
    folder = tmp_path_factory.mktemp("runs") / "collapsed"
    recipe = ("--learning-rate", 5, "--max-grad-norm", 0, "--epochs", 2, "--device", "cpu", "--threads", 1)
    return finish(folder, "train", reviews, "--model", tiny, *recipe, "--on-failure", "stop")


@pytest.fixture(scope="session")
def unlearnable(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run on labels that do not follow from the texts."""
    root = tmp_path_factory.mktemp("runs")
    data = write_csv(root / "shuffled.csv", unlearnable_rows(NUM_ROWS))
    return finish(root / "shuffled", "train", data, "--model", tiny, *QUICK_RECIPE, "--epochs", 8)
