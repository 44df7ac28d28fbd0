"""What the console shows of anybody's run: the table with each epoch's state, the answer, what the figures imply."""

from __future__ import annotations

from bertsmith.console import Console
from bertsmith.diagnosis.implied_counts import Counts, ImpliedCounts
from bertsmith.diagnosis.published import PublishedVerdict
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
    last = implied.matrices[-1]
    several = "" if len(last) == 1 else f", the first of {len(last)} that fit"
    return (
        f"The smallest set that gives exactly these figures has {implied.rows:,} rows ({choice}); its multiples fit too. "
        f"The last row of the table is then {_matrix(last[0])}{several}."
    )


def _matrix(counts: Counts) -> str:
    return (
        f"TP {counts.true_positives:,}, FP {counts.false_positives:,}, "
        f"FN {counts.false_negatives:,}, TN {counts.true_negatives:,}"
    )


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
