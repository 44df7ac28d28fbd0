"""The story of a run on one page: prepare (read, split, load, encode) → train → choose → judge on test, once → write."""

from __future__ import annotations

import time
from typing import Any

from bertsmith.config import Config
from bertsmith.console import Console
from bertsmith.cross_validation import cross_validate, folds_of
from bertsmith.errors import ConfigError, list_names
from bertsmith.inference.read_back import read_back
from bertsmith.judgement import Judged, Judgement
from bertsmith.model.decoding import probabilities
from bertsmith.model.saving import bytes_of_weights, save_model
from bertsmith.open_run import open_run, rows_to_resume, settings_to_resume
from bertsmith.preparation import prepare
from bertsmith.report.showing import show_answer
from bertsmith.report.writing import write_folds, write_predictions, write_run, write_splits
from bertsmith.run import Run, Speed
from bertsmith.run_folder import RunFolder, folder_of
from bertsmith.runtime import environment
from bertsmith.several_seeds import train_and_judge
from bertsmith.sources import file_name


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
    if config.output.resume:
        config = settings_to_resume(config, folder)
        data = rows_to_resume(data, config)
    if config.training.folds is not None:
        folds_of(config)

    with open_run(folder, config=config, console=console) as opened:
        with console.timed("Reading, checking, loading and encoding"):
            prepared = prepare(data, config=config, console=console)
        # A checkpoint with Adam's moments, the best epoch's weights and the model at the root: else the run could not end.
        folder.must_have_room(5 * bytes_of_weights(prepared.loaded.model))
        opened.begin(prepared)
        write_splits(folder, prepared.data.splits)

        if prepared.config.training.folds is None:
            judged = train_and_judge(prepared, opened=opened, console=console)
        else:
            folds = cross_validate(prepared, opened=opened, console=console)
            judged = folds.judged
            write_folds(folder, folds.rows, folds.numbers)

        with console.timed("Writing the model"):
            write_model(judged, folder, console=console)
        run = finished_run(judged, folder=folder, started=started)
        with console.timed("Writing card, pictures, page and results"):
            write_run(run)
        opened.finish(judged.weights)
    show_answer(run, console)
    return run


def write_model(judged: Judged, folder: RunFolder, *, console: Console) -> None:
    """Put the chosen model at the folder's root and read it back; for a failed run only if that was asked for."""
    prepared, judgement, weights = judged.trained.prepared, judged.judgement, judged.weights
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
        console.say(read_back(prepared, folder.path).sentence(), style="dim")
        label_names = prepared.data.label_set.names
        write_predictions(
            folder,
            judgement.test.dataset,
            probabilities=probabilities(judgement.test.logits),
            predicted_ids=judgement.test.predicted_ids,
            label_names=label_names,
        )


def finished_run(judged: Judged, *, folder: RunFolder, started: float) -> Run:
    """Everything that is now known, as plain data. `started` is the `perf_counter` of the run's first moment."""
    trained, judgement = judged.trained, judged.judgement
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
        seeds=judged.seeds,
        folds=prepared.config.training.folds,
        best_epoch_index=judgement.best_epoch_index,
        validation=validation.evaluation if validation else None,
        test=test.evaluation if test else None,
        baselines=judgement.baselines,
        calibration=judgement.calibration,
        threshold=judgement.threshold,
        mistakes=judgement.mistakes,
        test_without_leaked=judgement.test_without_leaked,
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
        test_reads=judged.test_reads,
        quotes=quotes_of(judgement) if prepared.config.output.quote_examples else {},
        memory=prepared.memory_use(),
    )


def quotes_of(judgement: Judgement) -> dict[str, str]:
    """The texts of the surest mistakes by their `file:line`."""
    if judgement.test is None or judgement.mistakes is None:
        return {}
    rows = {mistake.row for mistake in judgement.mistakes.confident}
    examples = judgement.test.dataset.examples
    return {
        str(row.origin): " ⏐ ".join(filter(None, (row.text, row.text_pair)))
        for row in examples
        if str(row.origin) in rows
    }
