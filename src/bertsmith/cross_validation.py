"""This file knows how to judge on all rows: each is predicted by a model that did not see it, and one model is trained on all.

`Prepared` → `CrossValidated`. In fold k of n the rows of fold k are predicted, those of the next fold choose the epoch and the
temperature, and the others are trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from bertsmith.checking import group_keys
from bertsmith.config import Config
from bertsmith.console import Console
from bertsmith.data.duplicates import fingerprint
from bertsmith.data.example import Dataset
from bertsmith.data.folding import fold_numbers
from bertsmith.diagnosis.evidence import Evidence
from bertsmith.diagnosis.mistakes import suspected_label_errors
from bertsmith.diagnosis.verdict import USABLE, Verdict, judge
from bertsmith.errors import ConfigError
from bertsmith.folds import Fold, read_fold, run_fold, with_splits, write_fold
from bertsmith.judgement import Judged, Judgement, with_threshold
from bertsmith.model.decoding import probabilities
from bertsmith.model.restarting import reset_weights
from bertsmith.open_run import OpenRun
from bertsmith.preparation import Prepared, encode_labelled, label_ids_of
from bertsmith.rescued_training import Trained, train_until_learned
from bertsmith.run import Baselines, Mistakes
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
)
from bertsmith.training.attempts import Attempts
from bertsmith.training.history import EpochRecord, History

VALIDATED_ROWS = 500
"""Rows on which the model that is trained on all rows is watched for a collapse: it has none that it did not see."""


@dataclass(frozen=True)
class CrossValidated:
    """The model that was trained on all rows, and the judgement that rests on all rows."""

    judged: Judged
    rows: Dataset
    """All rows, in file order."""
    numbers: NDArray[np.int64]
    """(rows,) the fold of each, from 0."""


def cross_validate(prepared: Prepared, *, opened: OpenRun, console: Console) -> CrossValidated:
    """Predict every row by a model that did not see it, then train on all; the model is left with those weights.

    Raises:
        ConfigError: together with given validation or test files, or several seeds.
        EmptySplit: a label has fewer texts than there are folds.
    """
    num_folds = folds_of(prepared.config)
    rows = all_rows(prepared)
    settings = prepared.config.data
    numbers = fold_numbers(
        rows, num_folds=num_folds, split_seed=settings.split_seed, group_keys=group_keys(rows, settings)
    )
    folds = []
    for number in range(num_folds):
        console.say(f"Fold {number + 1} of {num_folds}.", style="bold")
        kept = opened.folder.checkpoints / f"fold-{number + 1}" / "judged"
        fold = read_fold(kept, console=console)
        if fold is None:
            fold = run_fold(prepared, rows, numbers, number, opened=opened, console=console)
            write_fold(fold, kept)
        opened.drop(f"fold-{number + 1}")
        folds.append(fold)
    shipped, weights = train_on_all(prepared, rows, folds, opened=opened, console=console)
    judgement = judge_folds(shipped, rows, numbers, folds, folder=opened.folder)
    return CrossValidated(Judged(shipped, weights, judgement), rows, numbers)


def folds_of(settings: Config) -> int:
    """How many folds were asked for, where that can be done.

    Raises:
        ConfigError: together with given validation or test files, or several seeds.
    """
    assert settings.training.folds is not None
    if settings.data.validation or settings.data.test:
        raise ConfigError(
            ["--folds makes its own validation and test rows: leave --validation and --test out."]
        )
    if settings.training.seeds > 1:
        raise ConfigError(["--folds and --seeds cannot go together: leave one of them out."])
    return settings.training.folds


def all_rows(prepared: Prepared) -> Dataset:
    """Every usable row, in file order."""
    return Dataset(prepared.data.sources["train"].examples)


def train_on_all(
    prepared: Prepared, rows: Dataset, folds: list[Fold], *, opened: OpenRun, console: Console
) -> tuple[Trained, Attempts]:
    """The model that is kept: all rows, as many epochs as the folds chose in the median, the last one's weights."""
    console.say("Training on all rows.", style="bold")
    console.say("The validation rows are among them: from here on their scores say nothing.")
    chosen = [fold.best + 1 for fold in folds if fold.best is not None]
    epochs = round(median(chosen)) if chosen else prepared.config.training.epochs
    recipe = prepared.config.training.model_copy(update={"epochs": epochs, "patience": None})
    config = prepared.config.model_copy(update={"training": recipe})
    watched = rows.select(list(range(min(len(rows), VALIDATED_ROWS))))
    everything = with_splits(replace(prepared, config=config), train=rows, validation=watched, test=rows)
    reset_weights(everything.loaded, seed=recipe.seed)
    attempts = opened.attempts()
    trained = train_until_learned(everything, attempts=attempts, log_path=opened.folder.log, console=console)
    if not trained.failed and attempts.last is not None:
        attempts.restore(everything.loaded.model, attempts.last)
    restarts = tuple(restart for fold in folds for restart in fold.restarts) + trained.restarts
    mean = mean_history(folds)
    history = replace(
        mean,
        divergence=trained.history.divergence or mean.divergence,
        given_up=trained.history.given_up or mean.given_up,
    )
    whole = with_splits(trained.prepared, train=rows, validation=rows, test=rows)
    return Trained(whole, history, restarts, trained.conclusion), attempts


def mean_history(folds: list[Fold]) -> History:
    """The table of the folds: means over those that gave a model (over all where none did), as far as each of them went."""
    gave_model = [fold for fold in folds if fold.best is not None]
    counted = gave_model or folds
    num_epochs = min(len(fold.history.epochs) for fold in counted)
    epochs = tuple(
        mean_epoch([fold.history.epochs[index] for fold in counted]) for index in range(num_epochs)
    )
    histories = [fold.history for fold in folds]
    return History(
        epochs=epochs,
        divergence=None if gave_model else next(filter(None, (h.divergence for h in histories)), None),
        given_up=None if gave_model else next(filter(None, (h.given_up for h in histories)), None),
        num_steps=round(fmean(history.num_steps for history in histories)),
        num_rows=sum(history.num_rows for history in histories),
        num_tokens=sum(history.num_tokens for history in histories),
        training_seconds=sum(history.training_seconds for history in histories),
        validation_seconds=sum(history.validation_seconds for history in histories),
    )


def mean_epoch(records: list[EpochRecord]) -> EpochRecord:
    """The mean of the same epoch in every fold; collapsed where most of them are."""
    names = ("train_loss", "validation_loss", "f1", "accuracy", "precision", "recall", "macro_f1")
    means = {name: fmean(getattr(record, name) for record in records) for name in names}
    labels = records[0].predicted_share
    return replace(
        records[0],
        **means,
        step=round(fmean(record.step for record in records)),
        predicted_share={
            label: fmean(record.predicted_share[label] for record in records) for label in labels
        },
        collapsed=2 * sum(record.collapsed for record in records) > len(records),
        information=None,
    )


def judge_folds(
    shipped: Trained, rows: Dataset, numbers: NDArray[np.int64], folds: list[Fold], *, folder: RunFolder
) -> Judgement:
    """The verdict on all rows, each predicted by the fold that did not see it."""
    prepared = shipped.prepared
    failed = sum(fold.best is None for fold in folds)
    evidence = Evidence(
        history=shipped.history,
        best_epoch=None,
        label_set=prepared.data.label_set,
        train_label_counts=rows.label_counts,
        validation=None,
        test=None,
        restarts=shipped.restarts,
        conclusion=shipped.conclusion,
    )
    if failed == len(folds) or shipped.failed or not shipped.history.epochs:
        return Judgement(_with_failures(judge(evidence), failed, len(folds)))
    encoded = encode_labelled(rows, encoder=prepared.encoded.encoder, label_set=prepared.data.label_set)
    logits = {
        "validation": _gathered(numbers, [fold.validation for fold in folds], shift=1),
        "test": _gathered(numbers, [fold.test for fold in folds], shift=0),
    }
    temperature, reason = temperature_of(
        prepared.config.training, rows, logits["validation"], label_ids_of(encoded)
    )
    threshold = threshold_of(prepared, logits["validation"] / np.float32(temperature), label_ids_of(encoded))
    scored = {
        name: score_logits(prepared, rows, encoded, values, temperature=temperature, threshold=threshold)
        for name, values in logits.items()
    }
    validation, test = scored["validation"], scored["test"]
    baselines = _baselines(prepared, numbers, folds, test)
    best = median([fold.best for fold in folds if fold.best is not None])
    evidence = replace(
        evidence,
        best_epoch=min(round(best) + 1, len(shipped.history.epochs)),
        validation=scored_rows(prepared, validation),
        test=scored_rows(prepared, test),
        majority=baselines.majority,
        bag_of_words=baselines.bag_of_words,
        earlier_test_reads=runs_that_read(fingerprint(rows), beside=folder),
    )
    verdict = with_threshold(_with_failures(judge(evidence), failed, len(folds)), test, threshold)
    return Judgement(
        verdict,
        best_epoch_index=evidence.best_epoch - 1 if evidence.best_epoch else None,
        validation=validation,
        test=test,
        baselines=baselines.summary,
        calibration=calibration_of(validation, test, temperature=temperature, reason=reason),
        threshold=threshold,
        # Models that know nothing of the labels cannot tell which of them are wrong.
        mistakes=_with_suspects(prepared, test) if verdict.outcome in USABLE else mistakes_of(prepared, test),
    )


def _with_suspects(prepared: Prepared, test: Scored) -> Mistakes:
    """The mistakes, with the rows that look mislabelled."""
    suspected = suspected_label_errors(
        test.dataset,
        probabilities(test.logits),
        label_ids_of(test.encoded),
        label_names=prepared.data.label_set.names,
    )
    return replace(mistakes_of(prepared, test), suspected=suspected)


def _gathered(
    numbers: NDArray[np.int64], parts: list[NDArray[np.float32]], *, shift: int
) -> NDArray[np.float32]:
    """(rows, labels) from each fold's part; with `shift` 1 a fold's part is of the next fold's rows."""
    gathered = np.empty((len(numbers), parts[0].shape[1]), np.float32)
    for number, part in enumerate(parts):
        gathered[numbers == (number + shift) % len(parts)] = part
    return gathered


def _baselines(
    prepared: Prepared, numbers: NDArray[np.int64], folds: list[Fold], test: Scored
) -> ScoredBaselines:
    """Majority and bag of words, each row predicted by those that did not see it either."""
    words, majority = (np.empty((len(numbers), test.logits.shape[1])) for _ in range(2))
    for number, fold in enumerate(folds):
        words[numbers == number], majority[numbers == number] = fold.bag_of_words, fold.majority
    compared = {
        name: compared_with(prepared, test, probabilities=values)
        for name, values in (("majority", majority), ("words", words))
    }
    fitted = min(fold.bag_of_words_rows for fold in folds)
    summary = Baselines(
        majority=compared["majority"].evaluation,
        bag_of_words=compared["words"].evaluation,
        bag_of_words_rows=fitted,
        bag_of_words_sampled=False,
    )
    return ScoredBaselines(summary, majority=compared["majority"], bag_of_words=compared["words"])


def _with_failures(verdict: Verdict, failed: int, num_folds: int) -> Verdict:
    """The verdict, saying what it rests on and how many folds failed."""
    told = f"Every row was predicted by one of {num_folds} models that did not see it; the kept model was trained on all rows."
    if failed:
        told += (
            f" {failed} of the {num_folds} folds failed; their rows count as predicted by the label shares."
        )
    return replace(verdict, reasons=(told, *verdict.reasons))
