"""A finished model that answers: texts (or pairs) → labels and probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bertsmith.data.columns import Columns
from bertsmith.data.table import Table
from bertsmith.errors import DataError
from bertsmith.inference.training_facts import TrainingFacts, read_training_facts, require_model
from bertsmith.model.decoding import decide, predicted_ids, probabilities
from bertsmith.model.loading import LoadedModel, load_run
from bertsmith.model.prediction import NoProgress, TokenBudget, predict_logits
from bertsmith.notebook import notebook_html
from bertsmith.printing import quoted
from bertsmith.runtime import Runtime, choose_runtime, environment
from bertsmith.tokens.batching import EncodedDataset
from bertsmith.tokens.encoding import TextEncoder

DEFAULT_BATCH_SIZE = 32
"""Rows per forward pass, all of like length."""

LABELS_SHOWN = 20
"""Of a predictor in a notebook."""

ROWS_ENCODED = 8192
"""Rows that are tokens in memory at once."""


@dataclass(frozen=True)
class Prediction:
    """What the model says about one text."""

    label: str
    """The most probable label, or what the model's decision threshold says."""
    probability: float
    """Its probability, in [0, 1]."""
    probabilities: dict[str, float]
    """Of every label, in id order; they sum to 1."""


@dataclass(frozen=True)
class Scores:
    """What the model says about many rows, as arrays."""

    probabilities: NDArray[np.float64]
    """(rows, labels) that sum to 1 in every row."""
    label_ids: NDArray[np.int64]
    """(rows,) the most probable label."""
    is_cut: NDArray[np.bool_]
    """(rows,) whether the row was longer than the model reads."""


class Predictor:
    """A model on its device, with all that is needed to read texts as it did in training."""

    def __init__(self, loaded: LoadedModel, *, runtime: Runtime, facts: TrainingFacts) -> None:
        self._model = loaded.model.to(runtime.device).eval()  # type: ignore[arg-type]  # transformers types `to` too narrowly
        self._runtime = runtime
        self.layout = loaded.layout
        """How the model wants its rows laid out."""
        self._encoder = TextEncoder(loaded.backend, loaded.max_length, facts.truncate)
        self.name = loaded.name
        """The folder, as it was given."""
        self.label_names: tuple[str, ...] = loaded.label_set.names
        """In id order: the columns of `predict_probabilities`."""
        self._threshold = _threshold_of(loaded)
        self.max_length = loaded.max_length
        """Most tokens of a row that are read, special tokens included."""
        self.budget = TokenBudget()
        """How many tokens fit in memory at once; where they turn out to be too many, it tells and shrinks."""
        self.facts = facts
        """How the model was trained, as far as its folder says."""

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "auto", threads: int | None = None) -> Predictor:
        """The model of a run folder, or any single-label text classifier in a Hugging Face folder.

        It computes in float32 on every device, so that a text gets the same answer everywhere.

        Args:
            folder: what `bertsmith train` wrote.
            device: `auto`, `cpu`, `cuda` or `mps`.
            threads: CPU threads; torch's own choice if None.

        Raises:
            NotARunFolder: there is no such folder, or no model in it.
            ModelError: the run failed and left no model, or the model cannot be loaded.
            ConfigError: the device is not there, or the folder's run.toml cannot be used.
        """
        require_model(Path(folder))
        facts = read_training_facts(Path(folder))
        runtime = choose_runtime(device=device, precision="float32", threads=threads)
        return cls(load_run(folder), runtime=runtime, facts=facts)

    def weights(self) -> dict[str, Tensor]:
        """Every tensor of the model by its name, on the device; not copies."""
        return dict(self._model.state_dict())

    def surroundings(self) -> dict[str, object]:
        """What the last digits of an answer may depend on beside the model: versions, device, threads."""
        versions = environment(self._runtime)["versions"]
        return {name: versions.get(name) for name in ("bertsmith", "torch", "transformers", "tokenizers")} | {
            "--device": str(self._runtime.device),
            "--threads": self._runtime.num_threads,
        }

    def _repr_html_(self) -> str:
        """What a notebook shows: the labels, how much is read, and how to ask."""
        shown = ", ".join(self.label_names[:LABELS_SHOWN])
        more = len(self.label_names) - LABELS_SHOWN
        reads = "pairs of texts" if self.facts.reads_pairs else "texts"
        details = [f"Labels: {shown}{f' and {more:,} more' if more > 0 else ''}"]
        details.append(f"Reads {reads} of at most {self.max_length} tokens, on {self._runtime.describe()}")
        if self._threshold is not None:
            label, value = self.label_names[self._threshold[0]], self._threshold[1]
            details.append(f"Predicts {label} from a probability of {value:.4f} on")
        return notebook_html(f"Predictor of {Path(self.name).name}", details=details)

    def predict(
        self, texts: Sequence[str] | str, text_pairs: Sequence[str] | str | None = None
    ) -> list[Prediction]:
        """One prediction per text, in order; a single text gives a list of one.

        Args:
            texts: the texts, or the first texts of pairs.
            text_pairs: the second texts, for a model that was trained on pairs.

        Raises:
            DataError: something that is not text, numbers of texts that differ, or pairs where it reads
                single texts (and the other way round).
        """
        scores = self._score_any(texts, text_pairs)
        return [
            Prediction(
                label=self.label_names[best],
                probability=row[best],
                probabilities=dict(zip(self.label_names, row, strict=True)),
            )
            for best, row in zip(scores.label_ids.tolist(), scores.probabilities.tolist(), strict=True)
        ]

    def predict_probabilities(
        self, texts: Sequence[str] | str, text_pairs: Sequence[str] | str | None = None
    ) -> NDArray[np.float64]:
        """(rows, labels) probabilities, the labels in the order of `label_names`.

        Raises:
            DataError: as `predict`.
        """
        return self._score_any(texts, text_pairs).probabilities

    def score(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        batch_size: int = DEFAULT_BATCH_SIZE,
        on_rows: Callable[[int], None] = NoProgress,
    ) -> Scores:
        """The scores of texts that are known to be text, and pairs only where the model reads pairs.

        Any number of rows: `ROWS_ENCODED` of them are tokens in memory at once.
        """
        logits, is_cut = self._logits(texts, text_pairs, batch_size=batch_size, on_rows=on_rows)
        chances = probabilities(logits)
        if self._threshold is None:
            return Scores(chances, predicted_ids(logits), is_cut)
        positive_id, value = self._threshold
        return Scores(chances, decide(chances, positive_id=positive_id, threshold=value), is_cut)

    def logits(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        batch_size: int = DEFAULT_BATCH_SIZE,
    ) -> NDArray[np.float32]:
        """(rows, labels) what the last layer gives for texts that are known to be text, as `score`."""
        return self._logits(texts, text_pairs, batch_size=batch_size, on_rows=NoProgress)[0]

    def _logits(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None,
        *,
        batch_size: int,
        on_rows: Callable[[int], None],
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(rows, labels) logits, and (rows,) whether a row was cut."""
        parts = []
        for start in range(0, max(1, len(texts)), ROWS_ENCODED):
            rows = slice(start, start + ROWS_ENCODED)
            encoded = self._encoder.encode(texts[rows], None if text_pairs is None else text_pairs[rows])
            logits = predict_logits(
                self._model,
                EncodedDataset(encoded),
                layout=self.layout,
                batch_size=batch_size,
                runtime=self._runtime,
                on_rows=on_rows,
                budget=self.budget,
            )
            parts.append((logits, encoded.is_cut))
        return np.concatenate([part for part, _ in parts]), np.concatenate([part for _, part in parts])

    def require_pairs(self, *, given: bool) -> None:
        """Refuse pairs for a model of single texts, and single texts for a model of pairs.

        Raises:
            DataError: the folder says that the model was trained on the other kind.
        """
        trained = self.facts.reads_pairs
        if trained is None or trained == given:
            return
        if trained:
            columns = " and ".join(
                quoted(name) for name in (self.facts.text_column, self.facts.pair_column) if name
            )
            was = f" (columns {columns})" if columns else ""
            raise DataError(
                f"{self.name}: this model was trained on pairs of texts{was}, but single texts were given. "
                "Give the second text too: --pair-column, or text_pairs=[…] in Python."
            )
        raise DataError(
            f"{self.name}: this model was trained on single texts, but pairs were given. "
            "Leave the second texts out: text_pairs in Python, --pair-column for a file."
        )

    def require_pairs_in(self, table: Table, columns: Columns, *, pair_is_named: bool) -> None:
        """The same for the columns that were chosen in a file.

        Args:
            table: the file.
            columns: which of its columns are the texts.
            pair_is_named: whether the user named the second text, or its name spoke for itself.

        Raises:
            DataError: with the columns, and the flag that chooses others.
        """
        if columns.pair is None or self.facts.reads_pairs is not False:
            self.require_pairs(given=columns.pair is not None)
            return
        first, second = table.header[columns.text], table.header[columns.pair]
        remedy = (
            "Leave out --pair-column."
            if pair_is_named
            else f"Name the one text: --text-column {quoted(first)}."
        )
        raise DataError(
            f"{table.name}: the columns {quoted(first)} and {quoted(second)} were read as a pair of texts, "
            f"but the model in {self.name} was trained on single texts. {remedy}"
        )

    def _score_any(self, texts: Sequence[str] | str, text_pairs: Sequence[str] | str | None) -> Scores:
        """The scores of whatever a caller from Python gives."""
        firsts = [texts] if isinstance(texts, str) else list(texts)
        seconds = [text_pairs] if isinstance(text_pairs, str) else text_pairs
        seconds = None if seconds is None else list(seconds)
        self.require_pairs(given=seconds is not None)
        if seconds is not None and len(seconds) != len(firsts):
            raise DataError(
                f"texts has {len(firsts)} rows and text_pairs has {len(seconds)}. "
                "Give one second text per text."
            )
        _check_texts(firsts, name="texts")
        _check_texts(seconds or [], name="text_pairs")
        return self.score(firsts, seconds)


def load(folder: str | Path, *, device: str = "auto", threads: int | None = None) -> Predictor:
    """The model of a finished run, ready to predict: `Predictor.load`."""
    return Predictor.load(folder, device=device, threads=threads)


def _threshold_of(loaded: LoadedModel) -> tuple[int, float] | None:
    """(positive label's id, threshold) that config.json carries, where it makes sense for this model."""
    carried = getattr(loaded.model.config, "decision_threshold", None)
    names = loaded.label_set.names
    if not isinstance(carried, dict) or len(names) != 2 or carried.get("label") not in names:
        return None
    value = carried.get("value")
    return (
        (names.index(carried["label"]), float(value)) if isinstance(value, float) and 0 < value < 1 else None
    )


def find_lone_surrogate(text: str) -> int | None:
    """The index of a lone surrogate, which is half of a character and has no UTF-8 form."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return error.start
    return None


def _check_texts(texts: Sequence[object], *, name: str) -> None:
    """Everything must be text: a None or NaN would otherwise be read as a word."""
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"{name}[{index}] is {text!r:.40} ({type(text).__name__}), not a string. Leave such rows out."
            )
        if (position := find_lone_surrogate(text)) is not None:
            raise DataError(
                f"{name}[{index}] holds a lone surrogate ({text[position]!a}) at position {position}, "
                "which is not a character. Decode the text anew, or remove it."
            )
