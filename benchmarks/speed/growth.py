"""How time grows: with the number of rows, tokenization included, and with their length.

Rows are read by a very small BERT, beside which everything that is not matrix multiplication weighs as much as it can: a curve
that bends shows there. Length is measured with MiniLM, and held against the operations, of which attention's grow with the square.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.speed import bars, hf, ours
from benchmarks.speed.bars import Result
from benchmarks.speed.case import Case
from benchmarks.speed.data import JOINED
from benchmarks.speed.limit import Width, useful_operations
from benchmarks.speed.sides import Spread

ROWS = (1_000, 3_000, 10_000, 30_000, 100_000)
ONCE_FROM = 30_000
"""So many rows and more are measured once: alone they take minutes."""
LENGTHS = (16, 32, 64, 128, 256, 512)
LENGTH_STEPS = 3


@dataclass(frozen=True)
class Curve:
    """Seconds over what they grow with."""

    name: str
    sizes: tuple[float, ...]
    seconds: tuple[float, ...]
    """The median of the rounds at each size."""

    def exponent(self) -> Spread:
        """The slope in logarithms over the upper half of the sizes, 1 for a line; and the least and greatest between neighbours."""
        pairs = list(zip(self.sizes, self.seconds, strict=True))[len(self.sizes) // 2 :]
        each = [_slope(first, second) for first, second in zip(pairs, pairs[1:], strict=False)]
        return Spread(_slope(pairs[0], pairs[-1]), min(each), max(each))


def _slope(first: tuple[float, float], second: tuple[float, float]) -> float:
    return math.log(second[1] / first[1]) / math.log(second[0] / first[0])


def compare_growth(
    by_rows: Case, by_length: Case, *, rounds: int, num_threads: int, figure: Path
) -> list[Result]:
    """Both kinds of growth as tables, their exponents, and a picture of them."""
    training, prediction = _over_rows(by_rows, rounds=rounds, num_threads=num_threads)
    ours_over_length, theirs_over_length = _over_length(by_length, rounds=rounds, num_threads=num_threads)
    results = []
    for case, measure, curve in (
        (by_rows, bars.GROWTH_ROWS, training),
        (by_rows, bars.GROWTH_PREDICT, prediction),
        (by_length, bars.GROWTH_LENGTH, ours_over_length[1]),
    ):
        results.append(Result(measure, case.data, case.model, case.batch_size, curve.exponent()))
        print(f"  {measure}: {curve.exponent()}", flush=True)
    draw([training, prediction], [ours_over_length[0], theirs_over_length], figure)
    return results


def _over_rows(case: Case, *, rounds: int, num_threads: int) -> tuple[Curve, Curve]:
    """Seconds of tokenizing and training one epoch, and of predicting the same texts."""
    training, prediction = [], []
    for num_rows in ROWS:
        trained: list[float] = []
        predicted: list[float] = []
        # One round more at the smallest size: the median passes over what the first one pays for imports.
        for _ in range(1 if num_rows >= ONCE_FROM else rounds + (num_rows == ROWS[0])):
            ours.use_all_threads(num_threads)
            sized = replace(case, num_steps=-(-num_rows // case.batch_size))
            prepared = ours.prepare(sized, num_rows=num_rows)
            predicted.append(ours.predict_with(prepared))
            encoding = ours.encode_once(prepared)
            took = ours.train_once(prepared, sized)
            trained.append(encoding + took.steps + took.around)
        training.append(statistics.median(trained))
        prediction.append(statistics.median(predicted))
        print(
            f"  {num_rows:>7,} rows: tokenized and trained in {training[-1]:.2f} s,"
            f" tokenized and predicted in {prediction[-1]:.2f} s",
            flush=True,
        )
    sizes = tuple(float(num_rows) for num_rows in ROWS)
    return (
        Curve("tokenization and one epoch", sizes, tuple(training)),
        Curve("tokenization and prediction", sizes, tuple(prediction)),
    )


def _over_length(case: Case, *, rounds: int, num_threads: int) -> tuple[tuple[Curve, Curve], Curve]:
    """Seconds a step over tokens a row, ours and the Trainer's; ours also over the operations a step."""
    operations, mine, others = [], [], []
    for length in LENGTHS:
        sized = replace(case, data=JOINED + case.data, max_length=length, num_steps=LENGTH_STEPS)
        seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(rounds):
            for name, train_once in (("ours", ours.train_once), ("theirs", hf.train_once)):
                ours.use_all_threads(num_threads)
                prepared = ours.prepare(sized, num_rows=sized.num_rows)
                seconds[name].append(train_once(prepared, sized).steps / LENGTH_STEPS)
        width = Width.of(prepared.loaded.model.config)
        operations.append(useful_operations(prepared.encoded.texts.lengths, width).training / LENGTH_STEPS)
        mine.append(statistics.median(seconds["ours"]))
        others.append(statistics.median(seconds["theirs"]))
        print(
            f"  {length:>3} tokens a row: {mine[-1]:.3f} s a step, Trainer {others[-1]:.3f} s,"
            f" {operations[-1] / 1e9:.1f}·10⁹ useful operations",
            flush=True,
        )
    lengths = tuple(float(length) for length in LENGTHS)
    by_operations = Curve("bertsmith", tuple(operations), tuple(mine))
    return (Curve("bertsmith", lengths, tuple(mine)), by_operations), Curve("Trainer", lengths, tuple(others))


def draw(over_rows: list[Curve], over_length: list[Curve], file: Path) -> None:
    """Two panels with logarithmic axes, on which a line has slope 1."""
    import matplotlib  # here, because no other part needs it

    matplotlib.use("Agg")
    from matplotlib import pyplot

    # Fixed, so that the same figures give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "bertsmith"
    picture, panels = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for panel, curves, of, unit in (
        (panels[0], over_rows, "rows", "seconds"),
        (panels[1], over_length, "tokens a row", "seconds a step of 8 rows"),
    ):
        for curve in curves:
            panel.loglog(curve.sizes, curve.seconds, marker="o", label=curve.name)
        first = curves[0]
        line = [first.seconds[-1] * size / first.sizes[-1] for size in first.sizes]
        panel.loglog(first.sizes, line, linestyle=":", color="grey", label="a line through the last point")
        panel.set_xticks(first.sizes, labels=[f"{size:,.0f}" for size in first.sizes])
        panel.minorticks_off()
        panel.set_xlabel(of)
        panel.set_ylabel(unit)
        panel.legend()
    file.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None} if file.suffix == ".svg" else None
    picture.savefig(file, metadata=metadata)
    pyplot.close(picture)
    print(f"  drawn: {file}", flush=True)
