"""A tokenizer is tried once in a process of its own; what hangs, crashes or explodes there never comes in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.tiny_models import tiny_tokenizer, write_tiny_model

from bertsmith.config import ModelConfig
from bertsmith.data.example import LabelSet
from bertsmith.errors import IncompatibleModel
from bertsmith.model import tokenizer_trial
from bertsmith.model.embedded import find_embedded
from bertsmith.model.loading import load_base
from bertsmith.model.saving import save_model
from bertsmith.model.tokenizer_trial import try_tokenizer, vouch_for


def contents(**changes: object) -> bytes:
    values = json.loads(tiny_tokenizer().backend_tokenizer.to_str())
    return json.dumps(values | changes).encode()


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that a process was started for, with nothing remembered from before."""
    asked: list[Path] = []
    real = tokenizer_trial._ask_child

    def counted(path: Path) -> str:
        asked.append(path)
        return real(path)

    monkeypatch.setattr(tokenizer_trial, "_ask_child", counted)
    monkeypatch.setattr(tokenizer_trial, "_passed", {tokenizer_trial.EMBEDDED_SHA256})
    return asked


def test_a_good_tokenizer_is_tried_once(starts: list[Path]) -> None:
    try_tokenizer("m", contents())
    try_tokenizer("m", contents())
    assert len(starts) == 1


def test_a_bad_tokenizer_is_tried_each_time(starts: list[Path]) -> None:
    for _ in range(2):
        with pytest.raises(IncompatibleModel, match=r"tokenizer\.json is damaged"):
            try_tokenizer("m", b"{}")
    assert len(starts) == 2


def test_what_was_vouched_for_is_not_tried(starts: list[Path]) -> None:
    vouch_for(contents())
    try_tokenizer("m", contents())
    assert starts == []


def test_the_embedded_models_tokenizer_is_known_by_its_hash(starts: list[Path]) -> None:
    try_tokenizer("minilm", (find_embedded() / "tokenizer.json").read_bytes())
    assert starts == []


def test_a_model_that_was_just_written_is_read_back_without_a_trial(
    starts: list[Path], tmp_path: Path
) -> None:
    settings, labels = ModelConfig(model=str(write_tiny_model(tmp_path / "m"))), LabelSet(("bad", "good"))
    save_model(load_base(settings, labels, seed=1), tmp_path / "written", max_length=32)
    starts.clear()
    load_base(ModelConfig(model=str(tmp_path / "written")), labels, seed=1)
    assert starts == []


def test_a_tokenizer_that_takes_for_ever_is_ended_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_trial, "TRIAL_SECONDS", 0.5)
    long_words = json.loads(contents())["model"] | {"max_input_chars_per_word": 1000}
    grow = [{"type": "Replace", "pattern": {"String": letter}, "content": letter * 39} for letter in "aeiou"]
    bomb = contents(model=long_words, normalizer={"type": "Sequence", "normalizers": grow * 5})
    with pytest.raises(
        IncompatibleModel, match=r"(did not take in a page of text within|crashed|makes a text)"
    ):
        try_tokenizer("m", bomb)


def test_bpe_dropout_is_refused_because_it_reads_a_text_in_two_ways() -> None:
    values = json.loads(tiny_tokenizer("roberta").backend_tokenizer.to_str())
    values["model"]["dropout"] = 0.5
    with pytest.raises(IncompatibleModel, match=r"reads the same text in two ways"):
        try_tokenizer("m", json.dumps(values).encode())
