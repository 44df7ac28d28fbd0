"""The story of a run on one page: prepare (read, split, load, encode) → train → choose → judge on test, once → write."""

from __future__ import annotations

import time
from typing import Any

from bertsmith.config import Config
from bertsmith.console import Console
from bertsmith.errors import ConfigError, list_names
from bertsmith.judgement import Judgement, judge_run
from bertsmith.model.decoding import probabilities
from bertsmith.model.saving import save_model
from bertsmith.preparation import Prepared, file_name, prepare
from bertsmith.report.showing import show_answer
from bertsmith.report.writing import write_predictions, write_run, write_splits
from bertsmith.rescued_training import Trained
from bertsmith.run import Run, SeedResult, Speed, folder_of
from bertsmith.run_folder import RunFolder
from bertsmith.runtime import environment
from bertsmith.several_seeds import best_candidate, compare_seeds, train_seeds
from bertsmith.training.checkpoint import EpochWeights


def finetune(
    data: object, *, config: Config | None = None, console: Console | None = None, **settings: Any
) -> Run:
    """Fine-tune a model on labelled rows, judge it, and write the run folder.

    Args:
        data: a CSV, TSV, JSON-lines or Parquet file, a pandas, polars or Arrow table, or `(texts, labels)`.
        config: all settings; by default the published recipe with `settings` put in.
        console: where to tell what happens; by default nowhere.
        settings: single settings by name, such as `model="minilm", output="runs/reviews"`, instead of a config.

    Returns:
        The finished run. `run.verdict` says whether it worked; a failed run has no `test` and no model at its root.

    Raises:
        BertsmithError: whatever the user can mend, before anything is written.
    """
    started = time.perf_counter()
    if config is not None and settings:
        raise ConfigError(
            [f"finetune was given a config and also {list_names(settings)}. Give one or the other."]
        )
    config = config or Config.from_flat(settings)
    console = console or Console.nowhere()
    folder = folder_of(config.output.output, data_name=file_name(data) or "data")
    folder.must_be_free(overwrite=config.output.overwrite)

    prepared = prepare(data, config=config, console=console)
    folder.create(prepared.config.to_toml())
    write_splits(folder, prepared.data.splits)

    candidates = train_seeds(prepared, folder=folder, console=console)
    chosen = best_candidate(candidates)
    trained, best = chosen.trained, chosen.best
    if best is not None:
        chosen.weights.restore(trained.prepared.loaded.model, best)
    judgement = judge_run(trained, folder=folder, best_epoch_index=best, console=console)
    seeds, judgement = compare_seeds(candidates, chosen, judgement)

    write_model(trained.prepared, folder, judgement=judgement, weights=chosen.weights)
    run = finished_run(trained, folder=folder, judgement=judgement, seeds=seeds, started=started)
    write_run(run)
    show_answer(run, console)
    return run


def write_model(
    prepared: Prepared, folder: RunFolder, *, judgement: Judgement, weights: EpochWeights
) -> None:
    """Put the chosen model at the folder's root; for a failed run only if that was asked for."""
    if judgement.test is None:
        if not prepared.config.output.keep_failed_model or weights.last is None:
            return
        weights.restore(prepared.loaded.model, weights.last)
    calibration, threshold = judgement.calibration, judgement.threshold
    save_model(
        prepared.loaded,
        folder.path,
        max_length=prepared.loaded.max_length,
        temperature=calibration.temperature if calibration else 1.0,
        threshold=threshold.to_json() if threshold else None,
    )
    if judgement.test is not None:
        label_names = prepared.data.label_set.names
        write_predictions(
            folder,
            judgement.test.dataset,
            probabilities=probabilities(judgement.test.logits),
            predicted_ids=judgement.test.predicted_ids,
            label_names=label_names,
        )


def finished_run(
    trained: Trained,
    *,
    folder: RunFolder,
    judgement: Judgement,
    seeds: tuple[SeedResult, ...],
    started: float,
) -> Run:
    """Everything that is now known, as plain data. `started` is the `perf_counter` of the run's first moment."""
    prepared, history = trained.prepared, trained.history
    validation, test = judgement.validation, judgement.test
    scored_seconds = history.validation_seconds + (
        validation.seconds + test.seconds if validation and test else 0.0
    )
    scored_rows = len(prepared.encoded.validation) * (len(history.epochs) + bool(validation)) + (
        len(test.dataset) if test else 0
    )
    training_seconds = max(history.training_seconds, 1e-9)
    return Run(
        folder=folder,
        config=prepared.config,
        verdict=judgement.verdict,
        task=prepared.task,
        label_set=prepared.data.label_set,
        positive_label=prepared.data.positive_label,
        history=history,
        restarts=trained.restarts,
        seeds=seeds,
        best_epoch_index=judgement.best_epoch_index,
        validation=validation.evaluation if validation else None,
        test=test.evaluation if test else None,
        baselines=judgement.baselines,
        calibration=judgement.calibration,
        threshold=judgement.threshold,
        mistakes=judgement.mistakes,
        data=prepared.summarise_data(test.encoded if test else None),
        model=prepared.summarise_model(),
        speed=Speed(
            seconds=time.perf_counter() - started,
            training_seconds=history.training_seconds,
            rows_per_second=history.num_rows / training_seconds,
            tokens_per_second=history.num_tokens / training_seconds,
            tokenization_seconds=prepared.encoded.seconds,
            evaluation_rows_per_second=scored_rows / max(scored_seconds, 1e-9),
        ),
        findings=prepared.findings,
        environment=environment(prepared.runtime),
        test_reads=1 if test else 0,
    )
