"""All that a finished run knows, as plain data. The card, the report and `results.json` are pure functions of a `Run`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bertsmith.config import Config
from bertsmith.data.example import LabelSet
from bertsmith.diagnosis.mistakes import Confusion, Mistake
from bertsmith.diagnosis.slices import Slice
from bertsmith.diagnosis.verdict import Verdict
from bertsmith.evaluation.calibration import Calibration, Threshold
from bertsmith.evaluation.scoring import Evaluation
from bertsmith.findings import Finding
from bertsmith.notebook import notebook_html
from bertsmith.run_folder import RunFolder
from bertsmith.task import Task
from bertsmith.training.history import EpochRecord, History, Restart

SCHEMA = "bertsmith.run/1"


@dataclass(frozen=True)
class LengthHistogram:
    """How many rows have how many tokens, as the model reads them."""

    edges: tuple[int, ...]
    """A bin holds the lengths from one edge up to the next, which is not in it."""
    rows: tuple[int, ...]
    """Of each bin."""


@dataclass(frozen=True)
class SplitSummary:
    """What one split holds."""

    rows: int
    label_counts: dict[str, int]
    cut_share: float | None
    """Share of the rows that were longer than the model reads, in [0, 1]; None where the test rows stayed unread."""
    longest_tokens: int | None
    """Tokens of the longest row, as the model reads it; None likewise."""
    lengths: LengthHistogram | None = None
    """None likewise."""


@dataclass(frozen=True)
class DataSummary:
    """What the run read. File names only: no paths, no texts."""

    files: dict[str, str | None]
    """File name of train, validation and test; None where the rows were cut from train's file."""
    num_rows_read: int
    num_rows_used: int
    text_column: str
    pair_column: str | None
    label_column: str
    num_columns: int
    """Columns of the training file."""
    splits: dict[str, SplitSummary]
    test_fingerprint: str | None
    """SHA-256 of the test rows, whatever their order; None where they were not read."""
    notes: tuple[str, ...]
    """What was recognised or guessed, one sentence each."""
    train_fingerprint: str | None = None
    """SHA-256 of the training rows, whatever their order."""


@dataclass(frozen=True)
class ModelSummary:
    """Which pretrained model the run started from."""

    name: str
    source: str
    """`hub`, `folder` or `embedded`."""
    revision: str | None
    architecture: str
    num_parameters: int
    max_length: int
    """Most tokens of a row."""


@dataclass(frozen=True)
class Speed:
    """How long each stage took. Rows and tokens per second are those of the training steps alone."""

    seconds: float
    """The whole run, from reading to writing."""
    training_seconds: float
    rows_per_second: float
    tokens_per_second: float
    """Real tokens; padding is not counted."""
    tokenization_seconds: float
    evaluation_rows_per_second: float


@dataclass(frozen=True)
class MemoryUse:
    """How much memory the run took, and where it did not suffice."""

    forecast_bytes: int | None
    """What was expected before the first step."""
    peak_bytes: int | None
    """The most that was held; None where the system does not tell."""
    scoring_tokens: int | None
    """Most tokens of a pass when scoring, where memory did not suffice for those planned; else None."""


@dataclass(frozen=True)
class Baselines:
    """What simpler methods score on the same test rows."""

    majority: Evaluation
    bag_of_words: Evaluation
    bag_of_words_rows: int
    """Training rows that the bag of words was fitted on."""
    bag_of_words_sampled: bool
    """Whether these are fewer than all training rows."""


@dataclass(frozen=True)
class SeedResult:
    """One of several seeds; the scores are None where no epoch could be chosen."""

    seed: int
    restarts: int
    failed: bool
    """Whether it gave no model, or one that is not shown to have learned or barely did."""
    validation_macro_f1: float | None
    test_macro_f1: float | None
    test_accuracy: float | None


@dataclass(frozen=True)
class Mistakes:
    """Where the model fails on the rows that it was judged by. No texts: rows are named by their origin."""

    confident: tuple[Mistake, ...]
    """The surest of the wrong predictions."""
    confused: tuple[Confusion, ...]
    """The labels that are confused most often."""
    slices: tuple[Slice, ...]
    """Accuracy by length, by whether the text was cut, and by label."""
    suspected: tuple[Mistake, ...] = ()
    """Rows that look mislabelled; known only where every row was predicted by a model that did not see it."""

    def to_json(self) -> dict[str, Any]:
        """The same fields as plain JSON values."""
        return {
            "confident": [mistake.to_json() for mistake in self.confident],
            "confused": [pair.to_json() for pair in self.confused],
            "slices": [part.to_json() for part in self.slices],
            "suspected": [mistake.to_json() for mistake in self.suspected],
        }


@dataclass(frozen=True)
class Run:
    """A finished training run."""

    folder: RunFolder
    config: Config
    verdict: Verdict
    task: Task
    label_set: LabelSet
    positive_label: str | None
    """With two labels: the one that F1, precision and recall are about. None: they are macro averages."""
    history: History
    best_epoch_index: int | None
    """Index into `history.epochs`; None where the run failed."""
    validation: Evaluation | None
    """The chosen weights on the validation rows; None where the run failed."""
    test: Evaluation | None
    """The chosen weights on the test rows; None where the run failed and they were not read."""
    baselines: Baselines | None
    data: DataSummary
    model: ModelSummary
    speed: Speed
    findings: tuple[Finding, ...]
    environment: dict[str, Any]
    test_reads: int
    """How often the test rows were scored: once, or never."""
    calibration: Calibration | None = None
    """What the temperature did; None where the run failed."""
    threshold: Threshold | None = None
    """The decision threshold, where one was asked for."""
    mistakes: Mistakes | None = None
    """Where the model fails on the test rows; None where they were not read."""
    test_without_leaked: Evaluation | None = None
    """The test scores without the rows that stand, exactly or nearly, in train; None where there are none."""
    seeds: tuple[SeedResult, ...] = ()
    """Every seed's scores, where there was more than one."""
    folds: int | None = None
    """In how many folds every row was predicted; None where there is a test split."""
    restarts: tuple[Restart, ...] = ()
    """Attempts that failed and that the run does not rest on, by number."""
    quotes: Mapping[str, str] = field(default_factory=dict)
    """Texts of the surest mistakes by their `file:line`, for the card alone; empty unless `--quote-examples` asks for them."""
    memory: MemoryUse | None = None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.path.resolve().name

    @property
    def best_epoch(self) -> EpochRecord | None:
        """The chosen epoch."""
        return None if self.best_epoch_index is None else self.history.epochs[self.best_epoch_index]

    def _repr_html_(self) -> str:
        """What a notebook shows: the answer, the scores beside the baselines', and where the folder is."""
        rows = []
        if self.test is not None and self.baselines is not None:
            columns = (self.test, self.baselines.majority, self.baselines.bag_of_words)
            for name in ("accuracy", "macro_f1", "mcc"):
                score = self.test.scores[name]
                shown = [f"{column.scores[name].value:.3f}" for column in columns]
                rows.append((name, shown[0], f"{score.low:.3f}–{score.high:.3f}", *shown[1:]))
        header = ("Score", "Test", "95 % interval", "Majority", "Bag of words")
        return notebook_html(
            self.verdict.sentence,
            is_good=self.verdict.exit_code == 0,
            details=(*self.verdict.reasons, f"Folder: {self.folder.path.name}"),
            table=(header, rows) if rows else None,
        )

    def to_json(self) -> dict[str, Any]:
        """`results.json`: names that other programs read."""
        divergence = self.history.divergence
        return {
            "schema": SCHEMA,
            "verdict": {
                "outcome": self.verdict.outcome,
                "sentence": self.verdict.sentence,
                "reasons": list(self.verdict.reasons),
            },
            "task": self.task.value,
            "labels": list(self.label_set.names),
            "positive_label": self.positive_label,
            "epochs": [_epoch_json(epoch) for epoch in self.history.epochs],
            "divergence": None
            if divergence is None
            else asdict(divergence) | {"value": str(divergence.value)},
            "best_epoch": None if self.best_epoch is None else _whole(self.best_epoch.epoch),
            "validation": None if self.validation is None else self.validation.to_json(),
            "test": None if self.test is None else self.test.to_json(),
            "test_without_leaked_rows": None
            if self.test_without_leaked is None
            else self.test_without_leaked.to_json(),
            "calibration": None if self.calibration is None else self.calibration.to_json(),
            "threshold": None if self.threshold is None else self.threshold.to_json(),
            "mistakes": None if self.mistakes is None else self.mistakes.to_json(),
            "baselines": None if self.baselines is None else _baselines_json(self.baselines),
            "data": {
                "rows": {"read": self.data.num_rows_read, "used": self.data.num_rows_used},
                "files": self.data.files,
                "columns": {
                    "text": self.data.text_column,
                    "pair": self.data.pair_column,
                    "label": self.data.label_column,
                    "number": self.data.num_columns,
                },
                "train_fingerprint": self.data.train_fingerprint,
                "test_fingerprint": self.data.test_fingerprint,
                "splits": {name: asdict(split) for name, split in self.data.splits.items()},
                "notes": list(self.data.notes),
                "findings": [_finding_json(finding) for finding in self.findings],
            },
            "recipe": self.config.training.model_dump(),
            "model": asdict(self.model),
            "seeds": [asdict(result) for result in self.seeds],
            "folds": self.folds,
            "restarts": [restart.to_json() for restart in self.restarts],
            "test_reads": self.test_reads,
            "memory": None
            if self.memory is None
            else asdict(self.memory) | {"bends": [asdict(bend) for bend in self.history.bends]},
            "speed": asdict(self.speed),
            "environment": self.environment,
        }


def _whole(epoch: float) -> float | int:
    """3 rather than 3.0."""
    return int(epoch) if epoch == int(epoch) else epoch


def _epoch_json(epoch: EpochRecord) -> dict[str, Any]:
    values = epoch.to_json() | {"epoch": _whole(epoch.epoch)}
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }


def _baselines_json(baselines: Baselines) -> dict[str, Any]:
    bag_of_words = baselines.bag_of_words.to_json()
    fitted_on = {"fitted_rows": baselines.bag_of_words_rows, "sampled": baselines.bag_of_words_sampled}
    return {"majority": baselines.majority.to_json(), "tfidf_logistic_regression": bag_of_words | fitted_on}


def _finding_json(finding: Finding) -> dict[str, Any]:
    """A finding without its rows, which `findings.json` lists."""
    return {key: value for key, value in finding.to_json().items() if key != "rows"}
