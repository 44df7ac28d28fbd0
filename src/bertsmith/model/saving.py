"""Everything that leaves for disk as a Hugging Face folder."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from bertsmith.durable_files import part_of, remove_part, take_over
from bertsmith.model.classifier import last_layer
from bertsmith.model.loading import LoadedModel
from bertsmith.model.tokenizer import quiet
from bertsmith.model.tokenizer_trial import vouch_for

TOKENIZER_NOISE = (
    *(
        "is_local",
        "local_files_only",
        "name_or_path",
        "tokenizer_file",
        "vocab_file",
        "special_tokens_map_file",
    ),
    *("max_length", "stride", "truncation_strategy", "padding", "pad_to_multiple_of", "pad_token_type_id"),
    *("_commit_hash", "auto_map"),
)
"""Keys that transformers 5 writes into tokenizer_config.json and that say how and where it was last used."""
CONFIG_NOISE = ("_name_or_path", "_commit_hash")
OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""How Rust's libraries end what the system said."""


def save_model(
    loaded: LoadedModel,
    folder: Path,
    *,
    max_length: int,
    temperature: float = 1.0,
    threshold: Mapping[str, Any] | None = None,
) -> None:
    """Write a folder that every Hugging Face tool loads: config, weights, tokenizer.

    The files come into the folder when all of them are whole and on the disk. No file holds a path of this machine or a trace of how the tokenizer was used.

    Args:
        loaded: the model as it is now, on any device, and its tokenizer.
        folder: created if need be; files of the same names are replaced.
        max_length: tokens that the model was trained with; readers cut there.
        temperature: the last layer is divided by it, in place, so that every server gives calibrated probabilities.
        threshold: label and value of the decision threshold; config.json carries it as `decision_threshold`.

    Raises:
        OSError: the disk does not take it; `filename` is the weights' path.
    """
    fold_temperature(loaded.model, temperature)
    if threshold is not None:
        loaded.model.config.decision_threshold = dict(threshold)
    part = part_of(folder / "model")
    with _told_of_disk(folder / "model.safetensors"):
        folder.mkdir(parents=True, exist_ok=True)
        remove_part(folder / "model")
        part.mkdir()
        try:
            _write_folder(loaded, part, max_length=max_length)
            # Without config.json nobody takes the folder for a model.
            take_over(part, folder, last=["config.json"])
        except BaseException:
            with contextlib.suppress(OSError):  # what went wrong before says more
                remove_part(folder / "model")
            raise


def _write_folder(loaded: LoadedModel, folder: Path, *, max_length: int) -> None:
    """All files, into an empty folder."""
    with quiet():
        # One file: shards begin at 50 GB, and their names would differ from what a model card says.
        loaded.model.save_pretrained(folder, max_shard_size="100GB")
    _save_tokenizer(loaded, folder, max_length=max_length)
    _edit_json(folder / "config.json", remove=CONFIG_NOISE, add={"dtype": "float32"})
    # text-embeddings-inference reads its limit from here and from nowhere else.
    _require_labels(folder, loaded)
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})


@contextmanager
def _told_of_disk(path: Path) -> Iterator[None]:
    """What the system refuses inside is an OSError of this path. Trap: safetensors and tokenizers tell it in errors of their own."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    except Exception as error:
        number = OS_ERROR.search(str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def bytes_of_weights(model: nn.Module) -> int:
    """What the weights take on the disk."""
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def _require_labels(folder: Path, loaded: LoadedModel) -> None:
    """The label names as every reader will load them are ours, in our order; anything else would be our bug."""
    with quiet():
        config = type(loaded.model.config).from_pretrained(folder)
    names = dict(enumerate(loaded.label_set.names))
    if config.id2label != names or config.label2id != {name: index for index, name in names.items()}:
        raise AssertionError(f"config.json names the labels {config.id2label}, not {names}")


def fold_temperature(model: PreTrainedModel, temperature: float) -> None:
    """Divide the layer that gives the logits by the temperature, in place."""
    if temperature == 1.0:
        return
    layer = last_layer(model)
    with torch.no_grad():
        layer.weight.div_(temperature)
        if layer.bias is not None:
            layer.bias.div_(temperature)


def _save_tokenizer(loaded: LoadedModel, folder: Path, *, max_length: int) -> None:
    """tokenizer.json without truncation or padding, tokenizer_config.json with the trained length."""
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.model_max_length = max_length
    tokenizer.save_pretrained(folder)
    vouch_for((folder / "tokenizer.json").read_bytes())
    _edit_json(folder / "tokenizer_config.json", remove=TOKENIZER_NOISE, add={"model_max_length": max_length})


def _edit_json(path: Path, *, remove: tuple[str, ...], add: dict[str, Any]) -> None:
    """Take keys out of a JSON object and put others in."""
    values = json.loads(path.read_text("utf-8"))
    _write_json(path, {key: value for key, value in values.items() if key not in remove} | add)


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
