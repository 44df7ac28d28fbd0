"""What is wrong with the labels themselves: twins, too few, too many, numbers, several in a cell, the wrong column."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from bertsmith.data.checks.rows import RowsToCheck
from bertsmith.data.checks.wording import counted, percent, row_line
from bertsmith.data.example import Example
from bertsmith.data.label_twins import find_twins
from bertsmith.errors import list_names
from bertsmith.findings import MAX_EXAMPLES_SHOWN, Finding, finding_about
from bertsmith.printing import quoted

FEWEST_TEXTS = 5
"""A label with fewer different texts cannot have one in every split."""
FEWEST_TO_LEARN = 10
"""Training rows below which a label is hardly ever learned."""
SHARE_OF_ONE = 0.8
"""A most frequent label from this share on makes accuracy say little."""
MOST_UNEVEN = 20
"""Rows of the most frequent label by those of the rarest; beyond it the rare one is told."""
SCALE_POINTS = 5
"""Numbers that are labels, from so many different ones on, are probably points on a scale."""
LIST_SEPARATORS = ("|", ";", ",", "+", "/")
FEWEST_JUDGED = 20
"""Rows below which nothing is said about how many labels there are for them."""
LABEL_CHARACTERS = 60
"""Labels that are longer on average are texts."""


def find_label_twins(rows: RowsToCheck) -> list[Finding]:
    """D018: one label spelled in two ways."""
    counts = Counter(example.label for _, example, _ in rows.every())
    twins = find_twins(counts)
    if not twins:
        return []
    spelled = {other: twin for twin in twins for other in twin.others}
    found = [example for _, example, _ in rows.every() if example.label in spelled]
    shown = [
        f"{quoted(other)} ({counted(counts[other], 'row', 'rows')}) → {quoted(twin.kept)} ({counted(counts[twin.kept], 'row', 'rows')}): {twin.reason}"
        for other, twin in sorted(spelled.items(), key=lambda item: -counts[item[0]])
    ]
    names = list_names(sorted(spelled))
    return [
        finding_about(
            _origins(found),
            code="D018",
            severity="warning",
            sentence=f"{counted(len(spelled), 'label looks', 'labels look')} like another one written differently: {names}.",
            effect="Each spelling is a label of its own: whichever the model says, the rows of the other count as wrong.",
            remedy="--merge-labels gives them the most frequent spelling.",
            shown=shown,
        )
    ]


def find_rare_labels(rows: RowsToCheck) -> list[Finding]:
    """D019: labels with too few texts for every split, or to learn from."""
    texts = Counter(label for _, label in {(key, row.label) for _, row, key in rows.every()})
    in_train = Counter(rows.train.dataset.labels)
    rare = {
        label: number
        for label, number in texts.items()
        if number < FEWEST_TEXTS or 0 < in_train[label] < FEWEST_TO_LEARN
    }
    if not rare:
        return []
    found = [example for _, example, _ in rows.every() if example.label in rare]
    shown = [
        f"{quoted(label)}: {counted(number, 'text', 'different texts')}, {in_train[label]:,} for training"
        for label, number in sorted(rare.items(), key=lambda item: (item[1], item[0]))
    ]
    return [
        finding_about(
            _origins(found),
            code="D019",
            severity="warning",
            sentence=f"{counted(len(rare), 'label has', 'labels have')} fewer than {FEWEST_TO_LEARN} training rows or {FEWEST_TEXTS} texts: {list_names(sorted(rare))}.",
            effect="Such labels are rarely predicted at all, and pull macro averages down.",
            remedy="Add rows, merge them with another label, or leave them out.",
            shown=shown,
        )
    ]


def find_imbalance(rows: RowsToCheck) -> list[Finding]:
    """D020: one label has nearly all rows, or another very few."""
    counts = rows.train.dataset.label_counts
    if len(counts) < 2:
        return []
    most, fewest = max(counts, key=lambda label: counts[label]), min(counts, key=lambda label: counts[label])
    share = counts[most] / len(rows.train)
    if share < SHARE_OF_ONE and counts[most] < MOST_UNEVEN * counts[fewest]:
        return []
    return [
        Finding(
            code="D020",
            severity="warning" if share >= SHARE_OF_ONE else "info",
            sentence=f"The labels are uneven: {quoted(most)} has {percent(share)} of the training rows, {quoted(fewest)} {counts[fewest]:,} of {len(rows.train):,}.",
            effect=f"A model that always says {quoted(most)} has an accuracy of about {share:.3f}: look at macro-F1 and at each label.",
            remedy="--class-weights balanced makes rare labels weigh more.",
        )
    ]


def find_single_label(rows: RowsToCheck) -> list[Finding]:
    """D021: all training rows have the same label."""
    labels = set(rows.train.dataset.labels)
    if len(labels) > 1:
        return []
    return [
        Finding(
            code="D021",
            severity="error",
            sentence=f"All {len(rows.train):,} training rows have the label {quoted(next(iter(labels), ''))}.",
            effect="There is nothing to tell apart, so nothing can be learned.",
            remedy="Check --label-column, or add rows of another label.",
        )
    ]


def find_scale(rows: RowsToCheck) -> list[Finding]:
    """D022: labels that are numbers, and so many that they are probably points on a scale."""
    names = rows.train.dataset.label_counts
    numbers = [_number(name) for name in names]
    if len(names) < SCALE_POINTS or any(number is None for number in numbers):
        return []
    is_fine = any(number is not None and number != int(number) for number in numbers)
    return [
        Finding(
            code="D022",
            severity="warning" if is_fine or len(names) >= FEWEST_JUDGED else "info",
            sentence=f"The {len(names)} labels are numbers, from {min(names, key=float)} to {max(names, key=float)}: is this a scale?",
            effect="A classifier counts a miss by one step as wrong as a miss by all of them.",
            remedy="Group the numbers into a few named labels if their order matters to you.",
        )
    ]


def find_label_lists(rows: RowsToCheck) -> list[Finding]:
    """D023: several labels in one cell."""
    labels = rows.train.dataset.labels
    names = set(labels)
    separator = next((sign for sign in LIST_SEPARATORS if _is_list(names, sign)), None)
    if separator is None and not _are_json_lists(names):
        return []
    found = [row for row in rows.train.dataset.examples if (separator or "[") in row.label]
    how = f"separated by {quoted(separator)}" if separator else "as lists"
    return [
        finding_about(
            _origins(found),
            code="D023",
            severity="warning",
            sentence=f"{counted(len(found), 'training row has', 'training rows have')} several labels in one cell, {how}.",
            effect=f"Each combination counts as a label of its own: {len(names):,} of them, most of them rare.",
            remedy="bertsmith gives one label per row: keep the one that matters, or make one file for each label.",
            shown=[row_line(example) for example in found[:MAX_EXAMPLES_SHOWN]],
        )
    ]


def find_unseen_labels(rows: RowsToCheck) -> list[Finding]:
    """D024: labels of a given validation or test file that no training row has."""
    known = set(rows.train.dataset.labels)
    found = [
        example for part in rows.held_out for example in part.dataset.examples if example.label not in known
    ]
    if not found:
        return []
    names = sorted({example.label for example in found})
    return [
        finding_about(
            _origins(found),
            code="D024",
            severity="error",
            sentence=f"{counted(len(found), 'row has a label', 'rows have labels')} that no training row has: {list_names(names)}.",
            effect="No model can say them, so every such row is wrong; train does not start.",
            remedy="Correct the labels (--merge-labels, if they are misspelled), or add training rows of them.",
            shown=[row_line(example) for example in found[:MAX_EXAMPLES_SHOWN]],
        )
    ]


def find_misread_column(rows: RowsToCheck) -> list[Finding]:
    """D025: what stands in the label column are texts or ids."""
    examples = rows.train.dataset.examples
    names = {example.label for example in examples}
    num_characters = sum(map(len, names)) / max(1, len(names))
    if len(examples) < FEWEST_JUDGED or (
        2 * len(names) <= len(examples) and num_characters <= LABEL_CHARACTERS
    ):
        return []
    is_number = all(_number(name) is not None for name in names)
    what = (
        "numbers that hardly repeat"
        if is_number
        else "texts"
        if num_characters > LABEL_CHARACTERS
        else "names that hardly repeat"
    )
    return [
        finding_about(
            _origins(examples),
            code="D025",
            severity="error",
            sentence=f"The label column holds {what}: {len(names):,} different ones in {len(examples):,} training rows.",
            effect="With a row or two for each label nothing can be learned.",
            remedy="Name the right column with --label-column.",
            shown=[row_line(example) for example in examples[:MAX_EXAMPLES_SHOWN]],
        )
    ]


def _origins(examples: Iterable[Example]) -> list[str]:
    return [str(example.origin) for example in examples]


def _number(name: str) -> float | None:
    """The number that the label is; None for a name, and for what is no finite number."""
    try:
        value = float(name)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _is_list(names: set[str], separator: str) -> bool:
    """Whether labels with this sign are made of parts, nearly all of which other labels have too."""
    lists = [name for name in names if separator in name]
    if len(lists) < 2:
        return False
    others = Counter(part for name in names for part in {piece.strip() for piece in name.split(separator)})
    parts = [piece.strip() for name in lists for piece in name.split(separator)]
    singles = names - set(lists)
    return (
        all(parts)
        and sum(part in singles for part in parts) >= 0.8 * len(parts)
        or (
            len(lists) >= 0.5 * len(names)
            and sum(others[part] > 1 for part in parts) >= 0.9 * len(parts)
            and len(others) < len(lists)
        )
    )


def _are_json_lists(names: set[str]) -> bool:
    """Whether all labels are JSON lists, and some hold more than one value."""
    if not all(name.startswith("[") and name.endswith("]") for name in names):
        return False
    try:
        lists = [json.loads(name.replace("'", '"')) for name in names]
    except ValueError:
        return False
    return any(len(values) > 1 for values in lists)
