"""What the console shows of anybody's run: the table with each epoch's state, the answer, what the figures imply."""

from __future__ import annotations

from collections.abc import Sequence

from bertsmith.console import Console
from bertsmith.diagnosis.averaging import printed_scores
from bertsmith.diagnosis.implied_counts import Counts, ImpliedCounts
from bertsmith.diagnosis.published import PublishedVerdict
from bertsmith.diagnosis.published_reasons import epoch_name
from bertsmith.epoch_table import COLUMNS, DOUBTFUL, FAILED

STYLES = {"collapsed": FAILED, "diverged": FAILED, "at chance": DOUBTFUL}


def show_diagnosis(judged: PublishedVerdict, console: Console) -> None:
    """Table, answer, reasons, implied counts, what to try; a quiet console tells the answer alone."""
    rows = []
    for index, state in enumerate(judged.states):
        epoch = state.epoch
        figures = (epoch.train_loss, epoch.epoch, epoch.step, epoch.validation_loss)
        scores = (epoch.f1, epoch.accuracy, epoch.precision, epoch.recall)
        cells = [_cell(figures[0]), _plain(figures[1]), _plain(figures[2]), _cell(figures[3])]
        notes = [state.state] if state.state else []
        notes += ["the trap"] if index == judged.trap else []
        notes += ["judged"] if index == judged.judged else []
        rows.append(((*cells, *map(_cell, scores), ", ".join(notes)), STYLES.get(state.state)))
    if rows and not console.quiet:
        console.table(COLUMNS, rows, caption="As published; the last column is ours.")
    good = judged.verdict.outcome in ("learned", "no_better_than_baseline")
    console.answer(judged.verdict.sentence, style="bold green" if good else "bold red")
    for reason in judged.verdict.reasons:
        console.say(f"  · {reason}")
    if judged.implied is not None:
        console.say(f"  · {implied_sentence(judged.implied, judged)}")
    if judged.remedies:
        console.say("What to try:")
    for remedy in judged.remedies:
        console.say(f"  – {remedy}")


def implied_sentence(implied: ImpliedCounts, judged: PublishedVerdict) -> str:
    """The smallest set of rows that gives these figures, and the last row's matrix."""
    positives = implied.positives
    choice = (
        f"{positives[0]:,} positive and {implied.rows - positives[0]:,} negative"
        if len(positives) == 1
        else f"{positives[0]:,} to {positives[-1]:,} of them positive, {len(positives)} numbers fit"
    )
    shown = max(index for index, state in enumerate(judged.states) if printed_scores(state.epoch) is not None)
    is_last = shown == len(judged.states) - 1
    name = "The last row" if is_last else f"Epoch {epoch_name(judged.states[shown].epoch, shown)}"
    return (
        f"The smallest set that gives exactly these figures has {implied.rows:,} rows ({choice}); its multiples fit too. "
        f"{name} of the table is then {_matrices(implied.matrices[-1])}."
    )


def _matrices(fitting: Sequence[Counts]) -> str:
    """The matrix with the intervals of its scores, or how many fit and in what range."""
    cells = (
        ("TP", [counts.true_positives for counts in fitting]),
        ("FP", [counts.false_positives for counts in fitting]),
        ("FN", [counts.false_negatives for counts in fitting]),
        ("TN", [counts.true_negatives for counts in fitting]),
    )
    told = ", ".join(f"{name} {_range(values)}" for name, values in cells)
    if len(fitting) > 1:
        return f"one of {len(fitting)} matrices: {told}"
    scores = fitting[0].scores()
    intervals = ", ".join(
        f"{name} {scores[key].low:.3f}–{scores[key].high:.3f}"
        for name, key in (
            ("F1", "f1"),
            ("accuracy", "accuracy"),
            ("precision", "precision"),
            ("recall", "recall"),
        )
    )
    return f"{told}, with the 95 % intervals {intervals}"


def _range(values: Sequence[int]) -> str:
    """`435`, or `430 to 435`."""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
