"""What the console shows of a finished run: the results table, the scores and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bertsmith.console import Console
from bertsmith.epoch_table import COLUMNS, FAILED, averaging_sentence, epoch_cells, epoch_rows, table_caption
from bertsmith.evaluation.scoring import Evaluation, Score
from bertsmith.findings import Finding
from bertsmith.printing import quoted
from bertsmith.run import Run

SHOWN_SCORES = ("accuracy", "f1", "precision", "recall", "macro_f1", "balanced_accuracy", "mcc", "loss")
LABELS_SHOWN = 10
MISTAKES_SHOWN = 3


def show_table(run: Run, console: Console) -> None:
    """The results table, collapsed epochs marked."""
    rows: list[tuple[tuple[str, ...], str | None]] = [
        ((*epoch_cells(epoch, is_best=False)[:-1], f"{restart.name} failed"), FAILED)
        for restart in run.restarts
        for epoch in restart.epochs
    ]
    rows += epoch_rows(run.history.epochs, best=run.best_epoch_index)
    if rows:
        console.table(COLUMNS, rows, caption=table_caption(run.positive_label))


def show_scores(evaluation: Evaluation, console: Console, *, rivals: dict[str, Evaluation]) -> None:
    """Every score with its 95 % interval, beside the same of simpler methods."""
    columns = ("Score", "Value", "95 % interval", *rivals)
    rows = []
    for name in SHOWN_SCORES:
        score = evaluation.scores[name]
        others = [f"{rival.scores[name].value:.4f}" for rival in rivals.values()]
        rows.append(((name, f"{score.value:.4f}", _interval(score), *others), None))
    console.table(
        columns, rows, caption=f"On {evaluation.rows:,} rows. {averaging_sentence(evaluation.positive_label)}"
    )


def show_evaluation(
    evaluation: Evaluation, console: Console, *, notes: Sequence[str], findings: Sequence[Finding]
) -> None:
    """How a finished model does on new labelled rows: what was read, every score, the least-served label."""
    for note in notes:
        console.say(note, style="dim")
    console.findings(findings)
    show_scores(evaluation, console, rivals={})
    if console.verbose:
        show_labels(evaluation, console)
    worst = min((score for score in evaluation.per_label if score.rows), key=lambda score: score.recall.value)
    console.say(
        f"Least served: {quoted(worst.label)}, of whose {worst.rows:,} rows {worst.recall.value:.1%} are found."
    )


def show_labels(evaluation: Evaluation, console: Console) -> None:
    """Precision, recall and F1 of every label."""
    columns = ("Label", "Rows", "Precision", "Recall", "F1", "95 % interval of F1")
    rows = [
        (
            (
                *(
                    label.label,
                    f"{label.rows:,}",
                    f"{label.precision.value:.4f}",
                    f"{label.recall.value:.4f}",
                ),
                *(f"{label.f1.value:.4f}", _interval(label.f1)),
            ),
            None,
        )
        for label in evaluation.per_label
    ]
    console.table(columns, rows, caption=f"Of each label, on {evaluation.rows:,} rows.")


def leak_sentence(run: Run) -> str | None:
    """What the scores are without the test rows that stand in train; None where there are none."""
    without = run.test_without_leaked
    if run.test is None or without is None:
        return None
    told = ", ".join(
        f"{name} {without.scores[key].value:.4f} ({_interval(without.scores[key])}) instead of {run.test.scores[key].value:.4f}"
        for key, name in (("accuracy", "accuracy"), ("macro_f1", "macro-F1"))
    )
    number = run.test.rows - without.rows
    rows = f"the {number:,} test row{' whose text stands' if number == 1 else 's whose texts stand'}"
    return f"Without {rows}, exactly or nearly, in the training rows: {told}."


def show_mistakes(run: Run, console: Console) -> None:
    """The labels that are confused, the surest mistakes, and the weakest slice, in a few lines."""
    mistakes = run.mistakes
    if mistakes is None or not mistakes.confident:
        return
    pair = mistakes.confused[0]
    console.say(
        f"Most confused: {pair.rows:,} rows of {quoted(pair.label)} ({pair.share:.1%} of its rows) were called {quoted(pair.predicted)}."
    )
    told = ", ".join(
        f"{mistake.row} ({quoted(mistake.label)} called {quoted(mistake.predicted)} with {mistake.probability:.2f})"
        for mistake in mistakes.confident[:MISTAKES_SHOWN]
    )
    console.say(f"Surest mistakes: {told}.")
    by_length = [part for part in mistakes.slices if part.kind != "label"]
    if by_length:
        weakest = min(by_length, key=lambda part: part.accuracy.value)
        console.say(
            f"Weakest slice: {weakest.name}, accuracy {weakest.accuracy.value:.3f} on {weakest.rows:,} rows."
        )


def show_suspects(run: Run, console: Console) -> None:
    """The rows that look mislabelled, the most suspicious by name."""
    suspected = () if run.mistakes is None else run.mistakes.suspected
    if not suspected:
        return
    told = ", ".join(
        f"{row.row} ({quoted(row.label)}, the models say {quoted(row.predicted)} with {row.probability:.2f})"
        for row in suspected[:MISTAKES_SHOWN]
    )
    console.say(f"Rows that look mislabelled: {len(suspected):,}; none was removed. First {told}.")


def show_answer(run: Run, console: Console) -> None:
    """Table, scores, the one sentence with what else is worth telling, and where everything is.

    A quiet console tells the sentence alone.
    """
    console = console.undated()
    if not console.quiet:
        show_table(run, console)
        if run.test is not None and run.baselines is not None:
            rivals = {"Majority": run.baselines.majority, "Bag of words": run.baselines.bag_of_words}
            show_scores(run.test, console, rivals=rivals)
        if (leaks := leak_sentence(run)) is not None:
            console.say(leaks, style="yellow")
        show_mistakes(run, console)
        show_suspects(run, console)
    style = {"learned": "bold green", "no_better_than_baseline": "bold yellow"}.get(
        run.verdict.outcome, "bold red"
    )
    console.answer(run.verdict.sentence, style=style)
    for reason in run.verdict.reasons:
        console.say(f"  · {reason}")
    console.say("")
    for path, what in written_paths(run):
        console.say(f"{path}  {what}")
    if not run.folder.weights.exists():
        console.say(f"No model was put there{_where_weights_are(run)}.")


def _where_weights_are(run: Run) -> str:
    """Which weights of a failed run are still on disk; nothing where no epoch ended."""
    if not run.history.epochs:
        return "; no epoch ended, so there are no weights to keep"
    return f"; the epochs that ended left weights in {run.folder.checkpoints}"


def written_paths(run: Run) -> list[tuple[Path, str]]:
    """What the run wrote, for a person to open next."""
    folder = run.folder
    paths = [
        (folder.report, "the page: answer, evidence and doubts, for any browser"),
        (folder.card, "model card"),
        (folder.results, "every number"),
        (folder.findings, "findings"),
        (folder.predictions, "test rows with predictions"),
    ]
    paths.insert(0, (folder.path, "loads with transformers; bertsmith predict reads it"))
    return [
        (path, what)
        for path, what in paths
        if path.exists() and (path != folder.path or folder.weights.exists())
    ]


def _interval(score: Score) -> str:
    return f"{score.low:.4f}–{score.high:.4f}"
