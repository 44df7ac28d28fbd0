"""Rows with what the saved model says of them, and all that follows from that alone: scores, calibration, mistakes, rivals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bertsmith.config import TrainingConfig
from bertsmith.data.duplicates import duplicate_groups
from bertsmith.data.example import Dataset
from bertsmith.diagnosis.evidence import ScoredRows
from bertsmith.diagnosis.mistakes import confident_mistakes, confused_labels
from bertsmith.diagnosis.slices import slices
from bertsmith.diagnosis.verdict import BARELY, VALIDATION_LEVEL
from bertsmith.evaluation.calibration import (
    FEWEST_ROWS,
    Calibration,
    Reliability,
    Threshold,
    ThresholdPoint,
    choose_threshold,
    fit_temperature,
    reliability,
    threshold_curve,
)
from bertsmith.evaluation.metrics import (
    balanced_accuracy,
    confusion_matrix,
    gain_over_chance,
    information,
)
from bertsmith.evaluation.scoring import Evaluation, evaluate
from bertsmith.evaluation.significance import learning_p_value
from bertsmith.model.decoding import decide, predicted_ids, probabilities
from bertsmith.preparation import Prepared, ReadData, label_ids_of
from bertsmith.printing import quoted
from bertsmith.run import Baselines, Mistakes
from bertsmith.tokens.batching import EncodedDataset

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
    seconds: float = 0.0
    """That the forward passes took."""


@dataclass(frozen=True)
class ScoredBaselines:
    """The baselines' evaluations with their predictions on the test rows."""

    summary: Baselines
    majority: ScoredRows
    bag_of_words: ScoredRows


def score_logits(
    prepared: Prepared,
    dataset: Dataset,
    encoded: EncodedDataset,
    as_trained: NDArray[np.float32],
    *,
    temperature: float,
    threshold: Threshold | None,
) -> Scored:
    """What the saved model says of these rows, with every interval, from the logits before the temperature."""
    logits = as_trained / np.float32(temperature)
    if not np.array_equal(predicted_ids(logits), predicted_ids(as_trained)):
        raise AssertionError("a temperature changed a label")
    predicted = decide_labels(logits, prepared.data, threshold)
    evaluation = _evaluate(prepared, dataset, encoded, logits.astype(np.float64), predicted=predicted)
    return Scored(
        dataset=dataset, encoded=encoded, logits=logits, predicted_ids=predicted, evaluation=evaluation
    )


def _evaluate(
    prepared: Prepared,
    dataset: Dataset,
    encoded: EncodedDataset,
    logits: NDArray[np.float64],
    *,
    predicted: NDArray[np.int64] | None = None,
) -> Evaluation:
    """Every score of these rows, copies counted once; of the most probable labels unless others are given."""
    return evaluate(
        logits,
        label_ids_of(encoded),
        label_set=prepared.data.label_set,
        positive_id=prepared.data.positive_id,
        groups=duplicate_groups(dataset),
        predicted_ids=predicted,
    )


def without_leaked(prepared: Prepared, test: Scored) -> Evaluation | None:
    """The same scores on the test rows that do not stand, exactly or nearly, in train; None where all or none do."""
    kept = np.setdiff1d(np.arange(len(test.dataset)), prepared.data.leaked_test)
    if len(kept) in (0, len(test.dataset)):
        return None
    groups = duplicate_groups(test.dataset)
    return evaluate(
        test.logits[kept].astype(np.float64),
        label_ids_of(test.encoded)[kept],
        label_set=prepared.data.label_set,
        positive_id=prepared.data.positive_id,
        groups=None if groups is None else groups[kept],
        predicted_ids=test.predicted_ids[kept],
    )


def temperature_of(
    recipe: TrainingConfig, dataset: Dataset, logits: NDArray[np.float32], label_ids: NDArray[np.int64]
) -> tuple[float, str | None]:
    """The temperature of the saved model, fitted on validation rows; 1 with the reason where it is not.

    Whether the run failed is judged on these rows alone: the test rows must not decide what is saved.

    Args:
        recipe: whether a temperature is wanted.
        dataset: the validation rows.
        logits: what the model says of them, shape (rows, labels).
        label_ids: the true label of each, shape (rows,).
    """
    if recipe.no_calibrate:
        return 1.0, "--no-calibrate"
    if len(logits) < FEWEST_ROWS:
        return 1.0, f"{len(logits)} validation rows are too few, {FEWEST_ROWS} are needed"
    said, num_labels, groups = predicted_ids(logits), logits.shape[1], duplicate_groups(dataset)
    if learning_p_value(label_ids, said, num_labels=num_labels, groups=groups) >= VALIDATION_LEVEL:
        return 1.0, "the validation rows do not show that the model learned"
    score = float(balanced_accuracy(confusion_matrix(label_ids, said, num_labels=num_labels)))
    if gain_over_chance(score, num_labels=len(np.unique(label_ids))) < BARELY:
        return 1.0, "on the validation rows the model barely learned"
    return fit_temperature(logits.astype(np.float64), label_ids), None


def threshold_of(
    prepared: Prepared, logits: NDArray[np.float32], label_ids: NDArray[np.int64]
) -> Threshold | None:
    """The decision threshold that was asked for, chosen on validation rows."""
    rule, positive = prepared.config.training.threshold, prepared.data.positive_id
    if rule is None or positive is None:
        return None
    value = choose_threshold(probabilities(logits)[:, positive], label_ids == positive, rule=rule)
    return Threshold(prepared.data.label_set.names[positive], value, chosen_by=rule)


def decide_labels(
    logits: NDArray[np.float32], data: ReadData, threshold: Threshold | None
) -> NDArray[np.int64]:
    """(rows,) the most probable label, or what the threshold says."""
    if threshold is None or data.positive_id is None:
        return predicted_ids(logits)
    return decide(probabilities(logits), positive_id=data.positive_id, threshold=threshold.value)


def calibration_of(
    validation: Scored, test: Scored, *, temperature: float, reason: str | None
) -> Calibration:
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
        threshold_curve=curve_of(validation),
    )


def curve_of(validation: Scored) -> tuple[ThresholdPoint, ...]:
    """What each decision threshold would give on the validation rows; empty without a positive label."""
    evaluation = validation.evaluation
    if evaluation.positive_label is None:
        return ()
    positive_id = [score.label for score in evaluation.per_label].index(evaluation.positive_label)
    positive = probabilities(validation.logits)[:, positive_id]
    return threshold_curve(positive, label_ids_of(validation.encoded) == positive_id)


def compared_with(prepared: Prepared, test: Scored, *, probabilities: NDArray[np.float64]) -> ScoredRows:
    """A baseline's probabilities as evaluated rows."""
    with np.errstate(divide="ignore"):
        log_probabilities = np.maximum(np.log(probabilities), SMALLEST_LOG_PROBABILITY)
    evaluation = _evaluate(prepared, test.dataset, test.encoded, log_probabilities)
    return ScoredRows(
        evaluation, label_ids=label_ids_of(test.encoded), predicted_ids=probabilities.argmax(axis=1)
    )


def mistakes_of(prepared: Prepared, test: Scored) -> Mistakes:
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


def scored_rows(prepared: Prepared, scored: Scored) -> ScoredRows:
    """What the verdict looks at of them: the most probable labels, whatever a decision threshold makes of them."""
    said, logits = predicted_ids(scored.logits), scored.logits.astype(np.float64)
    evaluation = scored.evaluation
    if not np.array_equal(said, scored.predicted_ids):
        evaluation = _evaluate(prepared, scored.dataset, scored.encoded, logits)
    return ScoredRows(
        evaluation,
        label_ids=label_ids_of(scored.encoded),
        predicted_ids=said,
        information=information(logits, label_ids_of(scored.encoded)),
        groups=duplicate_groups(scored.dataset),
    )


def threshold_sentence(test: Scored, threshold: Threshold) -> str:
    """What the decision threshold makes of the test rows, beside a verdict that it has no say in."""
    accuracy, recall = test.evaluation.scores["accuracy"], test.evaluation.scores["recall"]
    return (
        f"This is about the most probable label. With the decision threshold {threshold.value:.4f} ({threshold.chosen_by}), "
        f"by which the scores are counted, accuracy is {accuracy.value:.3f} ({accuracy.low:.3f}–{accuracy.high:.3f}), "
        f"and {100 * recall.value:.0f} % of the rows with {quoted(threshold.label)} are found."
    )
