"""This file knows how to turn files and settings into all that training needs: read → split → load → encode."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bertsmith.checking import find_in_parts, parts_of, read_repaired, split_sources, stop_on_errors
from bertsmith.config import Config
from bertsmith.console import Console
from bertsmith.data.duplicates import fingerprint
from bertsmith.data.example import Dataset, LabelSet
from bertsmith.data.reading import LabelledRows
from bertsmith.data.splitting import Splits
from bertsmith.errors import ConfigError
from bertsmith.evaluation.calibration import parse_cost
from bertsmith.findings import Finding
from bertsmith.model.loading import LoadedModel, load_base
from bertsmith.model.prediction import TokenBudget, predict_logits
from bertsmith.run import DataSummary, LengthHistogram, MemoryUse, ModelSummary, SplitSummary
from bertsmith.runtime import Runtime, choose_runtime
from bertsmith.task import Task
from bertsmith.tokens.batching import EncodedDataset, Layout
from bertsmith.tokens.encoding import TextEncoder
from bertsmith.tokens.lengths import check_tokens, cut_finding, survey_tokens
from bertsmith.training.forecast import Forecast, forecast
from bertsmith.training.memory import RunMemory, peak_bytes
from bertsmith.training.recipe import resolve_recipe

CUT = "T001"
"""Known of every row here, not only of those that are surveyed."""
LENGTH_BINS = 30
FEW_ROWS = 2000
"""Below this many rows a test split is small, and folds are suggested."""


@dataclass(frozen=True)
class ReadData:
    """The rows of all files, split."""

    sources: Mapping[str, LabelledRows]
    """What was read from each file that was given: train, validation, test."""
    splits: Splits
    label_set: LabelSet
    positive_id: int | None
    """The label that F1, precision and recall are about; None: macro averages."""
    findings: tuple[Finding, ...]
    leaked_test: tuple[int, ...] = ()
    """Indices of the test rows whose text, or nearly it, stands in the training rows."""

    @property
    def positive_label(self) -> str | None:
        """The name of that label."""
        return None if self.positive_id is None else self.label_set.names[self.positive_id]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was recognised or guessed, each sentence once."""
        return tuple(dict.fromkeys(note for rows in self.sources.values() for note in rows.notes))


@dataclass(frozen=True)
class Encoded:
    """Training and validation rows as token ids. The test rows stay text until every choice is made."""

    encoder: TextEncoder
    train: EncodedDataset
    validation: EncodedDataset
    seconds: float
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Prepared:
    """All that is fixed before the first step."""

    config: Config
    """As given, with what was resolved: absolute files, the Hub's commit, the length, the positive label."""
    data: ReadData
    loaded: LoadedModel
    runtime: Runtime
    encoded: Encoded
    memory: RunMemory = field(default_factory=RunMemory)
    """What the run has learned of its memory."""
    forecast: Forecast | None = None
    """How much memory training will take, about."""

    @property
    def task(self) -> Task:
        """Binary or multi-class."""
        return Task.of_labels(len(self.data.label_set))

    @property
    def layout(self) -> Layout:
        """How the model wants its rows laid out."""
        return self.loaded.layout

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found so far."""
        of_memory = () if self.forecast is None else self.forecast.findings
        return (*self.data.findings, *self.loaded.findings, *self.encoded.findings, *of_memory)

    def logits(self, encoded: EncodedDataset, *, as_served: bool = False) -> NDArray[np.float32]:
        """(rows, labels) of the model as it is now, in the order of the rows.

        `as_served`: in float32 whatever the training's precision, as `predict` and every server compute.
        """
        return predict_logits(
            self.loaded.model,
            encoded,
            layout=self.layout,
            batch_size=self.config.training.eval_batch_size,
            runtime=replace(self.runtime, autocast_dtype=None) if as_served else self.runtime,
            budget=self.memory.budget,
        )

    def memory_use(self) -> MemoryUse:
        """What the run took until now."""
        return MemoryUse(
            forecast_bytes=None if self.forecast is None else self.forecast.peak_bytes,
            peak_bytes=peak_bytes(self.runtime.device),
            scoring_tokens=self.memory.budget.most,
        )

    @property
    def class_weights(self) -> tuple[float, ...] | None:
        """What each row of a label counts in the loss: rows / (labels × rows of the label); None: one."""
        if self.config.training.class_weights == "none":
            return None
        counts = np.bincount(label_ids_of(self.encoded.train), minlength=len(self.data.label_set))
        return tuple(float(weight) for weight in counts.sum() / (len(counts) * np.maximum(1, counts)))

    def summarise_data(self, test: EncodedDataset | None) -> DataSummary:
        """What was read, without a text of it; `test` is None where the test rows stayed unread."""
        train_rows = self.data.sources["train"]
        encoded = {"train": self.encoded.train, "validation": self.encoded.validation, "test": test}
        datasets = {
            "train": self.data.splits.train,
            "validation": self.data.splits.validation,
            "test": self.data.splits.test,
        }
        return DataSummary(
            files={name: rows.name if (rows := self.data.sources.get(name)) else None for name in datasets},
            num_rows_read=sum(rows.num_rows for rows in self.data.sources.values()),
            num_rows_used=sum(len(rows.examples) for rows in self.data.sources.values()),
            text_column=train_rows.column_name(train_rows.columns.text) or "",
            pair_column=train_rows.column_name(train_rows.columns.pair),
            label_column=train_rows.column_name(train_rows.columns.label) or "",
            num_columns=len(train_rows.header),
            splits={name: _split_summary(dataset, encoded[name]) for name, dataset in datasets.items()},
            notes=self.data.notes,
            train_fingerprint=fingerprint(self.data.splits.train),
            test_fingerprint=None if test is None else fingerprint(self.data.splits.test),
        )

    def summarise_model(self) -> ModelSummary:
        """What the run started from. A local folder is named, not located."""
        loaded = self.loaded
        return ModelSummary(
            name=Path(loaded.name).name if loaded.source == "folder" else loaded.name,
            source=loaded.source,
            revision=loaded.revision,
            architecture=loaded.architecture,
            num_parameters=sum(parameter.numel() for parameter in loaded.model.parameters()),
            max_length=loaded.max_length,
        )


def prepare(data: object, *, config: Config, console: Console) -> Prepared:
    """Read, split, load and encode, telling what was found on the way.

    Raises:
        BertsmithError: whatever the user can mend in the data, the settings or the model.
    """
    runtime = choose_runtime(
        device=config.runtime.device, precision=config.runtime.precision, threads=config.runtime.threads
    )
    read = read_data(data, config=config, console=console)
    recipe = resolve_recipe(config.training, num_rows=len(read.splits.train))
    config = config.model_copy(update={"training": recipe})
    console.findings(read.findings)
    stop_on_errors(read.findings, ignored=config.data.ignore)
    loaded = load_base(
        config.model,
        read.label_set,
        seed=config.training.seed,
        offline=config.runtime.offline,
        tell=console.say,
    )
    torch.nn.Module.to(loaded.model, runtime.device)
    encoded = encode_splits(read, loaded=loaded, config=config)
    console.findings((*loaded.findings, *encoded.findings))
    resolved = _resolved(config, data, loaded=loaded, read=read, runtime=runtime)
    will_take = forecast(
        loaded.model,
        encoded.train,
        validation=encoded.validation,
        layout=loaded.layout,
        recipe=config.training,
        runtime=runtime,
    )
    if will_take is not None:
        console.say(will_take.sentence, style="dim")
        console.findings(will_take.findings)
    return Prepared(
        config=resolved,
        data=read,
        loaded=loaded,
        runtime=runtime,
        encoded=encoded,
        memory=RunMemory(TokenBudget(tell=console.say)),
        forecast=will_take,
    )


def read_data(data: object, *, config: Config, console: Console) -> ReadData:
    """Read the files, repair what is to be repaired, decide which row goes where, and look for trouble."""
    repaired = read_repaired(data, config.data)
    sources = repaired.sources
    for note in dict.fromkeys(note for rows in sources.values() for note in rows.notes):
        console.say(note, style="dim")
    num_rows = len(sources["train"].examples)
    if num_rows < FEW_ROWS and len(sources) == 1 and config.training.folds is None:
        console.say(f"With {num_rows:,} rows, --folds 5 would judge on all of them.", style="dim")
    splits = split_sources(sources, config.data)
    label_set = LabelSet.from_labels(splits.train.labels)
    if config.training.threshold is not None:
        parse_cost(config.training.threshold)
        if len(label_set) != 2:
            raise ConfigError(
                [f"--threshold needs exactly two labels; this data has {len(label_set)}. Leave it out."]
            )
    found, leaked = find_in_parts(parts_of(splits, sources), sources, config=config.data, console=console)
    return ReadData(
        sources=sources,
        splits=splits,
        label_set=label_set,
        positive_id=label_set.positive_id(config.data.positive_label),
        findings=(
            *(finding for rows in sources.values() for finding in rows.findings),
            *repaired.findings,
            *found,
        ),
        leaked_test=leaked,
    )


def encode_labelled(dataset: Dataset, *, encoder: TextEncoder, label_set: LabelSet) -> EncodedDataset:
    """Rows as token ids and label ids."""
    texts = encoder.encode(dataset.texts, dataset.text_pairs)
    return EncodedDataset(texts, np.array(label_set.ids_of(dataset.labels), np.int64))


def label_ids_of(encoded: EncodedDataset) -> NDArray[np.int64]:
    """(rows,) the label ids of rows that have them."""
    assert encoded.label_ids is not None, "training, validation and test rows have labels"
    return encoded.label_ids


def encode_splits(read: ReadData, *, loaded: LoadedModel, config: Config) -> Encoded:
    """Training and validation rows as token ids, and what was cut of them."""
    start = time.perf_counter()
    is_pairs = read.splits.train.text_pairs is not None
    if is_pairs and config.model.truncate == "head-tail":
        raise ConfigError(
            [
                "--truncate head-tail: pairs are cut at the end of the longer text, and nowhere else. Leave it out, or join the texts."
            ]
        )
    encoder = TextEncoder(loaded.backend, loaded.max_length, truncate=config.model.truncate)
    train = encode_labelled(read.splits.train, encoder=encoder, label_set=read.label_set)
    validation = encode_labelled(read.splits.validation, encoder=encoder, label_set=read.label_set)
    survey = survey_tokens(read.splits.train, loaded.backend, max_length=loaded.max_length)
    cut = [str(read.splits.train.examples[index].origin) for index in np.flatnonzero(train.texts.is_cut)]
    findings = [finding for finding in check_tokens(survey) if finding.code != CUT]
    if cut:
        findings += cut_finding(cut, share=train.texts.cut_share, rows=survey)
    return Encoded(encoder, train, validation, seconds=time.perf_counter() - start, findings=tuple(findings))


def _split_summary(dataset: Dataset, encoded: EncodedDataset | None) -> SplitSummary:
    return SplitSummary(
        rows=len(dataset),
        label_counts=dataset.label_counts,
        cut_share=None if encoded is None else encoded.texts.cut_share,
        longest_tokens=None if encoded is None else int(encoded.texts.lengths.max()),
        lengths=None if encoded is None else length_histogram(encoded.texts.lengths),
    )


def length_histogram(lengths: NDArray[np.int64]) -> LengthHistogram:
    """The lengths in at most `LENGTH_BINS` bins of one width."""
    low, high = int(lengths.min()), int(lengths.max())
    width = max(1, math.ceil((high + 1 - low) / LENGTH_BINS))
    edges = np.arange(low, high + 1 + width, width)
    rows, _ = np.histogram(lengths, bins=edges)
    return LengthHistogram(tuple(edges.tolist()), tuple(rows.tolist()))


def _resolved(
    config: Config, data: object, *, loaded: LoadedModel, read: ReadData, runtime: Runtime
) -> Config:
    """The settings that repeat this run: absolute files, and what was chosen by default.

    Leave to overwrite or resume is not repeated: a second run must ask for it again.
    """
    given = {"train_file": data, "validation": config.data.validation, "test": config.data.test}
    files = {
        name: str(Path(file).resolve())
        for name, file in given.items()
        if isinstance(file, str | Path) and file != "-"
    }
    data_config = config.data.model_copy(update=files | {"positive_label": read.positive_label})
    model_config = config.model.model_copy(
        update={
            "revision": loaded.revision,
            "max_length": loaded.max_length,
            "model": str(Path(config.model.model).resolve())
            if loaded.source == "folder"
            else config.model.model,
        }
    )
    return config.model_copy(
        update={
            "data": data_config,
            "model": model_config,
            "runtime": config.runtime.model_copy(update={"threads": runtime.num_threads}),
            "output": config.output.model_copy(
                update={"overwrite": False, "resume": False, "accept_changes": False}
            ),
        }
    )
