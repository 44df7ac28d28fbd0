"""This file knows how to tell a run as a model card, the verdict first: a function of the run alone."""

from __future__ import annotations

import re
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from bertsmith.evaluation.scoring import Evaluation
from bertsmith.findings import Finding
from bertsmith.report import card_tables
from bertsmith.report.card_limits import limits
from bertsmith.report.card_pictures import picture_names
from bertsmith.report.local_paths import last_part, with_names
from bertsmith.report.markdown import Markdown, name_of, neutral, render
from bertsmith.report.showing import leak_sentence
from bertsmith.run import ModelSummary, Run
from bertsmith.training.history import EpochRecord

_IN_MEMORY = "<memory>"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_SOURCES = {
    "hub": "from the Hugging Face Hub",
    "folder": "from a local folder",
    "embedded": "from a Python package",
}
_SELECTED_BY = {
    "macro_f1": "the highest macro F1",
    "f1": "the highest F1",
    "accuracy": "the highest accuracy",
    "loss": "the lowest loss",
}


def model_card(run: Run) -> str:
    """The text of `README.md`: YAML front matter that the Hub reads, then the card.

    Names of labels, columns and files are escaped; there is no path and no text of a row in it.
    """
    values: dict[str, Any] = {
        "front_matter": Markdown(front_matter(run).to_yaml()),
        "run": run,
        "name": _run_name(run),
        "verdict": _without_paths(run, run.verdict.sentence),
        "reasons": [_without_paths(run, reason) for reason in run.verdict.reasons],
        "has_model": run.test is not None,
        "is_usable": run.test is not None and run.verdict.exit_code == 0,
        "has_failed_model": run.test is None
        and run.config.output.keep_failed_model
        and bool(run.history.epochs),
        "data_name": _train_name(run),
        "labels": _listed(run.label_set.names),
        "pictures": picture_names(run),
        "limits": limits(run, data_name=_train_name(run)),
        "positive": None if run.positive_label is None else _quoted(run.positive_label),
    }
    parts = (
        _results(run),
        _mistakes(run),
        _calibration(run),
        _training(run),
        _labels(run),
        _data(run),
        _recipe(run),
        _quotes(run),
    )
    for part in parts:
        values |= part
    return render("model_card.md.jinja", values)


def front_matter(run: Run) -> ModelCardData:
    """The metadata; with a `model-index` only where the test rows were scored."""
    base = run.model.name if run.model.source == "hub" and _HUB_NAME.fullmatch(run.model.name) else None
    results = [] if run.test is None else _eval_results(run.test, dataset=_test_name(run))
    return ModelCardData(
        library_name="transformers",
        pipeline_tag="text-classification",
        base_model=base,
        base_model_relation="finetune" if base else None,
        tags=["text-classification", "bertsmith"],
        metrics=sorted({result.metric_type for result in results}) or None,
        model_name=_run_name(run) if results else None,
        eval_results=results or None,
    )


def _eval_results(test: Evaluation, *, dataset: str) -> list[EvalResult]:
    """The scores that the Hub knows a metric for."""
    macro = {"average": "macro"}
    binary: dict[str, Any] = {"average": "binary"}
    if test.positive_label is not None:
        binary |= {"pos_label": name_of(test.positive_label)}
    metrics = {
        "accuracy": ("accuracy", None),
        "f1": ("f1", binary),
        "precision": ("precision", binary),
        "recall": ("recall", binary),
        "macro_f1": ("f1", macro),
        "mcc": ("matthews_correlation", None),
    }
    if test.positive_label is None:
        metrics |= {"precision": ("precision", macro), "recall": ("recall", macro)}
        del metrics["f1"]  # it is the macro F1
    names = card_tables.score_names(test)
    return [
        EvalResult(
            task_type="text-classification",
            task_name="Text Classification",
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split="test",
            metric_type=kind,
            metric_name=names[key],
            metric_value=round(test.scores[key].value, 4),
            metric_args=arguments,
        )
        for key, (kind, arguments) in metrics.items()
    ]


def _results(run: Run) -> dict[str, Any]:
    """The scores on the test rows, beside the baselines'."""
    baselines = run.baselines
    majority = None if baselines is None else baselines.majority.predicted_share
    sample = baselines is not None and baselines.bag_of_words_sampled
    return {
        "score_table": card_tables.score_table(run.test, baselines),
        "leaks": leak_sentence(run),
        "test_reads": "once" if run.test_reads == 1 else f"{run.test_reads} times",
        "majority": None if majority is None else _quoted(max(majority, key=lambda label: majority[label])),
        "bag_of_words_rows": "" if baselines is None else f"{baselines.bag_of_words_rows:,}",
        "bag_of_words_sampled": sample,
        "train_rows": _rows(run, "train"),
        "validation_rows": _rows(run, "validation"),
        "test_rows": _rows(run, "test"),
    }


def _mistakes(run: Run) -> dict[str, Any]:
    """Where the model fails on the test rows: never a text, and no row."""
    mistakes = run.mistakes
    if mistakes is None:
        return {"slice_table": None, "confusions": [], "num_suspected": 0}
    parts = [part for part in mistakes.slices if part.kind != "label"]
    return {
        "slice_table": card_tables.slice_table(parts) if parts else None,
        "confusions": [
            f"{pair.rows:,} rows of {_quoted(pair.label)} ({card_tables.percent(pair.share)}) were called {_quoted(pair.predicted)}"
            for pair in mistakes.confused[:5]
        ],
        "num_suspected": len(mistakes.suspected),
    }


def _quotes(run: Run) -> dict[str, Any]:
    """The surest mistakes with their texts, only where the user asked for quotes."""
    quoted = [] if run.mistakes is None else [row for row in run.mistakes.confident if row.row in run.quotes]
    return {"quote_table": card_tables.quote_table(quoted, run.quotes) if quoted else None}


def _calibration(run: Run) -> dict[str, Any]:
    """What the temperature did, and the decision threshold."""
    calibration, threshold = run.calibration, run.threshold
    return {
        "calibration": calibration,
        "calibration_reason": "" if calibration is None else neutral(calibration.reason or ""),
        "calibration_table": None if calibration is None else card_tables.calibration_table(calibration),
        "threshold": None
        if threshold is None
        else {
            "label": _quoted(threshold.label),
            "value": threshold.value,
            "rule": neutral(threshold.chosen_by),
        },
    }


def _training(run: Run) -> dict[str, Any]:
    """The table of epochs, and what went wrong in them."""
    history, best = run.history, run.best_epoch
    select_by = run.config.training.select_by
    score = (
        None if best is None else best.validation_loss if select_by == "loss" else getattr(best, select_by)
    )
    return {
        "training_table": card_tables.training_table(history.epochs, best_index=run.best_epoch_index)
        if history.epochs
        else None,
        "collapsed": [_collapse(epoch) for epoch in history.epochs if epoch.collapsed],
        "best_epoch": None if best is None else f"{best.epoch:g}",
        "selected_by": _SELECTED_BY[select_by],
        "best_score": None if score is None else card_tables.number(score),
        "divergence": history.divergence,
        "given_up": history.given_up is not None,
        "attempts": [card_tables.attempt_line(restart) for restart in run.restarts],
    }


def _collapse(epoch: EpochRecord) -> str:
    """Which label nearly every row was given, or that the texts made no difference."""
    if not epoch.gives_one_label:
        return f"Epoch {epoch.epoch:g} collapsed: the texts made next to no difference to the probabilities."
    label, share = max(epoch.predicted_share.items(), key=lambda item: item[1])
    rows = f"{card_tables.percent(share)} of the validation rows"
    return f"Epoch {epoch.epoch:g} collapsed: {rows} were called {_quoted(label)}."


def _labels(run: Run) -> dict[str, Any]:
    """How each label fares on the test rows; the least served ones where there are many."""
    if run.test is None:
        return {"label_table": None}
    worst = card_tables.least_served(run.test)
    is_cut = len(run.label_set) > card_tables.MAX_LABELS
    shown = worst[: card_tables.NUM_LEAST_SERVED]
    mistakes = card_tables.mistake_table(run.test, shown) if is_cut else card_tables.confusion_table(run.test)
    return {
        "label_table": card_tables.label_table(shown if is_cut else run.test.per_label),
        "mistakes": mistakes,
        "labels_are_cut": is_cut,
        "num_labels_shown": len(shown),
        "num_labels": f"{len(run.label_set):,}",
    }


def _data(run: Run) -> dict[str, Any]:
    """Files, columns, splits and what was found in them."""
    data = run.data
    labels = run.label_set.names
    is_cut = len(labels) > card_tables.MAX_LABELS
    if is_cut:
        counts = data.splits["train"].label_counts if "train" in data.splits else {}
        labels = tuple(sorted(labels, key=lambda label: -counts.get(label, 0))[: card_tables.MAX_LABELS])
    files = {split: _file_name(data.files.get(split)) for split in ("train", "validation", "test")}
    return {
        "files": files,
        "cut_splits": [split for split in ("validation", "test") if files[split] is None],
        "columns": {"text": data.text_column, "second text": data.pair_column, "label": data.label_column},
        "split_table": card_tables.split_table(data.splits),
        "label_count_table": card_tables.label_count_table(data.splits, labels),
        "label_counts_are_cut": is_cut,
        "data_notes": [_without_paths(run, note) for note in data.notes],
        "data_findings": [
            _finding_line(run, finding) for finding in run.findings if finding.code[:1] in "DT"
        ],
        "model_findings": [
            _finding_line(run, finding) for finding in run.findings if finding.code[:1] == "M"
        ],
        "other_findings": [
            _finding_line(run, finding) for finding in run.findings if finding.code[:1] not in "DTM"
        ],
        "name_of": name_of,
    }


def _recipe(run: Run) -> dict[str, Any]:
    """Every setting of the training, and what it ran on."""
    recipe = run.config.training.model_dump() | {
        "max_length": run.model.max_length,
        "truncate": run.config.model.truncate,
    }
    environment = run.environment
    machine = ("device", "precision", "threads", "python", "system", "machine")
    versions = dict(environment.get("versions", {}))
    return {
        "recipe": {name: "none" if value is None else str(value) for name, value in recipe.items()},
        "model_name": _model_name(run.model),
        "model_source": _SOURCES.get(run.model.source, run.model.source),
        "machine": {name.capitalize(): environment[name] for name in machine if name in environment},
        "versions": versions,
    }


def _finding_line(run: Run, finding: Finding) -> str:
    """The sentence and how many rows show it; never which."""
    rows = f" ({finding.num_rows:,} row{'' if finding.num_rows == 1 else 's'})" if finding.num_rows else ""
    return f"{finding.severity.capitalize()} {finding.code}: {_without_paths(run, finding.sentence)}{rows}"


def _rows(run: Run, split: str) -> str:
    return f"{run.data.splits[split].rows:,}" if split in run.data.splits else "0"


def _run_name(run: Run) -> str:
    return name_of(run.name) or "bertsmith run"


def _train_name(run: Run) -> str:
    return _file_name(run.data.files.get("train")) or "the training rows"


def _test_name(run: Run) -> str:
    """The file that the test rows come from."""
    return _file_name(run.data.files.get("test")) or _train_name(run)


def _file_name(path: str | None) -> str | None:
    """The last part of a path, fit to be shown."""
    if path is None or path == _IN_MEMORY:
        return None if path is None else "rows given in Python"
    return name_of(last_part(path))


def _model_name(model: ModelSummary) -> Markdown | str:
    """A link for a model of the Hub; a local folder's name without its path."""
    if model.source == "hub" and _HUB_NAME.fullmatch(model.name):
        return Markdown(f"[{model.name}](https://huggingface.co/{model.name})")
    return name_of(model.name if model.source == "hub" else last_part(model.name))


def _without_paths(run: Run, sentence: str) -> str:
    """The sentence with the user's files and folders by name alone."""
    data, output = run.config.data, run.config.output
    paths = [data.train_file, data.validation, data.test, output.output, str(run.folder.path)]
    if run.model.source != "hub":
        paths += [run.config.model.model, run.model.name]
    return neutral(with_names(sentence, [path for path in paths if path and re.search(r"[\\/]", path)]))


def _quoted(label: str) -> str:
    return f"“{name_of(label)}”"


def _listed(labels: tuple[str, ...] | list[str]) -> str:
    """The labels in quotes; after twenty it says how many more there are."""
    shown = ", ".join(_quoted(label) for label in labels[: card_tables.MAX_LABELS])
    more = len(labels) - card_tables.MAX_LABELS
    return f"{shown} and {more:,} more" if more > 0 else shown
