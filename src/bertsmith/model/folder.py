"""A model folder as plain files: its config, its weights, and what we refuse before loading it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file
from torch import Tensor
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from bertsmith.errors import IncompatibleModel, ModelNotFound
from bertsmith.model.hub import CONVERT, WHY_NO_PICKLE, FoundModel

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
OTHER_WEIGHTS = (
    "pytorch_model*.bin",
    "*.pt",
    "*.pth",
    "tf_model*.h5",
    "*.ckpt*",
    "flax_model*.msgpack",
    "*.onnx",
)

NEEDS_MORE_THAN_TEXT = (
    *("layoutlm", "layoutlmv2", "layoutlmv3", "lilt", "markuplm", "tapas"),
    *("modernvbert", "ultravbert", "perceiver", "esm", "esmc"),
)
"""They read page layouts, tables, pictures or proteins beside or instead of text."""
DECODERS = ("modernbert-decoder", "mistral4", "ctrl", "openai-gpt", "xlnet", "reformer")
"""Decoders that the rule below does not find by itself."""
ENCODERS_WITHOUT_MASKED_LM = ("canine",)

ENCODER_REMEDY = "Give an encoder such as bert-base-cased, roberta-base or distilbert-base-uncased."


@dataclass(frozen=True)
class ModelFolder:
    """A folder whose config we have read and accepted."""

    found: FoundModel
    config: dict[str, Any]
    """config.json as it stands."""

    @property
    def name(self) -> str:
        """The model's name as the user gave it."""
        return self.found.name

    @property
    def path(self) -> Path:
        """Where the files are."""
        return self.found.path

    @property
    def architectures(self) -> tuple[str, ...]:
        """The classes that the checkpoint was saved from."""
        return tuple(str(name) for name in self.config.get("architectures") or ())

    @property
    def has_classifier(self) -> bool:
        """Whether the checkpoint was saved from a sequence classifier."""
        return any(name.endswith("ForSequenceClassification") for name in self.architectures)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The label names in id order; empty where the config has none, or not one per id."""
        id2label = self.config.get("id2label")
        if not isinstance(id2label, dict) or {str(key) for key in id2label} != {
            str(i) for i in range(len(id2label))
        }:
            return ()
        by_id = {int(key): str(name) for key, name in id2label.items()}
        return tuple(by_id[index] for index in range(len(by_id)))


def open_folder(found: FoundModel) -> ModelFolder:
    """The folder's config, checked: a text encoder with safetensors weights and no code of its own.

    Raises:
        ModelNotFound: the folder holds no model at all.
        IncompatibleModel: it holds one that we cannot or may not load; the message says which and what to do.
    """
    try:
        return _checked(found)
    except OSError as error:
        problem = f"the folder cannot be read ({error.strerror or error})."
        raise IncompatibleModel(
            found.name, problem, remedy="Check its permissions, or copy the model again."
        ) from error


def _checked(found: FoundModel) -> ModelFolder:
    """The folder after every check; OSError where the system does not let us look."""
    path = found.path / "config.json"
    if not path.is_file():
        raise ModelNotFound(
            f"Model {found.name!r}: the folder {found.path} has no config.json, so there is no model in it. "
            "Give the folder that holds config.json and model.safetensors; "
            "a run that failed has no model at its root."
        )
    config = read_json(found.name, path)
    _refuse_own_code(found.name, config, file="config.json")
    tokenizer_config = found.path / "tokenizer_config.json"
    if tokenizer_config.is_file():
        _refuse_own_code(found.name, read_json(found.name, tokenizer_config), file="tokenizer_config.json")
    _refuse_other_kinds(found.name, config)
    folder = ModelFolder(found, config)
    _refuse_other_weights(folder)
    return folder


def read_json(model: str, path: Path) -> dict[str, Any]:
    """The JSON object of a model's file.

    Raises:
        IncompatibleModel: it cannot be read, or is not a JSON object.
    """
    remedy = "Download or copy the model again."
    try:
        values = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise IncompatibleModel(
            model, f"{path.name} cannot be read ({error.strerror}).", remedy=remedy
        ) from error
    except (ValueError, RecursionError) as error:
        raise IncompatibleModel(
            model, f"{path.name} is damaged: it is not JSON ({error}).", remedy=remedy
        ) from error
    if not isinstance(values, dict):
        raise IncompatibleModel(model, f"{path.name} is damaged: it is not a JSON object.", remedy=remedy)
    return values


def read_weights(folder: ModelFolder) -> dict[str, Tensor]:
    """Every tensor of the checkpoint by its stored name.

    Raises:
        IncompatibleModel: a file is damaged, or a shard is missing.
    """
    tensors: dict[str, Tensor] = {}
    for path in _weight_files(folder):
        try:
            # load_file maps the file: without a copy, whoever overwrites the file changes the loaded model.
            tensors |= {name: tensor.clone() for name, tensor in load_file(path).items()}
        except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
            problem = f"{path.name} is damaged or cut off ({error})."
            raise IncompatibleModel(
                folder.name, problem, remedy="Download or copy the model again."
            ) from error
    return tensors


def _weight_files(folder: ModelFolder) -> list[Path]:
    """model.safetensors, or the shards that its index names."""
    single = folder.path / WEIGHTS
    if single.is_file():
        return [single]
    weight_map = read_json(folder.name, folder.path / INDEX).get("weight_map")
    names = sorted({str(name) for name in weight_map.values()}) if isinstance(weight_map, dict) else []
    missing = [name for name in names if Path(name).name != name or not (folder.path / name).is_file()]
    if missing or not names:
        problem = f"{INDEX} names files that are not there: {', '.join(missing[:5]) or 'none at all'}."
        raise IncompatibleModel(folder.name, problem, remedy="Download or copy the model again.")
    return [folder.path / name for name in names]


def _walk(values: object, at: str = "") -> Iterator[tuple[str, str]]:
    """(key, dotted place) of every key, however deep."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield str(key), f"{at}{key}"
            yield from _walk(value, f"{at}{key}.")
    elif isinstance(values, list):
        for value in values:
            yield from _walk(value, at)


def _refuse_own_code(model: str, values: dict[str, Any], *, file: str) -> None:
    """A model's own code is never run, and private switches of transformers are not a model's to set."""
    for key, place in _walk(values):
        if key == "auto_map":
            problem = (
                f"{file} asks for code that comes with the model (auto_map), and such code can do anything."
            )
            raise IncompatibleModel(
                model,
                problem,
                remedy="Code of models is never run here. If transformers knows the type itself, "
                f"remove auto_map. {ENCODER_REMEDY}",
            )
        if key.endswith("_internal"):
            # An attention implementation given here may be a Hub name whose kernel is downloaded and run.
            problem = f"{file} sets {place!r}, a private switch of transformers that can fetch and run code."
            raise IncompatibleModel(model, problem, remedy=f"Remove that key from {file}.")
    if values.get("quantization_config"):
        problem = f"{file} says that the weights are quantized; training needs them in full."
        raise IncompatibleModel(model, problem, remedy="Give the model that it was quantized from.")


def _refuse_other_kinds(model: str, config: dict[str, Any]) -> None:
    """Only text encoders that transformers can put a classification head on."""
    kind = config.get("model_type")
    if not isinstance(kind, str) or not kind:
        problem = "config.json has no model_type, so it does not say what kind of model this is."
        raise IncompatibleModel(model, problem, remedy=ENCODER_REMEDY)
    if reason := _why_not_encoder(kind, config):
        raise IncompatibleModel(model, f"its type is {kind!r}: {reason}.", remedy=ENCODER_REMEDY)


def _why_not_encoder(kind: str, config: dict[str, Any]) -> str:
    """What the model is instead of a text encoder; empty for one."""
    masked = kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES or kind in ENCODERS_WITHOUT_MASKED_LM
    if kind not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        return "transformers has no text classifier of this type"
    if config.get("is_encoder_decoder"):
        return "an encoder with a decoder, and only encoders are fine-tuned here"
    if (
        config.get("is_decoder")
        or kind in DECODERS
        or (kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not masked)
    ):
        return "a decoder, which writes text, and only encoders are fine-tuned here"
    if kind in NEEDS_MORE_THAN_TEXT:
        return "it does not read plain text"
    return "" if masked else "not a text encoder"


def _refuse_other_weights(folder: ModelFolder) -> None:
    """Weights are read from safetensors and from nothing else."""
    if (folder.path / WEIGHTS).is_file() or (folder.path / INDEX).is_file():
        return
    others = sorted({path.name for pattern in OTHER_WEIGHTS for path in folder.path.glob(pattern)})
    if not others:
        raise IncompatibleModel(
            folder.name, f"the folder has no {WEIGHTS}.", remedy="Copy the whole model folder."
        )
    problem = f"there is no {WEIGHTS}, only {', '.join(others[:5])}; {WHY_NO_PICKLE}."
    raise IncompatibleModel(folder.name, problem, remedy=CONVERT.format(name=folder.name))
