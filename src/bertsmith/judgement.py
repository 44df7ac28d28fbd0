"""This file knows how to judge a trained model: restore the chosen weights, score validation, then test once, compare.

`Prepared` + `History` → `Judgement`. The test rows are encoded and read here, after every choice is made, and only if
there is a model to choose.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsmith.console import Console
from bertsmith.data.duplicates import duplicate_groups, fingerprint
from bertsmith.data.example import Dataset
from bertsmith.diagnosis.baselines import fit_bag_of_words, majority_probabilities
from bertsmith.diagnosis.evidence import Evidence, ScoredRows
from bertsmith.diagnosis.mistakes import confident_mistakes, confused_labels
from bertsmith.diagnosis.slices import slices
from bertsmith.diagnosis.verdict import Verdict, judge
from bertsmith.evaluation.calibration import (
    FEWEST_ROWS,
    Calibration,
    Reliability,
    Threshold,
    choose_threshold,
    fit_temperature,
    reliability,
)
from bertsmith.evaluation.metrics import information
from bertsmith.evaluation.scoring import Evaluation, evaluate
from bertsmith.model.decoding import decide, predicted_ids, probabilities
from bertsmith.preparation import Prepared, ReadData, encode_labelled, label_ids_of
from bertsmith.rescued_training import Trained
from bertsmith.run import Baselines, Mistakes
from bertsmith.run_folder import RunFolder, runs_that_read
from bertsmith.tokens.batching import EncodedDataset

BASELINE_SHARE_OF_TRAINING = 0.1
"""The bag of words may take this share of the training time; beyond that it is fitted on a sample, which is said."""
SMALLEST_LOG_PROBABILITY = -745.0
"""The logarithm of the smallest positive float64: a baseline may call something impossible, but its loss stays finite."""


@dataclass(frozen=True)
class Scored:
    """Rows with what the chosen model says of them."""

    dataset: Dataset
    encoded: EncodedDataset
    logits: NDArray[np.float32]
    """(rows, labels) of the model as it is saved: calibrated."""
    predicted_ids: NDArray[np.int64]
    """(rows,)"""
    evaluation: Evaluation
    seconds: float


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


def judge_run(
    trained: Trained, *, folder: RunFolder, best_epoch_index: int | None, console: Console
) -> Judgement:
    """Score the model that is loaded now (the chosen one), compare it with the baselines, and judge.

    Without a chosen epoch the test rows are not read.
    """
    prepared, history = trained.prepared, trained.history
    if best_epoch_index is None:
        return Judgement(judge(_evidence(trained, best_epoch_index=None)))
    validation_logits = prepared.logits(prepared.encoded.validation, as_served=True)
    temperature, reason = _temperature(prepared, validation_logits)
    threshold = _threshold(prepared, validation_logits / temperature)
    validation = _score(
        prepared,
        prepared.data.splits.validation,
        prepared.encoded.validation,
        temperature=temperature,
        threshold=threshold,
    )
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
        judge(evidence),
        best_epoch_index=best_epoch_index,
        validation=validation,
        test=test,
        baselines=baselines.summary,
        calibration=_calibration(validation, test, temperature=temperature, reason=reason),
        threshold=threshold,
        mistakes=_mistakes(prepared, test),
    )


def _mistakes(prepared: Prepared, test: Scored) -> Mistakes:
    """Where the model fails on the test rows."""
    names = prepared.data.label_set.names
    right = test.predicted_ids == label_ids_of(test.encoded)
    return Mistakes(
        confident=confident_mistakes(
            test.dataset, probabilities(test.logits), test.predicted_ids, label_names=names
        ),
        confused=confused_labels(test.evaluation.confusion, label_names=names),
        slices=slices(
            right,
            lengths=test.encoded.texts.lengths,
            is_cut=test.encoded.texts.is_cut,
            labels=test.dataset.labels,
            groups=duplicate_groups(test.dataset),
        ),
    )


def _temperature(prepared: Prepared, logits: NDArray[np.float32]) -> tuple[float, str | None]:
    """The temperature of the saved model, fitted on the validation rows; 1 with the reason where it is not."""
    if prepared.config.training.no_calibrate:
        return 1.0, "--no-calibrate"
    if len(logits) < FEWEST_ROWS:
        return 1.0, f"{len(logits)} validation rows are too few, {FEWEST_ROWS} are needed"
    return fit_temperature(logits.astype(np.float64), label_ids_of(prepared.encoded.validation)), None


def _threshold(prepared: Prepared, logits: NDArray[np.float32]) -> Threshold | None:
    """The decision threshold that was asked for, chosen on the validation rows."""
    rule, positive = prepared.config.training.threshold, prepared.data.positive_id
    if rule is None or positive is None:
        return None
    truly = label_ids_of(prepared.encoded.validation) == positive
    value = choose_threshold(probabilities(logits)[:, positive], truly, rule=rule)
    return Threshold(prepared.data.label_set.names[positive], value, chosen_by=rule)


def _calibration(validation: Scored, test: Scored, *, temperature: float, reason: str | None) -> Calibration:
    """What the temperature did on the validation rows, which chose it, and on the test rows."""

    def both(scored: Scored) -> tuple[Reliability, Reliability]:
        after, label_ids = scored.logits.astype(np.float64), label_ids_of(scored.encoded)
        return reliability(after * temperature, label_ids), reliability(after, label_ids)

    (validation_before, validation_after), (test_before, test_after) = both(validation), both(test)
    return Calibration(
        temperature,
        reason,
        validation_before=validation_before,
        validation_after=validation_after,
        test_before=test_before,
        test_after=test_after,
    )


@dataclass(frozen=True)
class ScoredBaselines:
    """The baselines' evaluations with their predictions on the test rows."""

    summary: Baselines
    majority: ScoredRows
    bag_of_words: ScoredRows


def fit_baselines(prepared: Prepared, test: Scored, *, seconds_allowed: float) -> ScoredBaselines:
    """Majority label and bag of words, fitted on the training rows and scored on the test rows."""
    label_set, train = prepared.data.label_set, prepared.data.splits.train
    shares = majority_probabilities(
        label_ids_of(prepared.encoded.train), len(test.dataset), num_labels=len(label_set)
    )
    bag = fit_bag_of_words(train, label_set, seconds_allowed=seconds_allowed)
    words = bag.predict_probabilities(test.dataset.texts, test.dataset.text_pairs)
    majority = _compare(prepared, test, probabilities=shares)
    bag_of_words = _compare(prepared, test, probabilities=words)
    summary = Baselines(
        majority=majority.evaluation,
        bag_of_words=bag_of_words.evaluation,
        bag_of_words_rows=bag.rows,
        bag_of_words_sampled=bag.rows < len(train),
    )
    return ScoredBaselines(summary=summary, majority=majority, bag_of_words=bag_of_words)


def _compare(prepared: Prepared, test: Scored, *, probabilities: NDArray[np.float64]) -> ScoredRows:
    """A baseline's probabilities as evaluated rows."""
    with np.errstate(divide="ignore"):
        log_probabilities = np.maximum(np.log(probabilities), SMALLEST_LOG_PROBABILITY)
    evaluation = evaluate(
        log_probabilities,
        label_ids_of(test.encoded),
        label_set=prepared.data.label_set,
        positive_id=prepared.data.positive_id,
    )
    return ScoredRows(
        evaluation, label_ids=label_ids_of(test.encoded), predicted_ids=probabilities.argmax(axis=1)
    )


def _score(
    prepared: Prepared,
    dataset: Dataset,
    encoded: EncodedDataset,
    *,
    temperature: float,
    threshold: Threshold | None,
) -> Scored:
    """The model as it will be saved on these rows, with every interval."""
    start = time.perf_counter()
    as_trained = prepared.logits(encoded, as_served=True)
    seconds = time.perf_counter() - start
    logits = as_trained / np.float32(temperature)
    if not np.array_equal(predicted_ids(logits), predicted_ids(as_trained)):
        raise AssertionError("a temperature changed a label")
    predicted = decide_labels(logits, prepared.data, threshold)
    evaluation = evaluate(
        logits.astype(np.float64),
        label_ids_of(encoded),
        label_set=prepared.data.label_set,
        positive_id=prepared.data.positive_id,
        groups=duplicate_groups(dataset),
        predicted_ids=predicted,
    )
    return Scored(
        dataset=dataset,
        encoded=encoded,
        logits=logits,
        predicted_ids=predicted,
        evaluation=evaluation,
        seconds=seconds,
    )


def decide_labels(
    logits: NDArray[np.float32], data: ReadData, threshold: Threshold | None
) -> NDArray[np.int64]:
    """(rows,) the most probable label, or what the threshold says."""
    if threshold is None or data.positive_id is None:
        return predicted_ids(logits)
    return decide(probabilities(logits), positive_id=data.positive_id, threshold=threshold.value)


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
        validation=None if validation is None else _scored_rows(validation),
        test=None if test is None else _scored_rows(test),
        majority=None if baselines is None else baselines.majority,
        bag_of_words=None if baselines is None else baselines.bag_of_words,
    )


def _scored_rows(scored: Scored) -> ScoredRows:
    return ScoredRows(
        scored.evaluation,
        label_ids=label_ids_of(scored.encoded),
        predicted_ids=scored.predicted_ids,
        information=information(scored.logits.astype(np.float64), label_ids_of(scored.encoded)),
        groups=duplicate_groups(scored.dataset),
    )
