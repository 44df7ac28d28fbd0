"""Hub, folder or embedded → model and tokenizer: the one door to transformers.

`load_base` puts a new classification head (or a fitting old one) on a pretrained encoder; `load_run` opens a
finished classifier. Weights are float32 safetensors, no code of a model is run, and whatever is missing or
left over is told.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from bertsmith.config import ModelConfig
from bertsmith.data.example import LabelSet
from bertsmith.errors import IncompatibleModel, ModelNotFound, list_names
from bertsmith.findings import Finding
from bertsmith.model import classifier, limits
from bertsmith.model.agreement import choose_path
from bertsmith.model.configuration import REFUSALS, read_configuration
from bertsmith.model.folder import ModelFolder, open_folder
from bertsmith.model.hub import FoundModel, Source, find_model
from bertsmith.model.implied_size import check_implied_size
from bertsmith.model.packed import first_position
from bertsmith.model.tokenizer import first_line, load_tokenizer, plain_copy, quiet
from bertsmith.model.weights import read_weights
from bertsmith.tokens.batching import Layout


@dataclass(frozen=True)
class LoadedModel:
    """A classifier, its tokenizer, and what is known of them."""

    model: PreTrainedModel
    """float32, in evaluation mode as transformers leaves it; its config has the real label names."""
    tokenizer: PreTrainedTokenizerFast
    """For saving. For encoding take `backend`: calling this one changes it."""
    backend: Tokenizer
    """Cuts and pads nothing; special tokens in a text stay text."""
    label_set: LabelSet
    max_length: int
    """Most tokens of a row, special tokens included."""
    layout: Layout
    """How it wants its rows laid out; packed where that gives what the padded way gives."""
    name: str
    """As the user gave it."""
    revision: str | None
    """The Hub's commit; None for folders and the embedded model."""
    source: Source
    path: Path
    """The folder that was read."""
    head: Literal["new", "kept"]
    findings: tuple[Finding, ...]

    @property
    def architecture(self) -> str:
        """The model's class, such as `BertForSequenceClassification`."""
        return type(self.model).__name__


def load_base(
    model_config: ModelConfig,
    label_set: LabelSet,
    *,
    seed: int,
    offline: bool = False,
    tell: Callable[[str], None] = lambda sentence: None,
) -> LoadedModel:
    """A pretrained encoder with a classification head for these labels.

    The head is new, its weights drawn from `seed` alone as transformers initializes them, unless the
    checkpoint is a classifier of the same label names: then its head is kept, its rows put in our order. No
    global random state is changed.

    Raises:
        ModelError: not found, not reachable, or not something that we can or may load.
        ConfigError: --max-length is more than the model has positions.
        MissingDependency: the embedded model is not installed.
    """
    folder = open_folder(find_model(model_config, offline=offline, tell=tell))
    stored_names = folder.label_names
    config, ignored = read_configuration(folder)
    carried = folder.has_classifier or classifier.carries_labels(folder.headers)
    # A checkpoint that does not say what it was saved from is judged by its tensors and its label names.
    may_keep = folder.has_classifier or (carried and not folder.architectures)
    kept = may_keep and classifier.fits(folder.config, stored_names, label_set)
    _name_labels(config, stored_names if kept else label_set.names)
    check_implied_size(folder.name, _model_class(config), config, headers=folder.headers, has_own_head=kept)
    tokenizer = load_tokenizer(folder)
    weights = read_weights(folder.name, folder.path)
    if not kept:
        weights = classifier.without_head(weights, architectures=folder.architectures)
    model, report = _build(folder, config, weights=weights, seed=seed)
    head = classifier.describe_head(folder.config, stored_names, carried=carried, kept=kept)
    if kept:
        _require_head(folder, report)
        classifier.reorder_labels(model, stored_names, label_set.names)
    return _loaded(
        folder,
        model,
        tokenizer=tokenizer,
        label_set=label_set,
        max_length=limits.max_length(
            model_config.max_length, tokenizer=tokenizer, positions=limits.positions(model)
        ),
        findings=(*ignored, *_report_findings(folder, report, prefix=_prefix(config)), head),
        head="kept" if kept else "new",
    )


def load_run(folder: str | Path) -> LoadedModel:
    """A finished classifier from its folder, of bertsmith or of any other Hugging Face tool.

    Raises:
        ModelNotFound: no such folder, or no model in it.
        IncompatibleModel: it is not a classifier with one label per row, or cannot be loaded.
    """
    path = Path(folder).expanduser()
    if not os.path.isdir(path):  # noqa: PTH112  # Path.is_dir raises where it may not look
        raise ModelNotFound(
            f"Model {str(folder)!r}: there is no such folder. "
            "Give a run folder, or any folder that holds config.json."
        )
    opened = open_folder(FoundModel(str(folder), path.resolve(), source="folder"))
    names = _run_labels(opened)
    config, ignored = read_configuration(opened)
    _name_labels(config, names)
    check_implied_size(opened.name, _model_class(config), config, headers=opened.headers, has_own_head=True)
    tokenizer = load_tokenizer(opened)
    weights = read_weights(opened.name, opened.path)
    model, report = _build(opened, config, weights=weights, seed=0)
    _require_head(opened, report)
    return _loaded(
        opened,
        model,
        tokenizer=tokenizer,
        label_set=LabelSet(names),
        max_length=limits.run_length(opened, tokenizer, positions=limits.positions(model)),
        findings=(*ignored, *_report_findings(opened, report, prefix=_prefix(config))),
        head="kept",
    )


def _loaded(
    folder: ModelFolder, model: PreTrainedModel, *, tokenizer: PreTrainedTokenizerFast, **known: Any
) -> LoadedModel:
    """The value, with what follows from folder, model and tokenizer; `known` are its other fields."""
    findings: tuple[Finding, ...] = known.pop("findings")
    pad_id = limits.pad_id(folder, tokenizer, model=model)
    uses_token_types = limits.uses_token_types(model, tokenizer)
    backend = plain_copy(tokenizer)
    limits.check_template(folder, backend, model=model, uses_token_types=uses_token_types)
    packed = Layout(pad_id, uses_token_types, is_packed=True, first_position=first_position(model))
    is_packed, told = choose_path(model, layout=packed, max_length=known["max_length"])
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        backend=backend,
        layout=packed if is_packed else Layout(pad_id, uses_token_types),
        findings=(*findings, *told),
        name=folder.name,
        revision=folder.found.revision,
        source=folder.found.source,
        path=folder.path,
        **known,
    )


@dataclass(frozen=True)
class LoadReport:
    """Tensor names: what the checkpoint lacks, what it has too much, and what differs in shape."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[str, ...]


def _name_labels(config: PretrainedConfig, names: tuple[str, ...]) -> None:
    """Make it the configuration of a single-label classifier of these labels, in place."""
    # Keys must be int: string keys are kept as they are and fail later, at the first look-up by id.
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}
    config.problem_type = classifier.SINGLE_LABEL


def _prefix(config: PretrainedConfig) -> str:
    """What the names of the encoder's tensors begin with, such as `bert.`."""
    return f"{_model_class(config).base_model_prefix}."


def _model_class(config: PretrainedConfig) -> type[PreTrainedModel]:
    """The classifier's class for this configuration."""
    return cast(type[PreTrainedModel], AutoModelForSequenceClassification._model_mapping[type(config)])


def _build(
    folder: ModelFolder, config: PretrainedConfig, *, weights: dict[str, Tensor], seed: int
) -> tuple[PreTrainedModel, LoadReport]:
    """The model with these weights in float32; what they lack is drawn from the seed."""
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            # With output_loading_info it gives a pair, which its annotation does not say.
            built: Any = _model_class(config).from_pretrained(
                None,
                config=config,
                state_dict=weights,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except REFUSALS as error:
        problem = f"transformers cannot build it from its config.json and weights ({first_line(error)})."
        raise IncompatibleModel(folder.name, problem, remedy="Download or copy the model again.") from error
    model, info = built
    report = LoadReport(
        missing=tuple(sorted(info["missing_keys"])),
        unexpected=tuple(sorted(info["unexpected_keys"])),
        mismatched=tuple(
            sorted(str(key[0] if isinstance(key, tuple) else key) for key in info["mismatched_keys"])
        ),
    )
    _check_encoder(folder, report, model=model)
    _check_finite(folder, model)
    # transformers would write the folder's own path here, and into every copy of the config.
    config.name_or_path = ""
    return model, report


MAX_MISSING_TENSORS = 2
"""More encoder tensors than that missing, and the folder is not the model that its config describes."""


def _check_encoder(folder: ModelFolder, report: LoadReport, *, model: PreTrainedModel) -> None:
    """Refuse weights that are not this encoder's."""
    prefix = f"{model.base_model_prefix}."
    missing = [name for name in report.missing if name.startswith(prefix) and "pooler" not in name]
    remedy = "Download or copy config.json and model.safetensors again, both from the same model."
    if report.mismatched:
        problem = (
            "config.json and model.safetensors are not of the same model: "
            f"the sizes differ in {list_names(report.mismatched)}."
        )
        raise IncompatibleModel(folder.name, problem, remedy=remedy)
    if len(missing) > MAX_MISSING_TENSORS:
        total = sum(name.startswith(prefix) for name in model.state_dict())
        problem = (
            f"this is not the model it says it is: {len(missing)} of the encoder's {total} tensors "
            f"are not in model.safetensors, among them {list_names(missing[:3])}."
        )
        raise IncompatibleModel(folder.name, problem, remedy=remedy)


def _check_finite(folder: ModelFolder, model: PreTrainedModel) -> None:
    """Refuse weights that are no numbers."""
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            kind = "NaN" if bool(torch.isnan(tensor).any()) else "infinite values"
            problem = f"the tensor {name!r} holds {kind}: the checkpoint is broken."
            raise IncompatibleModel(
                folder.name, problem, remedy="Download or copy the model again, or give another one."
            )


def _require_head(folder: ModelFolder, report: LoadReport) -> None:
    """Refuse a classifier whose head is not in its weights."""
    head = [name for name in report.missing if classifier.is_head(name)]
    if head:
        problem = f"config.json says that it is a classifier, but model.safetensors lacks {list_names(head)}."
        raise IncompatibleModel(folder.name, problem, remedy="Download or copy the model again.")


def _report_findings(folder: ModelFolder, report: LoadReport, *, prefix: str) -> tuple[Finding, ...]:
    """M001 what is missing outside the head, M002 what was left over."""
    findings = []
    missing = [name for name in report.missing if not classifier.is_head(name)]
    encoder = [name for name in missing if name.startswith(prefix) and "pooler" not in name]
    if encoder:
        sentence = (
            f"{len(encoder)} tensors of the encoder are not in the checkpoint "
            f"and start at random: {list_names(encoder)}."
        )
        remedy = "Check that the folder is the model that you mean."
        findings.append(Finding("M001", "warning", f"{folder.name}: {sentence}", remedy))
    elif missing:
        sentence = (
            "The layer between encoder and head is not in the checkpoint "
            f"and is trained from random weights: {list_names(missing)}."
        )
        findings.append(Finding("M001", "info", f"{folder.name}: {sentence}"))
    if report.unexpected:
        sentence = (
            f"{len(report.unexpected)} tensors of the checkpoint have no place in a classifier "
            f"and were left out: {list_names(report.unexpected)}."
        )
        findings.append(Finding("M002", "info", f"{folder.name}: {sentence}"))
    return tuple(findings)


def _run_labels(folder: ModelFolder) -> tuple[str, ...]:
    """The label names of a finished classifier."""
    remedy = "Give a folder that bertsmith train wrote, or a single-label classifier of another tool."
    if not folder.has_classifier:
        found = ", ".join(folder.architectures) or "not named"
        raise IncompatibleModel(
            folder.name, f"this is not a finished classifier (its architecture is {found}).", remedy=remedy
        )
    if folder.config.get("problem_type") not in (None, "single_label_classification"):
        problem = f"its problem_type is {folder.config['problem_type']!r}, not 'single_label_classification'."
        raise IncompatibleModel(folder.name, problem, remedy=remedy)
    # transformers writes no names for the two labels that it assumes by default.
    names = folder.label_names or (() if folder.config.get("id2label") else ("LABEL_0", "LABEL_1"))
    if len(names) < 2 or len(set(names)) != len(names):
        id2label = folder.config.get("id2label")
        problem = f"config.json does not name two or more different labels (id2label: {id2label!r})."
        raise IncompatibleModel(folder.name, problem, remedy=remedy)
    return names
