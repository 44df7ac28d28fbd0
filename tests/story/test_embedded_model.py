"""The embedded model: a real pretrained BERT, with no network."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import pytest
from tests.story.commands import bertsmith, results

from bertsmith.errors import IncompatibleModel
from bertsmith.model.embedded import MODULE, WEIGHTS_SHA256, check_weights, find_embedded

installed = pytest.mark.skipif(
    importlib.util.find_spec(MODULE) is None, reason="the embedded model's package is not installed"
)


@installed
def test_the_embedded_weights_are_the_published_file() -> None:
    with (find_embedded() / "model.safetensors").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == WEIGHTS_SHA256


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(IncompatibleModel, match="is not the published file"):
        check_weights(tmp_path)


@installed
def test_the_embedded_model_trains_without_a_network(few_reviews: Path, tmp_path: Path) -> None:
    flags = ("--max-steps", 2, "--max-length", 16, "--threads", 1, "--offline", "--no-fail")
    outcome = bertsmith("train", few_reviews, "--model", "minilm", *flags, "--output", tmp_path / "run")
    assert outcome.code == 0, outcome.err
    assert results(tmp_path / "run")["model"]["name"] == "minilm"
