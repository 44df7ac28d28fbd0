"""A model folder as plain files: its config, its weights, and what we refuse before loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertsmith.errors import IncompatibleModel, ModelNotFound
from bertsmith.model.config_rules import check_keys
from bertsmith.model.files import find_file, read_json
from bertsmith.model.hub import CONVERT, WHY_NO_PICKLE, FoundModel
from bertsmith.model.kinds import check_kind
from bertsmith.model.weights import INDEX, WEIGHTS, Headers, read_headers

OTHER_WEIGHTS = (
    *("pytorch_model*.bin", "*.pt", "*.pth", "tf_model*.h5", "*.ckpt*", "flax_model*.msgpack", "*.onnx"),
    *("*.bin", "*.pkl", "*.pickle", "*.zip", "*.7z", "*.gguf", "*.npz"),
)
FILES_READ = ("config.json", "tokenizer_config.json", "sentence_bert_config.json", WEIGHTS, INDEX)


@dataclass(frozen=True)
class ModelFolder:
    """A folder whose config we have read and accepted."""

    found: FoundModel
    config: dict[str, Any]
    """config.json as it stands."""
    headers: Headers
    """What its safetensors files say they hold; no weight is read yet."""

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
        named = self.config.get("architectures")
        return tuple(str(name) for name in named) if isinstance(named, list) else ()

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
        return tuple(str(id2label[str(index)]) for index in range(len(id2label)))


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
    if find_file(found.name, found.path / "config.json") is None:
        raise ModelNotFound(
            f"Model {found.name!r}: the folder {found.path} has no config.json, so there is no model in it. "
            "Give the folder that holds config.json and model.safetensors; "
            "a run that failed has no model at its root."
        )
    present = {file for file in FILES_READ if find_file(found.name, found.path / file) is not None}
    config = read_json(found.name, found.path / "config.json")
    check_keys(found.name, config, file="config.json")
    if "tokenizer_config.json" in present:
        tokenizer_config = read_json(found.name, found.path / "tokenizer_config.json")
        check_keys(found.name, tokenizer_config, file="tokenizer_config.json")
    check_kind(found.name, config)
    if not present & {WEIGHTS, INDEX}:
        _refuse_other_weights(found)
    return ModelFolder(found, config, read_headers(found.name, found.path))


def _refuse_other_weights(found: FoundModel) -> None:
    """Weights are read from safetensors and from nothing else."""
    others = sorted({path.name for pattern in OTHER_WEIGHTS for path in found.path.glob(pattern)})
    if not others:
        raise IncompatibleModel(
            found.name, f"the folder has no {WEIGHTS}.", remedy="Copy the whole model folder."
        )
    problem = f"there is no {WEIGHTS}, only {', '.join(others[:5])}; {WHY_NO_PICKLE}."
    raise IncompatibleModel(found.name, problem, remedy=CONVERT.format(name=found.name))
