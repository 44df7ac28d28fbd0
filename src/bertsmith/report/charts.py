"""The pictures of the page: numbers in, SVG out. matplotlib is imported when the first is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from bertsmith.report.figure_svg import Ink, drawing_settings, page_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HALF = 4.9
"""Width in inches of a figure that stands beside another."""
MAX_POINTS = 500
"""Points of a line: more would not be seen, and weigh."""
SMOOTHED = 25
"""Points that the drawn mean of the step losses runs over, of `MAX_POINTS`."""


@dataclass
class Drawing:
    """A figure being drawn; `svg` is there when the drawing ends."""

    axes: Axes
    name: str
    description: str = ""
    svg: Markup = Markup()


@dataclass(frozen=True)
class Dot:
    """A score with its interval, in a row of its own."""

    name: str
    value: float
    low: float
    high: float
    is_ours: bool = False


@dataclass(frozen=True)
class Line:
    """Points that belong together."""

    name: str
    points: tuple[tuple[float, float], ...]
    ink: str
    is_faint: bool = False
    has_marks: bool = False
    is_dashed: bool = False


@dataclass(frozen=True)
class Level:
    """A horizontal line with a name."""

    name: str
    value: float


@dataclass(frozen=True)
class Epochs:
    """Where the epochs stand on the axis of the steps."""

    collapsed: tuple[tuple[int, int], ...]
    """(first step, last step) of each that collapsed."""
    chosen: int | None
    """Last step of the chosen one."""


@contextmanager
def drawing(name: str, *, width: float, height: float) -> Iterator[Drawing]:
    """One figure with one pair of axes."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(drawing_settings(name)):
        figure = Figure(figsize=(width, height), layout="constrained")
        drawn = Drawing(figure.add_subplot(), name)
        yield drawn
        drawn.svg = page_svg(figure, name=name, description=drawn.description)


def answer_chart(dots: Sequence[Dot], *, score_name: str) -> Markup:
    """The headline score with its interval beside the baselines, from 0 to 1."""
    with drawing("answer", width=HALF, height=0.75 + 0.5 * len(dots)) as drawn:
        axes = drawn.axes
        for row, dot in enumerate(reversed(dots)):
            ink = Ink.ACCENT if dot.is_ours else Ink.QUIET
            axes.plot(
                [dot.low, dot.high],
                [row, row],
                color=ink,
                linewidth=3.2 if dot.is_ours else 2,
                solid_capstyle="round",
            )
            axes.plot(
                [dot.value], [row], "o", color=ink, markersize=9 if dot.is_ours else 6.5, markeredgewidth=0
            )
            place = max(0.06, min(0.94, dot.value))
            axes.annotate(
                f"{dot.value:.3f}", (place, row), (0, 9), textcoords="offset points", ha="center", color=ink
            )
        axes.set_yticks(range(len(dots)), [dot.name for dot in reversed(dots)])
        axes.set(
            xlim=(-0.02, 1.02),
            ylim=(-0.45, len(dots) - 0.2),
            xlabel=score_name,
            xticks=[0, 0.25, 0.5, 0.75, 1],
        )
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0, labelcolor=Ink.TEXT)
        axes.spines["left"].set_visible(False)
        told = "; ".join(f"{dot.name} {dot.value:.3f} ({dot.low:.3f} to {dot.high:.3f})" for dot in dots)
        drawn.description = f"{score_name} with 95 % intervals: {told}."
    return drawn.svg


def steps_chart(
    name: str, lines: Sequence[Line], levels: Sequence[Level], *, epochs: Epochs, y_label: str, is_share: bool
) -> Markup:
    """Lines over the optimizer steps, with named levels, collapsed epochs shaded and the chosen one marked."""
    with drawing(name, width=HALF, height=3.4) as drawn:
        axes = drawn.axes
        for first, last in epochs.collapsed:
            axes.axvspan(first, last, color=Ink.FAILURE, alpha=0.13, linewidth=0)
        for line in lines:
            _line(axes, line)
        for level in levels:
            axes.axhline(level.value, color=Ink.QUIET, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xlabel="optimizer step", ylabel=y_label)
        axes.margins(x=0.02)
        axes.set_xlim(left=0)
        if is_share:
            axes.set_ylim(-0.02, 1.04)
        else:
            axes.set_ylim(0, _top([*lines, *(Line("", ((0, level.value),), "") for level in levels)]))
        _name_levels(axes, levels)
        if epochs.chosen is not None:
            axes.axvline(epochs.chosen, color=Ink.ACCENT, linewidth=1)
            _at_top(axes, epochs.chosen, "chosen", Ink.ACCENT)
        for first, last in epochs.collapsed[:1]:
            _at_top(axes, (first + last) / 2, "collapsed", Ink.FAILURE)
        axes.grid(visible=False, axis="x")
        axes.locator_params(axis="x", nbins=5)
        axes.locator_params(axis="y", nbins=5)
        drawn.description = _description(y_label, lines, levels, epochs)
    return drawn.svg


def reliability_chart(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> Markup:
    """Share of right predictions against their probability, before and after the temperature."""
    with drawing("reliability", width=HALF, height=3.9) as drawn:
        axes = drawn.axes
        axes.plot([0, 1], [0, 1], color=Ink.QUIET, linewidth=1, linestyle=(0, (4, 3)))
        for bins, ink, mark in ((before, Ink.SECOND, "s"), (after, Ink.ACCENT, "o")):
            points = [(part["confidence"], part["accuracy"]) for part in bins]
            axes.plot(
                *zip(*points, strict=True), mark, color=ink, markersize=5, markeredgewidth=0, alpha=0.85
            )
        low = min(part[key] for part in (*before, *after) for key in ("confidence", "accuracy"))
        low = max(0.0, low - 0.05)
        axes.set(
            xlim=(low, 1.01),
            ylim=(low, 1.02),
            xlabel="probability of the prediction",
            ylabel="share that is right",
        )
        axes.set_aspect("equal")
        axes.locator_params(nbins=5)
        drawn.description = (
            "Reliability on the test rows, in bins of equally many rows. As saved: "
            + _bins(after)
            + ". As trained: "
            + _bins(before)
            + ". On the diagonal the probabilities are right."
        )
    return drawn.svg


def threshold_chart(curve: Sequence[dict[str, float]], *, chosen: float) -> Markup:
    """Precision, recall and F1 of the positive label over the decision threshold."""
    with drawing("threshold", width=HALF, height=3.9) as drawn:
        axes = drawn.axes
        for key, ink, dashes in (
            ("f1", Ink.ACCENT, "-"),
            ("precision", Ink.SECOND, "-"),
            ("recall", Ink.QUIET, (0, (5, 2))),
        ):
            points = [(point["threshold"], point[key]) for point in curve]
            axes.plot(
                *zip(*points, strict=True), color=ink, linewidth=2 if key == "f1" else 1.4, linestyle=dashes
            )
        axes.axvline(chosen, color=Ink.TEXT, linewidth=1)
        axes.set(
            xlim=(0, 1),
            ylim=(-0.02, 1.04),
            xlabel="decision threshold",
            ylabel="score on the validation rows",
        )
        axes.locator_params(nbins=5)
        best = max(curve, key=lambda point: point["f1"])
        drawn.description = (
            f"Precision, recall and F1 over the decision threshold on the validation rows. The threshold used is {chosen:.2f}; "
            f"F1 is highest, {best['f1']:.3f}, at {best['threshold']:.2f}."
        )
    return drawn.svg


def lengths_chart(edges: Sequence[int], rows: Sequence[int], *, limit: int, cut_share: float) -> Markup:
    """How many training rows have how many tokens, and where the model stops reading."""
    with drawing("lengths", width=HALF, height=2.7) as drawn:
        axes = drawn.axes
        widths = [high - low for low, high in zip(edges, edges[1:], strict=False)]
        axes.bar(
            edges[:-1],
            rows,
            width=[0.92 * width for width in widths],
            align="edge",
            color=Ink.ACCENT,
            linewidth=0,
        )
        if cut_share:
            axes.axvline(limit, color=Ink.FAILURE, linewidth=1.4)
        axes.set(xlabel="tokens", ylabel="training rows")
        axes.grid(visible=False, axis="x")
        axes.locator_params(nbins=5)
        commonest = max(range(len(rows)), key=lambda index: rows[index])
        cut = (
            f"{cut_share:.1%} of the rows are longer than {limit} tokens and cut"
            if cut_share
            else "none is cut"
        )
        drawn.description = (
            f"Lengths of the training rows: from {edges[0]} to {edges[-1] - 1} tokens, most often "
            f"{edges[commonest]} to {edges[commonest + 1] - 1}; {cut}."
        )
    return drawn.svg


def thinned(
    points: Sequence[tuple[int, float]], *, most: int = MAX_POINTS
) -> tuple[tuple[float, float], ...]:
    """At most so many points: each the mean of neighbours."""
    size = -(-len(points) // most) if points else 1
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return tuple((part[-1][0], sum(value for _, value in part) / len(part)) for part in parts)


def smoothed(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """The mean of the points around each."""
    half = max(1, min(SMOOTHED, len(points) // 8)) // 2
    means = []
    for index, (place, _) in enumerate(points):
        near = points[max(0, index - half) : index + half + 1]
        means.append((place, sum(value for _, value in near) / len(near)))
    return tuple(means)


def _line(axes: Axes, line: Line) -> None:
    if not line.points:
        return
    marks: dict[str, Any] = {"marker": "o", "markersize": 5, "markeredgewidth": 0} if line.has_marks else {}
    axes.plot(
        *zip(*line.points, strict=True),
        color=line.ink,
        linewidth=0.8 if line.is_faint else 1.8,
        alpha=0.35 if line.is_faint else 1,
        linestyle=(0, (5, 2)) if line.is_dashed else "-",
        **marks,
    )


def _top(lines: Sequence[Line]) -> float:
    """A height that holds the lines; the highest hundredth may leave it."""
    values = sorted(value for line in lines for _, value in line.points)
    return 1.12 * max(
        values[int(0.99 * (len(values) - 1))],
        max((line.points[-1][1] for line in lines if line.points), default=0.0),
        1e-6,
    )


def _name_levels(axes: Axes, levels: Sequence[Level]) -> None:
    """Each name just above its line; of two lines that lie together the lower one's stands below."""
    low, high = axes.get_ylim()
    placed: list[float] = []
    for level in sorted(levels, key=lambda level: -level.value):
        is_close = any(abs(level.value - other) < 0.09 * (high - low) for other in placed)
        offset, anchor = (-3, "top") if is_close else (3, "bottom")
        axes.annotate(
            level.name,
            (0.985, level.value),
            (0, offset),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va=anchor,
            color=Ink.QUIET,
        )
        placed.append(level.value)


def _at_top(axes: Axes, place: float, text: str, ink: str) -> None:
    left, right = axes.get_xlim()
    side = (
        "right"
        if place > left + 0.8 * (right - left)
        else "left"
        if place < left + 0.2 * (right - left)
        else "center"
    )
    axes.annotate(
        text,
        (place, 1.0),
        (0, 3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha=side,
        va="bottom",
        color=ink,
    )


def _description(y_label: str, lines: Sequence[Line], levels: Sequence[Level], epochs: Epochs) -> str:
    """The ends of the lines in words."""
    told = [
        f"{line.name}: from {line.points[0][1]:.3f} to {line.points[-1][1]:.3f}"
        for line in lines
        if line.points and line.name
    ]
    told += [f"{level.name}: {level.value:.3f}" for level in levels]
    if epochs.chosen is not None:
        told.append(f"the chosen epoch ends at step {epochs.chosen:,}")
    if epochs.collapsed:
        told.append(f"{len(epochs.collapsed)} collapsed epochs are shaded")
    return f"{y_label[:1].upper()}{y_label[1:]} over the optimizer steps. " + "; ".join(told) + "."


def _bins(bins: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{part['confidence']:.2f} → {part['accuracy']:.2f}" for part in bins)
