"""What happened in the training: the two pictures, the restarts, and the published table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from bertsmith.report.charts import Epochs, Level, Line, smoothed, steps_chart, thinned
from bertsmith.report.figure_svg import Ink
from bertsmith.report.finished_run import FinishedRun, LoggedAttempt
from bertsmith.report.markdown import name_of
from bertsmith.report.page_text import decimals, percent, without_paths


@dataclass(frozen=True)
class EpochRow:
    """One row of the published table."""

    cells: tuple[str, ...]
    note: str
    """`chosen`, `collapsed`, or nothing."""
    most_predicted: str
    """The label that most validation rows were given, and their share."""


@dataclass(frozen=True)
class RestartRow:
    """An attempt that failed."""

    name: str
    recipe: str
    sign: str
    remedy: str
    steps: int


def training(run: FinishedRun) -> dict[str, Any]:
    """Curves and tables of the training."""
    results = run.results
    rests_on = chosen_attempt(run)
    return {
        "loss_chart": _loss_chart(run, rests_on),
        "score_chart": _score_chart(run),
        "failed_lines": len(run.attempts) > 1,
        "chance": decimals(chance_loss(results)),
        "epoch_rows": [_epoch_row(epoch, results) for epoch in results["epochs"]],
        "restarts": [_restart_row(restart, run) for restart in results["restarts"]],
        "divergence": results["divergence"],
        "selected_by": {
            "macro_f1": "highest macro F1",
            "f1": "highest F1",
            "accuracy": "highest accuracy",
            "loss": "lowest loss",
        }[results["recipe"]["select_by"]],
        "best_epoch": results["best_epoch"],
        "folds": results["folds"],
        "num_steps": rests_on.last_step if rests_on else 0,
        "collapsed": [epoch["epoch"] for epoch in results["epochs"] if epoch["collapsed"]],
    }


def chosen_attempt(run: FinishedRun) -> LoggedAttempt | None:
    """The training of the log that the table is about; the last one where none fits (the table of folds is a mean)."""
    table = [epoch["validation_loss"] for epoch in run.results["epochs"]]
    fitting = [
        attempt
        for attempt in run.attempts
        if table and [epoch["validation_loss"] for epoch in attempt.epochs] == table
    ]
    return next(reversed(fitting or run.attempts), None)


def chance_loss(results: dict[str, Any]) -> float:
    """Validation loss of giving every row the label shares of the training rows, in nats."""
    splits = results["data"]["splits"]
    train, held_out = splits["train"]["label_counts"], splits["validation"]["label_counts"]
    given, rows = sum(train.values()), sum(held_out.values())
    return -math.fsum(
        count / rows * math.log(train[label] / given)
        for label, count in held_out.items()
        if count and train.get(label)
    )


def epochs_on_axis(epochs: Sequence[dict[str, Any]], best_epoch: float | None) -> Epochs:
    """Where the collapsed epochs begin and end, and where the chosen one ends."""
    starts = [0, *(epoch["step"] for epoch in epochs)]
    collapsed = tuple(
        (start, epoch["step"]) for start, epoch in zip(starts, epochs, strict=False) if epoch["collapsed"]
    )
    chosen = next((epoch["step"] for epoch in epochs if epoch["epoch"] == best_epoch), None)
    return Epochs(collapsed, chosen)


def _loss_chart(run: FinishedRun, rests_on: LoggedAttempt | None) -> Markup | None:
    """Loss per step and per epoch, the other trainings faintly, the chance line drawn in."""
    results = run.results
    if rests_on is None and not results["epochs"]:
        return None
    lines = [
        Line(
            "",
            smoothed(thinned(other.steps)),
            Ink.FAILURE if results["restarts"] else Ink.QUIET,
            is_faint=True,
        )
        for other in run.attempts
        if other is not rests_on
    ]
    if rests_on is not None:
        points = thinned(rests_on.steps)
        lines.append(Line("", points, Ink.QUIET, is_faint=True))
        lines.append(Line("training loss", smoothed(points), Ink.QUIET))
    held_out = tuple(
        (epoch["step"], epoch["validation_loss"])
        for epoch in results["epochs"]
        if isinstance(epoch["validation_loss"], float | int)
    )
    lines.append(Line("validation loss", held_out, Ink.ACCENT, has_marks=True))
    levels = [Level("chance", chance_loss(results))]
    if results["baselines"] is not None:
        levels.append(
            Level("bag of words", results["baselines"]["tfidf_logistic_regression"]["loss"]["value"])
        )
    return steps_chart(
        "loss",
        lines,
        levels,
        epochs=epochs_on_axis(results["epochs"], results["best_epoch"]),
        y_label="loss (nats per row)",
        is_share=False,
    )


def _score_chart(run: FinishedRun) -> Markup | None:
    """Macro-F1 and accuracy on the validation rows after each epoch, the baselines drawn in."""
    results = run.results
    if not results["epochs"]:
        return None
    lines = [
        Line(
            name,
            tuple((epoch["step"], epoch[key]) for epoch in results["epochs"]),
            ink,
            has_marks=True,
            is_dashed=key == "accuracy",
        )
        for key, name, ink in (("accuracy", "accuracy", Ink.SECOND), ("macro_f1", "macro F1", Ink.ACCENT))
    ]
    levels = []
    if results["baselines"] is not None:
        levels = [
            Level("bag of words", results["baselines"]["tfidf_logistic_regression"]["macro_f1"]["value"]),
            Level("always one label", results["baselines"]["majority"]["macro_f1"]["value"]),
        ]
    return steps_chart(
        "scores",
        lines,
        levels,
        epochs=epochs_on_axis(results["epochs"], results["best_epoch"]),
        y_label="score",
        is_share=True,
    )


def _epoch_row(epoch: dict[str, Any], results: dict[str, Any]) -> EpochRow:
    """The columns of the published table, and what must be said of the epoch."""
    keys = ("validation_loss", "f1", "accuracy", "precision", "recall")
    share = epoch["predicted_share"]
    label = max(share, key=lambda name: share[name]) if share else ""
    is_best = epoch["epoch"] == results["best_epoch"]
    return EpochRow(
        cells=(
            _number(epoch["train_loss"]),
            f"{epoch['epoch']:g}",
            f"{epoch['step']:,}",
            *(_number(epoch[key]) for key in keys),
        ),
        note="collapsed" if epoch["collapsed"] else "chosen" if is_best else "",
        most_predicted=f"{name_of(label)} {percent(share[label])}" if share else "",
    )


def _number(value: float | None) -> str:
    return "not a number" if value is None else decimals(value)


def _restart_row(restart: dict[str, Any], run: FinishedRun) -> RestartRow:
    """An attempt with its settings, why it ended and what was done next."""
    fold = "" if restart["fold"] is None else f"fold {restart['fold']}, "
    recipe = ", ".join(
        f"{name.replace('_', ' ')} {value:g}"
        if isinstance(value, float | int)
        else f"{name.replace('_', ' ')} {value}"
        for name, value in restart["recipe"].items()
    )
    return RestartRow(
        name=f"{fold}attempt {restart['attempt']}",
        recipe=recipe,
        sign=without_paths(restart["sign"], run.settings),
        remedy=without_paths(restart["remedy"], run.settings),
        steps=restart["steps"],
    )
