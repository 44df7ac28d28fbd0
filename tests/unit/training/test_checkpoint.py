"""Which epochs' weights are on disk, and that an attempt that was set aside comes back whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.tiny_models import write_tiny_model

from bertsmith.config import ModelConfig
from bertsmith.data.example import LabelSet
from bertsmith.model.heads import Classifier
from bertsmith.model.loading import load_base
from bertsmith.run_folder import RunFolder
from bertsmith.training.checkpoint import EpochWeights


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    folder = write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    return load_base(ModelConfig(model=str(folder)), LabelSet(("no", "yes")), seed=0).model


@pytest.fixture
def weights(tmp_path: Path) -> EpochWeights:
    return EpochWeights(RunFolder(tmp_path))


def keep(weights: EpochWeights, model: Classifier, *, value: float, is_best: bool) -> None:
    """Keep an epoch whose head's bias is this value."""
    with torch.no_grad():
        model.classifier.bias.fill_(value)
    weights.keep(model, is_best=is_best)


def restored(weights: EpochWeights, model: Classifier, index: int) -> float:
    """The head's bias as it was after the epoch."""
    weights.restore(model, index)
    return model.classifier.bias[0].item()


def epochs_on_disk(folder: Path) -> set[str]:
    return {str(path.parent.relative_to(folder)) for path in folder.rglob("model.safetensors")}


def test_the_best_and_the_last_epoch_are_on_disk(weights: EpochWeights, model: Classifier) -> None:
    for value, is_best in ((1, True), (2, True), (3, False), (4, False)):
        keep(weights, model, value=value, is_best=is_best)

    assert (weights.best, weights.last) == (1, 3)
    assert epochs_on_disk(weights.folder.path) == {"checkpoints/epoch-2", "checkpoints/epoch-4"}
    assert restored(weights, model, 1) == 2


def test_an_attempt_that_was_set_aside_comes_back_whole(weights: EpochWeights, model: Classifier) -> None:
    for value, is_best in ((1, True), (2, False), (3, False)):
        keep(weights, model, value=value, is_best=is_best)
    weights.set_aside()
    for value in (7, 8):
        keep(weights, model, value=value, is_best=True)
    assert (weights.best, restored(weights, model, 1)) == (1, 8)

    weights.take_back()

    assert (weights.best, weights.last) == (0, 2)
    assert [restored(weights, model, index) for index in (0, 2)] == [1, 3]
    assert epochs_on_disk(weights.folder.path) == {"checkpoints/epoch-1", "checkpoints/epoch-3"}
    assert not (weights.folder.checkpoints / "set-aside").exists()


def test_a_further_attempt_set_aside_takes_the_place_of_the_one_before(
    weights: EpochWeights, model: Classifier
) -> None:
    keep(weights, model, value=1, is_best=True)
    weights.set_aside()
    keep(weights, model, value=2, is_best=True)
    weights.set_aside()
    keep(weights, model, value=3, is_best=True)
    weights.forget()  # a third attempt that is no better
    keep(weights, model, value=4, is_best=True)

    weights.take_back()

    assert restored(weights, model, 0) == 2


def test_what_is_dropped_leaves_the_attempt_at_hand_alone(weights: EpochWeights, model: Classifier) -> None:
    keep(weights, model, value=1, is_best=True)
    weights.set_aside()
    keep(weights, model, value=2, is_best=True)

    weights.drop_aside()

    assert epochs_on_disk(weights.folder.path) == {"checkpoints/epoch-1"}
    assert restored(weights, model, 0) == 2
    with pytest.raises(ValueError, match="no attempt was set aside"):
        weights.take_back()
