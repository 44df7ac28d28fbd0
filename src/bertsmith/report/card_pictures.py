"""This file knows how to draw the pictures of a model card: a run in, PNG files out, the same bytes each time.

There is no text of a row in them, and nothing of this machine.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bertsmith.report.card_tables import MAX_LABELS
from bertsmith.report.markdown import name_of
from bertsmith.run import Run
from bertsmith.training.signs import prior_entropy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#D55E00", "#009E73", "#CC3311", "#767676"
"""Told apart by people who do not see all colours (Okabe and Ito 2008); each is named in a legend too."""
DOTS_PER_INCH = 144
MOST_STEPS = 300
"""Points of the training loss; with more steps each is the mean of several."""
LONGEST_LABEL = 24


def picture_names(run: Run) -> tuple[str, ...]:
    """Which pictures the run has, by file name."""
    return tuple(name for name in DRAWN if _has(run, name))


def pictures(run: Run) -> dict[str, bytes]:
    """Each picture of the run as PNG, by file name."""
    names = picture_names(run)
    if not names:
        return {}
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it tells of its cache
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a glyph that the font lacks is drawn as a box
        return {name: _png(DRAWN[name](run)) for name in names}


def _has(run: Run, name: str) -> bool:
    """Whether the run knows what the picture shows."""
    if name == "curves.png":
        return bool(run.history.epochs)
    if name == "confusion.png":
        return run.test is not None and len(run.label_set) <= MAX_LABELS
    return run.calibration is not None and bool(run.calibration.test_after.bins)


def draw_curves(run: Run) -> Figure:
    """Loss and scores over the steps; collapsed epochs are shaded, the chosen one is marked."""
    figure, (left, right) = _figure(2)
    steps, losses = _thinned(run)
    epochs = run.history.epochs
    at = [epoch.step for epoch in epochs]
    if steps:
        left.plot(steps, losses, color=BLUE, alpha=0.35, linewidth=1, label="training, step by step")
    left.plot(at, [epoch.train_loss for epoch in epochs], "o-", color=BLUE, label="training, per epoch")
    left.plot(at, [epoch.validation_loss for epoch in epochs], "s-", color=ORANGE, label="validation")
    chance = _chance_loss(run)
    if chance is not None:
        left.axhline(
            chance, color=GREY, linestyle="--", linewidth=1, label=f"label shares alone, {chance:.3f}"
        )
    left.set(title="Loss, in nats", xlabel="Step")
    right.plot(at, [epoch.macro_f1 for epoch in epochs], "o-", color=BLUE, label="macro F1")
    right.plot(at, [epoch.accuracy for epoch in epochs], "s-", color=GREEN, label="accuracy")
    right.set(title="Validation scores", xlabel="Step", ylim=(0, 1.02))
    for axes in (left, right):
        _mark_epochs(axes, run)
        axes.legend(fontsize=7, frameon=False)
    return figure


def draw_confusion(run: Run) -> Figure:
    """Counts, shaded by the share of the true label's rows."""
    assert run.test is not None
    figure, (axes,) = _figure(1, height=2.2 + 0.28 * len(run.label_set))
    counts = run.test.confusion
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    names = [_short(label.label) for label in run.test.per_label]
    axes.set_xticks(range(len(names)), names, rotation=0 if len(names) <= 4 else 60, ha="center")
    axes.set_yticks(range(len(names)), names)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_parse_math(False)
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            colour = "white" if shares[row][column] > 0.55 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=8)
    axes.set(title=f"{run.test.rows:,} test rows", xlabel="Predicted label", ylabel="True label")
    return figure


def draw_reliability(run: Run) -> Figure:
    """How often the model is right, by how sure it is: on the diagonal a probability means what it says."""
    assert run.calibration is not None
    figure, (axes,) = _figure(1, height=3.6)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="as it should be")
    kinds = [("as saved", run.calibration.test_after, BLUE, "o-")]
    if run.calibration.reason is None:
        kinds.insert(0, ("before calibration", run.calibration.test_before, ORANGE, "s:"))
    for name, value, colour, style in kinds:
        confidence = [part.confidence for part in value.bins]
        accuracy = [part.accuracy for part in value.bins]
        told = f"{name}, error {value.calibration_error:.3f}"
        axes.plot(confidence, accuracy, style, color=colour, markersize=4, label=told)
    low = min(part.confidence for _, value, _, _ in kinds for part in value.bins)
    axes.set(
        title="Test rows, by how sure the model is",
        xlabel="Probability of the prediction",
        ylabel="Share that is right",
    )
    axes.set(xlim=(max(0, low - 0.05), 1.01), ylim=(0, 1.02))
    axes.legend(fontsize=7, frameon=False, loc="lower right")
    return figure


DRAWN: dict[str, Callable[[Run], Figure]] = {
    "curves.png": draw_curves,
    "confusion.png": draw_confusion,
    "reliability.png": draw_reliability,
}


def _figure(columns: int, *, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    """An empty figure that no window and no global state knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.0 * columns, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, columns, index + 1) for index in range(columns)]
    for part in axes:
        part.spines[["top", "right"]].set_visible(False)
        part.tick_params(labelsize=8)
    return figure, axes


def _png(figure: Figure) -> bytes:
    """The picture without a word of who drew it and when."""
    for axes in figure.axes:
        axes.title.set_fontsize(10)
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _mark_epochs(axes: Axes, run: Run) -> None:
    """Shade what collapsed, mark what was chosen."""
    before, told = 0, False
    for epoch in run.history.epochs:
        if epoch.collapsed:
            named: dict[str, Any] = {} if told else {"label": "collapsed"}
            axes.axvspan(before, epoch.step, color=RED, alpha=0.14, linewidth=0, **named)
            told = True
        before = epoch.step
    if run.best_epoch is not None:
        axes.axvline(
            run.best_epoch.step, color="black", linewidth=1, label=f"chosen: epoch {run.best_epoch.epoch:g}"
        )


def _thinned(run: Run) -> tuple[list[float], list[float]]:
    """Steps and losses, at most `MOST_STEPS` of them."""
    steps = run.history.steps
    size = -(-len(steps) // MOST_STEPS) or 1
    parts = [steps[start : start + size] for start in range(0, len(steps), size)]
    middle = [sum(step.step for step in part) / len(part) for part in parts]
    return middle, [sum(step.loss for step in part) / len(part) for part in parts]


def _chance_loss(run: Run) -> float | None:
    """The loss of giving every row the label shares as probabilities."""
    train = run.data.splits.get("train")
    if train is None or not train.rows or run.config.training.class_weights != "none":
        return None
    return prior_entropy(count / train.rows for count in train.label_counts.values())


def _short(label: str) -> str:
    name = name_of(label)
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"
