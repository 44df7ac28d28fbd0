"""The settings: one frozen model per stage. The same fields are command-line flags, TOML keys and the reference page.

`Config` → `run.toml` → `Config` is a round trip. An unknown key is an error that names the nearest one.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from bertsmith.errors import ConfigError, nearest

DEFAULT_MODEL = "bert-base-cased"


class Settings(BaseModel):
    """Frozen, with no unknown key; the description of a field is its help text."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class DataConfig(Settings):
    """Which rows, and what stands in which column."""

    train_file: str | None = Field(None, description="The labelled rows (the DATA argument).")
    validation: str | None = Field(
        None, description="File of validation rows; without it they are cut from DATA."
    )
    test: str | None = Field(None, description="File of test rows; without it they are cut from DATA.")
    text_column: str | None = Field(
        None, description="Column of the text, by name (by number from 1 without a header)."
    )
    pair_column: str | None = Field(
        None, description="Column of a second text: the model reads sentence pairs."
    )
    label_column: str | None = Field(None, description="Column of the label.")
    delimiter: str | None = Field(
        None, description="Field separator of CSV files; recognised by default. 'tab' is a tab."
    )
    no_header: bool = Field(False, description="The first row is data, not column names.")
    encoding: str | None = Field(
        None, description="Character encoding of the files; by default BOM, UTF-8, then a guess that is told."
    )
    validation_share: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Share of the rows cut for validation (at least 200 rows while train keeps 60 %).",
    )
    test_share: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Share of the rows cut for the test (at least 200 rows while train keeps 60 %).",
    )
    split_seed: int = Field(
        42, ge=0, description="Decides, with the data alone, which row goes where. --seed never does."
    )
    limit: int | None = Field(
        None, ge=1, description="Use only the first ROWS rows of each file: a quick try."
    )
    group_duplicates: Literal["exact", "near"] = Field(
        "exact",
        description="Rows that are kept on one side of a cut: those of the same text, or also those of nearly the same.",
    )
    near_threshold: float = Field(
        0.8,
        ge=0.6,
        le=1,
        description="Similarity from which on texts are near-duplicates: Jaccard, of their character 5-grams.",
    )
    fix_encoding: bool = Field(
        False, description="Repair: mend texts that were decoded wrongly, remove invisible characters."
    )
    merge_labels: bool = Field(
        False,
        description="Repair: give labels that are one label in several spellings the most frequent one.",
    )
    drop_empty: bool = Field(False, description="Repair: drop training rows with nothing to read.")
    drop_conflicts: bool = Field(
        False, description="Repair: drop training rows whose text has several labels."
    )
    drop_duplicates: bool = Field(
        False,
        description="Repair: drop training rows that repeat a text, or whose text stands in a given validation or test file.",
    )
    ignore: list[str] | None = Field(
        None,
        description="Finding of severity error that is to stop nothing, by its code; can be given again.",
    )
    positive_label: str | None = Field(
        None, description="With two labels: the one that F1, precision and recall are about."
    )


class ModelConfig(Settings):
    """Which pretrained model, and how it reads a text."""

    model: str = Field(
        DEFAULT_MODEL,
        description="Hub name, local folder, earlier run, or 'minilm' (embedded, needs no network).",
    )
    revision: str | None = Field(
        None, description="Commit, tag or branch of a Hub model; the commit used is recorded."
    )
    max_length: int | None = Field(
        None,
        ge=4,
        description="Most tokens of a row; by default the smallest of 512, the tokenizer's limit and the model's positions.",
    )
    truncate: Literal["head", "head-tail"] = Field(
        "head", description="What is kept of a longer text: its beginning, or beginning and end."
    )


class TrainingConfig(Settings):
    """The recipe. The defaults are the published run's."""

    learning_rate: float = Field(5e-5, gt=0, description="Peak learning rate of Adam.")
    batch_size: int = Field(8, ge=1, description="Rows per optimizer step.")
    eval_batch_size: int = Field(8, ge=1, description="Rows per forward pass when scoring.")
    micro_batch_size: int | None = Field(
        None,
        ge=1,
        description="Rows per forward and backward pass; the gradient stays that of the whole batch.",
    )
    epochs: int = Field(5, ge=1, description="Passes over the training rows.")
    max_steps: int | None = Field(
        None, ge=1, description="Stop after this many optimizer steps, whatever the epochs."
    )
    seed: int = Field(
        42,
        ge=0,
        lt=2**63,
        description="Decides the head's first weights, the order of the rows and the dropout masks.",
    )
    seeds: int = Field(
        1,
        ge=1,
        description="Train with so many seeds, this one and those after it; the best on the validation rows is kept.",
    )
    folds: int | None = Field(
        None,
        ge=3,
        description="Judge on all rows: each is predicted by a model that did not see it; the kept one is trained on all.",
    )
    adam_beta1: float = Field(0.9, ge=0, lt=1, description="Adam's decay of the gradient mean.")
    adam_beta2: float = Field(0.999, ge=0, lt=1, description="Adam's decay of the squared gradient's mean.")
    adam_epsilon: float = Field(1e-8, gt=0, description="Adam's term against division by zero.")
    schedule: Literal["linear", "constant"] = Field(
        "linear", description="Learning rate after the warmup: linear decay to zero, or constant."
    )
    warmup_ratio: float = Field(
        0.0, ge=0, lt=1, description="Share of the steps in which the learning rate rises from zero."
    )
    weight_decay: float = Field(
        0.0, ge=0, description="Decoupled weight decay of all weights but biases and layer norms."
    )
    max_grad_norm: float = Field(
        1.0, ge=0, description="Gradients are scaled down to this norm; 0 turns it off."
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: every label weighs the same in the training loss, however rare it is."
    )
    no_calibrate: bool = Field(
        False,
        description="Leave the probabilities as trained: no temperature is fitted on the validation rows.",
    )
    threshold: str | None = Field(
        None,
        description="With two labels: choose the decision threshold on the validation rows by f1, youden or cost=MISSED:FALSE.",
    )
    select_by: Literal["macro_f1", "f1", "accuracy", "loss"] = Field(
        "macro_f1",
        description="Validation score that chooses the best epoch; a collapsed one is never chosen.",
    )
    recipe: Literal["published", "steady"] = Field(
        "published",
        description="steady: learning rate 2e-5, warmup 0.1, at least 1,000 steps or 20 epochs, early stop; other flags win.",
    )
    on_failure: Literal["rescue", "stop", "continue"] = Field(
        "rescue",
        description="A run that learns nothing: try known remedies, stop it early, or let it run to its end.",
    )
    patience: int | None = Field(None, ge=1, description="Stop after this many epochs without a better one.")


class RuntimeConfig(Settings):
    """What it runs on."""

    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="auto takes CUDA where there is one, else the CPU; mps only when asked for."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto is float32 on the CPU and bfloat16 autocast on CUDA."
    )
    threads: int | None = Field(
        None, ge=1, description="CPU threads; part of what makes a run repeatable to the bit."
    )
    offline: bool = Field(False, description="Never touch the network (also HF_HUB_OFFLINE=1).")


class OutputConfig(Settings):
    """What is written, and where."""

    output: str | None = Field(None, description="The run folder; by default runs/ and the data file's name.")
    overwrite: bool = Field(False, description="Replace an earlier bertsmith run folder.")
    resume: bool = Field(
        False,
        description="Go on with the unfinished run in the run folder, from its newest whole checkpoint.",
    )
    accept_changes: bool = Field(
        False, description="Resume although rows or settings are not those that the run began with."
    )
    checkpoint_every: str = Field(
        "5m", description="How often all that --resume needs is written: steps, as in 200, or time, as in 5m."
    )
    keep_failed_model: bool = Field(
        False, description="Put the last epoch's model at the folder's root even if the run failed."
    )
    quote_examples: bool = Field(
        False, description="Let the model card quote the texts of the surest mistakes; else it quotes no row."
    )
    no_fail: bool = Field(False, description="Exit 0 whatever the answer is.")


class Config(Settings):
    """All settings of a training run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    output: OutputConfig = OutputConfig()

    @classmethod
    def from_flat(cls, values: Mapping[str, Any]) -> Config:
        """Settings from field names without their table, as flags and keyword arguments give them.

        Raises:
            ConfigError: an unknown name or a value out of range; all problems at once.
        """
        section_of = {name: section for section, name, _ in fields()}
        unknown = [
            f"unknown setting {name!r}.{nearest(name, section_of)}"
            for name in values
            if name not in section_of
        ]
        if unknown:
            raise ConfigError(unknown)
        nested: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            plain = os.fspath(value) if isinstance(value, os.PathLike) else value
            nested.setdefault(section_of[name], {})[name] = plain
        return _validated(nested, source=None)

    @classmethod
    def from_toml(cls, path: Path) -> Config:
        """Settings from a run.toml.

        Raises:
            ConfigError: not there, not TOML, an unknown key, or a value out of range; all problems at once.
        """
        return cls.from_flat(read_toml(path))

    def to_toml(self) -> str:
        """The settings as TOML; what is None is left out, as TOML has no null."""
        tables = self.model_dump(exclude_none=True)
        from_python = "# The rows came from Python, not from a file: to repeat the run, give them again.\n"
        return ("" if self.data.train_file else from_python) + tomli_w.dumps(tables)


def read_toml(path: Path) -> dict[str, Any]:
    """The settings that a TOML file gives, by field name without their table.

    Raises:
        ConfigError: not there, not TOML, unknown tables and keys, or values out of range; all problems at once.
    """
    tables = _parse_toml(path)
    problems: list[str] = []
    values: dict[str, Any] = {}
    known = {
        section: {name for owner, name, _ in fields() if owner == section} for section in Config.model_fields
    }
    for section, table in tables.items():
        if section not in known or not isinstance(table, dict):
            problems.append(
                f"{path}: unknown table [{section}].{nearest(section, known)} Tables: {', '.join(known)}."
            )
            continue
        problems += [
            f"{path}: [{section}] has no key {key!r}.{nearest(key, known[section])}"
            for key in table
            if key not in known[section]
        ]
        values |= table
    if problems:
        raise ConfigError(problems)
    _validated(tables, source=path)
    return values


def _parse_toml(path: Path) -> dict[str, Any]:
    """The file's tables, whatever they are."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        siblings = (file.name for file in path.parent.glob("*.toml"))
        problem = (
            f"{path}: the configuration cannot be read ({error.strerror}).{nearest(path.name, siblings)}"
        )
        raise ConfigError([f"{problem} Check the path given to --config."]) from error
    except (ValueError, RecursionError) as error:  # TOML, UTF-8, or numbers of a million digits
        raise ConfigError(
            [f"{path}: this is not TOML: {error}. Correct the file; a run's own run.toml shows the form."]
        ) from error


def fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """(table, name, field) of every setting, in the order in which they are shown."""
    for section, owner in Config.model_fields.items():
        settings = owner.annotation
        assert isinstance(settings, type) and issubclass(settings, Settings)
        for name, field in settings.model_fields.items():
            yield section, name, field


def flag(name: str) -> str:
    """The command-line spelling of a setting."""
    return "--" + name.replace("_", "-")


def _validated(nested: Mapping[str, Any], *, source: Path | None) -> Config:
    """The config, with pydantic's report turned into our sentences; `source` is the file that the values are from."""
    try:
        return Config.model_validate(nested)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            section, name = str(item["loc"][0]), str(item["loc"][1])
            where = flag(name) if source is None else f"{source}: [{section}] {name}"
            problems.append(f"{where}: {item['msg'][0].lower()}{item['msg'][1:]}, not {item['input']!r}.")
        raise ConfigError(problems) from error
