"""Where it is wrong, and whether its probabilities can be trusted: matrix, labels, slices, single rows, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from bertsmith.diagnosis.verdict import USABLE
from bertsmith.report.charts import reliability_chart, threshold_chart
from bertsmith.report.finished_run import FinishedRun, TestRow
from bertsmith.report.markdown import name_of, neutral
from bertsmith.report.matrix import (
    GROUPS_SHOWN,
    MOST_WHOLE,
    confused_groups,
    confused_rows,
    overview_of,
    table_of,
    zoom_values,
)
from bertsmith.report.page_text import ShownScore, ShownText, decimals, shown_score, shown_text

MOST_ROWS = 1000
"""Single rows that the page holds."""
MOST_TEXT_BYTES = 1_500_000
"""Of their texts together: the page stays below 5 MB whatever the rows are."""


NOTHING_KNOWN: dict[str, list[Any]] = {"slices": [], "confused": [], "suspected": []}


@dataclass(frozen=True)
class LabelRow:
    """How one label fares on the test rows."""

    label: str
    rows: int
    f1: ShownScore
    precision: ShownScore
    recall: ShownScore


@dataclass(frozen=True)
class SliceRow:
    """Accuracy on some of the test rows."""

    name: str
    rows: int
    accuracy: ShownScore


@dataclass(frozen=True)
class DoubtfulRow:
    """A test row that is wrong, or whose label looks wrong."""

    row: str
    kind: str
    """`mistake` or `label suspected`."""
    text: ShownText
    text_pair: ShownText | None
    label: str
    predicted: str
    probability: float


def mistakes(run: FinishedRun) -> dict[str, Any]:
    """Nothing where the test rows were not read."""
    results = run.results
    test = results["test"]
    if test is None:
        return {"has_mistakes": False, "zoom": None}
    known = results["mistakes"] or NOTHING_KNOWN
    kept = within_budget(doubtful_rows(run))
    num_wrong = sum(row.predicted != row.label for row in run.test_rows)
    return {
        "has_mistakes": True,
        **_matrix(test["confusion"], run.labels),
        "label_rows": [_label_row(row) for row in test["per_label"]],
        "slice_rows": [
            SliceRow(neutral(part["name"]), part["rows"], shown_score(part["accuracy"]))
            for part in known["slices"]
            if part["kind"] != "label"
        ],
        "confused": known["confused"],
        "doubtful": kept,
        "num_wrong": num_wrong,
        "num_shown": sum(row.kind == "mistake" for row in kept),
        "num_suspected_shown": sum(row.kind != "mistake" for row in kept),
        "num_test": len(run.test_rows),
        "num_suspected": len(known["suspected"]),
        # Models that know nothing of the labels cannot tell which of them are wrong.
        "looked_for_suspects": results["folds"] is not None and results["verdict"]["outcome"] in USABLE,
        "has_pairs": any(row.text_pair is not None for row in kept),
    }


def doubtful_rows(run: FinishedRun) -> list[DoubtfulRow]:
    """Rows whose label looks wrong, then the wrong ones, surest first; `MOST_ROWS` at most, and none stands twice."""
    known = run.results["mistakes"] or NOTHING_KNOWN
    suspected = {row["row"]: row for row in known["suspected"]}
    by_name = {row.row: row for row in run.test_rows}
    rows = [
        _doubtful(
            by_name[name], "label suspected", predicted=row["predicted"], probability=row["probability"]
        )
        for name, row in suspected.items()
        if name in by_name
    ]
    wrong = sorted(
        (row for row in run.test_rows if row.predicted != row.label and row.row not in suspected),
        key=lambda row: -row.probability,
    )
    mistaken = (
        _doubtful(row, "mistake", predicted=row.predicted, probability=row.probability) for row in wrong
    )
    return list(islice(chain(rows, mistaken), MOST_ROWS))


def within_budget(rows: list[DoubtfulRow]) -> list[DoubtfulRow]:
    """The first of them, until their texts are too long together; the surest first."""
    kept, size = [], 0
    for row in rows:
        size += sum(_bytes(text) for text in (row.text, row.text_pair) if text is not None)
        if size > MOST_TEXT_BYTES:
            break
        kept.append(row)
    return sorted(kept, key=lambda row: -row.probability)


def trust(run: FinishedRun) -> dict[str, Any]:
    """Calibration and threshold; nothing where the test rows were not read."""
    calibration, threshold = run.results["calibration"], run.results["threshold"]
    if calibration is None:
        return {"calibration": None}
    before, after = calibration["test_before"], calibration["test_after"]
    curve = calibration.get("threshold_curve") or []
    chosen = 0.5 if threshold is None else threshold["value"]
    return {
        "calibration": calibration,
        "temperature": f"{calibration['temperature']:.3f}",
        "why_not": calibration["reason"],
        "reliability_chart": reliability_chart(before["bins"], after["bins"]) if after.get("bins") else None,
        "calibration_rows": [
            (
                f"{split} rows, {state}",
                *(decimals(part[key]) for key in ("calibration_error", "brier", "log_loss")),
            )
            for split in ("validation", "test")
            for state, part in (
                ("as trained", calibration[f"{split}_before"]),
                ("as saved", calibration[f"{split}_after"]),
            )
        ],
        "error_before": f"{100 * before['calibration_error']:.1f} points",
        "error_after": f"{100 * after['calibration_error']:.1f} points",
        "threshold_chart": threshold_chart(curve, chosen=chosen) if curve else None,
        "threshold": threshold,
        "threshold_value": f"{chosen:.3f}",
        "positive": name_of(run.results["positive_label"] or ""),
    }


def _matrix(confusion: list[list[int]], labels: tuple[str, ...]) -> dict[str, Any]:
    """One table for a few labels; groups, a picture and a zoom for many."""
    if len(labels) <= MOST_WHOLE:
        return {"matrix": table_of(confusion, labels, chosen=range(len(labels))), "groups": [], "zoom": None}
    groups = confused_groups(confusion)
    shown = [group for group in groups[:GROUPS_SHOWN] if len(group) > 1 and confused_rows(confusion, group)]
    return {
        "matrix": None,
        "groups": [
            (table_of(confusion, labels, chosen=group), confused_rows(confusion, group)) for group in shown
        ],
        "overview": overview_of(confusion, groups),
        "zoom": zoom_values(confusion, labels),
    }


def _label_row(row: dict[str, Any]) -> LabelRow:
    return LabelRow(
        name_of(row["label"]), row["rows"], *(shown_score(row[key]) for key in ("f1", "precision", "recall"))
    )


def _doubtful(row: TestRow, kind: str, *, predicted: str, probability: float) -> DoubtfulRow:
    return DoubtfulRow(
        row=neutral(row.row),
        kind=kind,
        text=shown_text(row.text),
        text_pair=None if row.text_pair is None else shown_text(row.text_pair),
        label=name_of(row.label),
        predicted=name_of(predicted),
        probability=probability,
    )


def _bytes(text: ShownText) -> int:
    """Of the text in the page, before its marks are escaped."""
    return len((text.first + (text.whole or "")).encode("utf-8", "surrogatepass"))
