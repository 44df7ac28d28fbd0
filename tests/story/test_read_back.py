"""No run ends well unless the model on the disk gives the logits of the model that was trained."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.story.commands import Outcome, bertsmith
from tests.story.conftest import QUICK_RECIPE, Finished
from tests.story.rows import keyword_rows, write_csv
from tests.story.test_interruption import environment_with_source

from bertsmith import pipeline
from bertsmith.inference.read_back import MAX_ROWS, ReadBack, read_back
from bertsmith.model.saving import save_model
from bertsmith.preparation import Prepared
from bertsmith.tokens.batching import EncodedDataset

IN_A_FRESH_PROCESS = """
import json, sys, bertsmith
asked = json.load(sys.stdin)
predictor = bertsmith.load(asked["folder"], device="cpu", threads=1)
json.dump(predictor.logits(asked["texts"], batch_size=asked["batch_size"]).tolist(), sys.stdout)
"""


def test_the_run_says_that_the_model_was_read_back(finished: Finished) -> None:
    [told] = [line for line in finished.outcome.err.splitlines() if "Read back" in line]
    assert "gives the same logits on 64 rows (largest difference 0.0e+00" in told


def test_a_fresh_process_gives_the_logits_of_the_model_in_memory(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Prepared] = []

    def remember(prepared: Prepared, folder: Path) -> ReadBack:
        kept.append(prepared)
        return read_back(prepared, folder)

    monkeypatch.setattr(pipeline, "read_back", remember)
    data = write_csv(tmp_path / "rows.csv", keyword_rows(1_100, seed=3))
    outcome = bertsmith(
        "train", data, "--model", tiny, *QUICK_RECIPE, "--epochs", 1, "--output", tmp_path / "run"
    )
    assert outcome.code == 0, outcome.err
    [prepared] = kept
    texts = list(prepared.data.splits.validation.texts[:MAX_ROWS])
    assert len(texts) == MAX_ROWS
    expected = prepared.logits(EncodedDataset(prepared.encoded.encoder.encode(texts)), as_served=True)
    asked = {
        "folder": str(tmp_path / "run"),
        "texts": texts,
        "batch_size": prepared.config.training.eval_batch_size,
    }
    done = subprocess.run(
        [sys.executable, "-c", IN_A_FRESH_PROCESS],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env=environment_with_source(),
    )
    assert np.abs(np.array(json.loads(done.stdout)) - expected).max() <= 1e-6


def flip_a_bit(folder: Path) -> None:
    """The lowest bit of one weight."""
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-200] ^= 1
    (folder / "model.safetensors").write_bytes(weights)


def cut_in_half(folder: Path) -> None:
    """As a disk does that lost a write."""
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])


def zeros(folder: Path) -> None:
    """The right size and nothing in it: what a loss of power leaves of a file that was not synced."""
    weights = (folder / "model.safetensors").read_bytes()
    header = 8 + int.from_bytes(weights[:8], "little")
    (folder / "model.safetensors").write_bytes(weights[:header] + bytes(len(weights) - header))


def swap_labels(folder: Path) -> None:
    """Every answer turned around."""
    config = json.loads((folder / "config.json").read_text())
    names = config["id2label"]
    config["id2label"] = {"0": names["1"], "1": names["0"]}
    config["label2id"] = {names["1"]: 0, names["0"]: 1}
    (folder / "config.json").write_text(json.dumps(config))


def other_words(folder: Path) -> None:
    """Two words of the vocabulary changed places."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    words["excellent"], words["terrible"] = words["terrible"], words["excellent"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def shorter_texts(folder: Path) -> None:
    """Readers would cut after four tokens."""
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 4}')
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"model_max_length": 4}))


def no_tokenizer(folder: Path) -> None:
    """A file that never arrived."""
    (folder / "tokenizer.json").unlink()


def damaged_run(
    reviews: Path, tiny: Path, folder: Path, *, damage: Callable[[Path], None], patch: pytest.MonkeyPatch
) -> Outcome:
    """A run whose model is damaged between the saving and the reading back."""

    def save_and_damage(loaded: Any, target: Path, **settings: Any) -> None:
        save_model(loaded, target, **settings)
        damage(target)

    patch.setattr(pipeline, "save_model", save_and_damage)
    return bertsmith("train", reviews, "--model", tiny, *QUICK_RECIPE, "--output", folder)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (flip_a_bit, "it has other weights in 'classifier.weight'."),
        (zeros, "it has other weights in "),
        (cut_in_half, "it does not load ("),
        (swap_labels, "its labels are ('positive', 'negative'), not ('negative', 'positive')"),
        (other_words, "it gives other logits on"),
        (shorter_texts, "it gives other logits on"),
        (no_tokenizer, "it does not load ("),
    ],
)
def test_a_model_that_the_disk_changed_fails_the_run_and_keeps_the_checkpoints(
    reviews: Path,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], None],
    told: str,
) -> None:
    folder = tmp_path / "run"
    outcome = damaged_run(reviews, tiny, folder, damage=damage, patch=monkeypatch)
    assert outcome.code == 2
    assert f"bertsmith: {folder}: the model was saved and read back from the disk, and {told}" in outcome.err
    assert "Traceback" not in outcome.err
    assert list((folder / "checkpoints").rglob("*.safetensors"))
    assert not (folder / "results.json").exists()
