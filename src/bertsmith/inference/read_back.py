"""This file knows how to find out whether the model on the disk is the model that was trained: it is loaded as anybody would, and asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bertsmith.errors import BertsmithError, ReadBackFailed, list_names
from bertsmith.inference.predictor import Predictor
from bertsmith.model.prediction import predict_logits
from bertsmith.preparation import Prepared
from bertsmith.tokens.batching import EncodedDataset

MAX_ROWS = 200
TOLERANCE = 1e-6
"""Largest difference of a logit. Both sides compute the same batches in float32, so that it is 0 where all is well."""


@dataclass(frozen=True)
class ReadBack:
    """What the comparison found."""

    rows: int
    largest_difference: float
    """Of any logit of these rows."""
    seconds: float
    """That loading and both computations took."""

    def sentence(self) -> str:
        """The line for people."""
        return (
            f"Read back from the disk: the saved model gives the same logits on {self.rows} rows "
            f"(largest difference {self.largest_difference:.1e}, {self.seconds:.1f} s)."
        )


def read_back(prepared: Prepared, folder: Path) -> ReadBack:
    """Load the saved folder and compare it with the model in memory: every weight, and the logits of up to 200 validation rows.

    The logits go through tokenizer and configuration too. Without validation rows the first training rows are taken.

    Raises:
        ReadBackFailed: it does not load, names other labels, or has other weights or logits.
    """
    started = time.perf_counter()
    dataset = prepared.data.splits.validation or prepared.data.splits.train
    texts = list(dataset.texts[:MAX_ROWS])
    pairs = None if dataset.text_pairs is None else list(dataset.text_pairs[:MAX_ROWS])
    try:
        saved = Predictor.load(folder, device=prepared.runtime.device.type)
    except (BertsmithError, OSError) as error:
        raise ReadBackFailed(folder, f"it does not load ({error})") from error
    if saved.label_names != prepared.data.label_set.names:
        raise ReadBackFailed(
            folder, f"its labels are {saved.label_names}, not {prepared.data.label_set.names}"
        )
    _compare_weights(folder, prepared.loaded.model.state_dict(), saved.weights())
    given = saved.logits(texts, pairs, batch_size=prepared.config.training.eval_batch_size)
    expected = predict_logits(
        prepared.loaded.model,
        EncodedDataset(prepared.encoded.encoder.encode(texts, pairs)),
        layout=saved.layout,  # trap: trained weights may choose another layout than those that training began with
        batch_size=prepared.config.training.eval_batch_size,
        runtime=replace(prepared.runtime, autocast_dtype=None),
    )
    if given.shape != expected.shape:
        raise ReadBackFailed(folder, f"its logits have the shape {given.shape}, not {expected.shape}")
    differences = np.abs(given.astype(np.float64) - expected).max(axis=1, initial=0.0)
    largest = float(differences.max(initial=0.0))
    if not largest <= TOLERANCE:
        wrong = int((~(differences <= TOLERANCE)).sum())
        raise ReadBackFailed(
            folder,
            f"it gives other logits on {wrong} of {len(texts)} rows (largest difference {largest:.3g})",
        )
    return ReadBack(len(texts), largest, time.perf_counter() - started)


def _compare_weights(folder: Path, trained: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
    """Every bit: a flipped one in a word that no row of these has would go unseen in the logits."""
    wrong = [
        name
        for name in {**trained, **saved}
        if name not in trained or name not in saved or not torch.equal(trained[name], saved[name])
    ]
    if wrong:
        raise ReadBackFailed(folder, f"it has other weights in {list_names(wrong)}")
