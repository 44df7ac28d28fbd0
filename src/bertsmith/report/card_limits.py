"""This file knows what a model must not be trusted with, as far as its run shows it: one sentence for each thing."""

from __future__ import annotations

from collections.abc import Iterator

from bertsmith.report import card_tables
from bertsmith.report.markdown import name_of
from bertsmith.run import LengthHistogram, Run

ROWS_FOR_BOOTSTRAP = 20
"""With fewer test rows of a label the bootstrap's interval of a macro average is too narrow (docs/experiments.md)."""
SHARES_SHOWN = 4
"""With more labels only the most frequent and the rarest are told."""


def limits(run: Run, *, data_name: str) -> list[str]:
    """What the run says of where its model holds and where it does not.

    Args:
        run: the finished run.
        data_name: the training file, fit to be shown.
    """
    parts = [_domain(run, data_name), _language(run), _shares(run), _lengths(run)]
    if run.test is not None:
        parts += [_every_text(run), *_weak_spots(run), *_certainty(run), _calibration(run)]
    return [sentence for sentence in (*parts, _findings(run)) if sentence]


def _domain(run: Run, data_name: str) -> str:
    """What the data shows of the texts."""
    train = run.data.splits.get("train")
    if train is None:
        return ""
    pair = run.data.pair_column
    kind = "texts" if pair is None else "pairs of texts"
    columns = f"column {name_of(run.data.text_column)}"
    if pair is not None:
        columns = f"columns {name_of(run.data.text_column)} and {name_of(pair)}"
    usual = "" if train.lengths is None else f"half of them have up to {_median(train.lengths):,}, "
    longest = "" if train.longest_tokens is None else f"the longest {train.longest_tokens:,} tokens"
    told = f": {usual}{longest}" if longest else ""
    return (
        f"It was trained on {train.rows:,} {kind} of {data_name}, {columns}{told}. "
        "That is its domain: texts of another kind, subject or source were not tested."
    )


def _language(run: Run) -> str:
    return "No language is claimed, as none was recorded with the data: " + (
        "the scores hold for the languages of the test rows only."
        if run.test is not None
        else "look at the texts."
    )


def _shares(run: Run) -> str:
    """How the labels are distributed in training, and what follows."""
    train = run.data.splits.get("train")
    if train is None or not train.rows:
        return ""
    counts = sorted(train.label_counts.items(), key=lambda item: -item[1])
    told = [f"“{name_of(label)}” {card_tables.percent(count / train.rows)}" for label, count in counts]
    if len(told) > SHARES_SHOWN:
        told = [f"{told[0]} (the most frequent of {len(told)} labels)", f"{told[-1]} (the rarest)"]
    return (
        f"Shares of the training rows: {', '.join(told)}. Where labels come in other shares, "
        "precision is another, and the probabilities lean towards the shares of the training."
    )


def _lengths(run: Run) -> str:
    """How much of a text is read, and what that did to the test rows."""
    kept = {
        "head": "of a longer text the beginning, and nothing after it",
        "head-tail": "of a longer text the beginning and the end, and nothing between them",
    }[run.config.model.truncate]
    told = f"It reads at most {run.model.max_length} tokens: {kept}."
    test = run.data.splits.get("test")
    if run.test is None or test is None or test.cut_share is None:
        return told
    cut = round(test.cut_share * test.rows)
    if not cut:
        return f"{told} No test row was longer: what it does with longer texts was not tested."
    parts = () if run.mistakes is None else run.mistakes.slices
    scores = [
        f" Accuracy on {part.name}: {card_tables.interval(part.accuracy)}."
        for part in parts
        if part.kind == "cut"
    ]
    return f"{told} So {cut:,} of {test.rows:,} test rows were cut.{''.join(scores)}"


def _every_text(run: Run) -> str:
    return f"It knows {len(run.label_set)} labels, and gives every text one of them, even one that fits none."


def _weak_spots(run: Run) -> Iterator[str]:
    """The least-served label, the weakest lengths, labels that were not tested."""
    assert run.test is not None
    served = card_tables.least_served(run.test)
    if served:
        worst = served[0]
        rows = "1 test row" if worst.rows == 1 else f"{worst.rows:,} test rows"
        yield f"The least-served label is “{name_of(worst.label)}”: F1 {card_tables.interval(worst.f1)} on {rows}."
    by_length = [part for part in (run.mistakes.slices if run.mistakes else ()) if part.kind == "length"]
    weak = min(by_length, key=lambda part: part.accuracy.value, default=None)
    if weak is not None and weak.accuracy.value < 1:
        yield f"The weakest lengths are {weak.name}: accuracy {card_tables.interval(weak.accuracy)} on {weak.rows:,} rows."
    unseen = [name_of(label.label) for label in run.test.per_label if label.rows == 0]
    if unseen:
        shown = ", ".join(f"“{name}”" for name in unseen[: card_tables.MAX_LABELS])
        more = len(unseen) - card_tables.MAX_LABELS
        yield f"No test row has the label {shown}{f' and {more:,} more' if more > 0 else ''}: nothing is known about it."


def _certainty(run: Run) -> Iterator[str]:
    """How sure the scores themselves are."""
    assert run.test is not None
    fewest = min((label.rows for label in run.test.per_label if label.rows), default=0)
    if len(run.label_set) > 2 and 0 < fewest < ROWS_FOR_BOOTSTRAP:
        yield (
            f"The rarest label has {fewest} test rows: the intervals of macro averages are too narrow here. In simulations "
            "with ten rows a label they held in 90 of 100 test sets, not in 95."
        )
    accuracy = run.test.scores["accuracy"]
    yield (
        f"The accuracy is known to be between {card_tables.number(accuracy.low)} and {card_tables.number(accuracy.high)} "
        f"(95 % interval, {100 * (accuracy.high - accuracy.low):.1f} points wide). A smaller difference to another model, "
        "measured on other rows, means little."
    )
    seed = "" if run.seeds else "how much another seed would change, "
    yield (
        f"What the test cannot show: how the model does on texts from elsewhere or from a later time, {seed}"
        "whether the labels themselves are right, and whether it treats groups of people alike."
    )


def _calibration(run: Run) -> str:
    """What a probability means."""
    calibration = run.calibration
    if calibration is None:
        return "Its probabilities were not compared with how often it is right: 0.9 need not mean 9 of 10."
    error = 100 * calibration.test_after.calibration_error
    fitted = "calibrated on the validation rows" if calibration.reason is None else "not calibrated"
    return (
        f"Its probabilities are {fitted}: on the test rows they are off by {error:.1f} points on average. "
        "On texts of another kind they can be off by more."
    )


def _findings(run: Run) -> str:
    """That the data has doubts of its own."""
    codes = sorted(
        {finding.code for finding in run.findings if finding.code[:1] in "DT" and finding.severity != "info"}
    )
    if not codes:
        return ""
    return f"The check of the data warned of what was not mended ({', '.join(codes)}, above): the scores hold with it."


def _median(lengths: LengthHistogram) -> int:
    """The length that half of the rows do not exceed, as far as the bins tell."""
    half, seen = sum(lengths.rows) / 2, 0
    for index, rows in enumerate(lengths.rows):
        seen += rows
        if seen >= half:
            return lengths.edges[index + 1] - 1
    return lengths.edges[-1] - 1
