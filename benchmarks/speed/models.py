"""The models: MiniLM, and random BERTs of a given size written as folders that anybody can load."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import BertConfig, BertForMaskedLM, PreTrainedModel, PreTrainedTokenizerFast

from bertsmith.model.embedded import find_embedded


@dataclass(frozen=True)
class Shape:
    """The size of a BERT."""

    hidden: int
    layers: int
    heads: int
    vocabulary: int

    @property
    def intermediate(self) -> int:
        """Width of the feed-forward layers, as in every published BERT."""
        return 4 * self.hidden


SHAPES = {
    "bert-base": Shape(hidden=768, layers=12, heads=12, vocabulary=28_996),
    "bert-tiny": Shape(hidden=128, layers=2, heads=2, vocabulary=28_996),
}
"""bert-base-cased, and Google's smallest BERT with the same vocabulary."""


def folder_of(model: str, scratch: Path) -> str:
    """What `load_base` is given for this name; a random model is written into `scratch` once."""
    if model not in SHAPES:
        return model
    folder = scratch / model
    if not folder.exists():
        _write(folder, SHAPES[model])
    return str(folder)


def _write(folder: Path, shape: Shape) -> None:
    """Random weights, and MiniLM's tokenizer cut to the vocabulary: its last entries are rare characters."""
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: PreTrainedModel = BertForMaskedLM(config)
    model.save_pretrained(folder)
    source = find_embedded()
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (source / name).exists():
            (folder / name).write_bytes((source / name).read_bytes())
    tokenizer = json.loads((source / "tokenizer.json").read_text("utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {word: id_ for word, id_ in vocabulary.items() if id_ < shape.vocabulary}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")


def save_classifier(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    """A plain folder that the Predictor and a pipeline load alike."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
