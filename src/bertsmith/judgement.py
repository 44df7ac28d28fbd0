"""This file knows how to judge a trained model: restore the chosen weights, score validation, then test once, compare.

`Prepared` + `History` → `Judgement`. The test rows are encoded and read here, after every choice is made, and only if
there is a model to choose.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bertsmith.console import Console
from bertsmith.data.duplicates import fingerprint
from bertsmith.data.example import Dataset
from bertsmith.diagnosis.baselines import fit_bag_of_words, majority_probabilities
from bertsmith.diagnosis.evidence import Evidence
from bertsmith.diagnosis.verdict import Verdict, judge
from bertsmith.evaluation.calibration import Calibration, Threshold
from bertsmith.evaluation.scoring import Evaluation
from bertsmith.preparation import Prepared, encode_labelled, label_ids_of
from bertsmith.rescued_training import Trained
from bertsmith.run import Baselines, Mistakes, SeedResult
from bertsmith.run_folder import RunFolder, runs_that_read
from bertsmith.scored import (
    Scored,
    ScoredBaselines,
    calibration_of,
    compared_with,
    mistakes_of,
    score_logits,
    scored_rows,
    temperature_of,
    threshold_of,
    threshold_sentence,
    without_leaked,
)
from bertsmith.tokens.batching import EncodedDataset
from bertsmith.training.attempts import Attempts

BASELINE_SHARE_OF_TRAINING = 0.1
"""The bag of words may take this share of the training time; beyond that it is fitted on a sample, which is said."""


@dataclass(frozen=True)
class Judgement:
    """The chosen model's scores beside the baselines', and the verdict. All None but the verdict for a failed run."""

    verdict: Verdict
    best_epoch_index: int | None = None
    validation: Scored | None = None
    test: Scored | None = None
    baselines: Baselines | None = None
    calibration: Calibration | None = None
    threshold: Threshold | None = None
    mistakes: Mistakes | None = None
    test_without_leaked: Evaluation | None = None
    """The test scores without the rows that stand, exactly or nearly, in train; None where there are none."""


@dataclass(frozen=True)
class Judged:
    """A training with its judgement: what is left to do is to write it."""

    trained: Trained
    weights: Attempts
    judgement: Judgement
    seeds: tuple[SeedResult, ...] = ()
    """Every seed's scores, where there was more than one."""

    @property
    def test_reads(self) -> int:
        """How many models scored the test rows: with several seeds each that chose an epoch, after the choice among them."""
        if self.judgement.test is None:
            return 0
        return max(1, sum(seed.test_macro_f1 is not None for seed in self.seeds))


def judge_run(
    trained: Trained, *, folder: RunFolder, best_epoch_index: int | None, console: Console
) -> Judgement:
    """Score the model that is loaded now (the chosen one), compare it with the baselines, and judge.

    Without a chosen epoch the test rows are not read.
    """
    prepared, history = trained.prepared, trained.history
    if best_epoch_index is None:
        return Judgement(judge(_evidence(trained, best_epoch_index=None)))
    validation_logits, seconds = _timed_logits(prepared, prepared.encoded.validation)
    temperature, reason = temperature_of(
        prepared.config.training,
        prepared.data.splits.validation,
        validation_logits,
        label_ids_of(prepared.encoded.validation),
    )
    threshold = threshold_of(
        prepared, validation_logits / np.float32(temperature), label_ids_of(prepared.encoded.validation)
    )
    validation = score_logits(
        prepared,
        prepared.data.splits.validation,
        prepared.encoded.validation,
        validation_logits,
        temperature=temperature,
        threshold=threshold,
    )
    validation = replace(validation, seconds=seconds)
    test_rows = prepared.data.splits.test
    encoded_test = encode_labelled(
        test_rows, encoder=prepared.encoded.encoder, label_set=prepared.data.label_set
    )
    test = _score(prepared, test_rows, encoded_test, temperature=temperature, threshold=threshold)
    console.say("Comparing with a bag of words …", style="dim")
    baselines = fit_baselines(
        prepared, test, seconds_allowed=BASELINE_SHARE_OF_TRAINING * history.training_seconds
    )
    evidence = _evidence(
        trained,
        best_epoch_index=best_epoch_index,
        validation=validation,
        test=test,
        baselines=baselines,
        earlier_test_reads=runs_that_read(fingerprint(test_rows), beside=folder),
    )
    return Judgement(
        with_threshold(judge(evidence), test, threshold),
        best_epoch_index=best_epoch_index,
        validation=validation,
        test=test,
        baselines=baselines.summary,
        calibration=calibration_of(validation, test, temperature=temperature, reason=reason),
        threshold=threshold,
        mistakes=mistakes_of(prepared, test),
        test_without_leaked=without_leaked(prepared, test),
    )


def judge_alone(trained: Trained, *, best_epoch_index: int, test: Scored) -> tuple[Verdict, Evaluation]:
    """The verdict on the model that is loaded now, without its rivals, and its scores on the test rows, as trained."""
    prepared = trained.prepared
    splits = (
        (prepared.data.splits.validation, prepared.encoded.validation),
        (test.dataset, test.encoded),
    )
    validation, tested = (
        _score(prepared, rows, encoded, temperature=1.0, threshold=None) for rows, encoded in splits
    )
    evidence = _evidence(trained, best_epoch_index=best_epoch_index, validation=validation, test=tested)
    return judge(evidence), tested.evaluation


def with_threshold(verdict: Verdict, test: Scored, threshold: Threshold | None) -> Verdict:
    """The verdict, saying what a decision threshold makes of the same rows."""
    if threshold is None:
        return verdict
    return replace(verdict, reasons=(threshold_sentence(test, threshold), *verdict.reasons))


def fit_baselines(prepared: Prepared, test: Scored, *, seconds_allowed: float) -> ScoredBaselines:
    """Majority label and bag of words, fitted on the training rows and scored on the test rows."""
    label_set, train = prepared.data.label_set, prepared.data.splits.train
    shares = majority_probabilities(
        label_ids_of(prepared.encoded.train), len(test.dataset), num_labels=len(label_set)
    )
    bag = fit_bag_of_words(train, label_set, seconds_allowed=seconds_allowed)
    words = bag.predict_probabilities(test.dataset.texts, test.dataset.text_pairs)
    majority = compared_with(prepared, test, probabilities=shares)
    bag_of_words = compared_with(prepared, test, probabilities=words)
    summary = Baselines(
        majority=majority.evaluation,
        bag_of_words=bag_of_words.evaluation,
        bag_of_words_rows=bag.rows,
        bag_of_words_sampled=bag.rows < len(train),
    )
    return ScoredBaselines(summary=summary, majority=majority, bag_of_words=bag_of_words)


def _score(
    prepared: Prepared,
    dataset: Dataset,
    encoded: EncodedDataset,
    *,
    temperature: float,
    threshold: Threshold | None,
) -> Scored:
    """The model as it will be saved on these rows."""
    logits, seconds = _timed_logits(prepared, encoded)
    scored = score_logits(prepared, dataset, encoded, logits, temperature=temperature, threshold=threshold)
    return replace(scored, seconds=seconds)


def _timed_logits(prepared: Prepared, encoded: EncodedDataset) -> tuple[NDArray[np.float32], float]:
    """(rows, labels) of the model that is loaded now, as trained, and the seconds that the forward passes took."""
    start = time.perf_counter()
    logits = prepared.logits(encoded, as_served=True)
    return logits, time.perf_counter() - start


def _evidence(
    trained: Trained,
    *,
    best_epoch_index: int | None,
    validation: Scored | None = None,
    test: Scored | None = None,
    baselines: ScoredBaselines | None = None,
    earlier_test_reads: int = 0,
) -> Evidence:
    """All that the verdict looks at."""
    prepared = trained.prepared
    return Evidence(
        history=trained.history,
        restarts=trained.restarts,
        earlier_test_reads=earlier_test_reads,
        conclusion=trained.conclusion,
        has_balanced_weights=prepared.class_weights is not None,
        has_fresh_head=prepared.loaded.head == "new",
        best_epoch=None if best_epoch_index is None else best_epoch_index + 1,
        label_set=prepared.data.label_set,
        train_label_counts=prepared.data.splits.train.label_counts,
        validation=None if validation is None else scored_rows(prepared, validation),
        test=None if test is None else scored_rows(prepared, test),
        majority=None if baselines is None else baselines.majority,
        bag_of_words=None if baselines is None else baselines.bag_of_words,
    )
