"""Whether there are rows enough: for each label, in each split, and for a score that says something."""

from __future__ import annotations

import math
from collections import Counter

from bertsmith.data.checks.rows import RowsToCheck
from bertsmith.data.checks.wording import counted
from bertsmith.errors import list_names
from bertsmith.findings import Finding, finding_about
from bertsmith.printing import quoted

FEWEST_TEST_ROWS = 100
"""Fewer give an interval of more than ± 10 points around a score of 50 %."""


def find_absent_labels(rows: RowsToCheck) -> list[Finding]:
    """D013: labels that a held-out split has no row of."""
    train = rows.train.dataset
    findings = []
    for part in rows.held_out:
        present = set(part.dataset.labels)
        absent = [label for label in train.label_counts if label not in present]
        if not absent:
            continue
        sentence = (
            f"{len(absent)} labels have no {part.name} row; their scores stay unknown: {list_names(absent)}."
        )
        if len(absent) == 1:
            sentence = f"The label {quoted(absent[0])} has no {part.name} row; its scores stay unknown."
        findings.append(
            finding_about(
                [str(row.origin) for row in train.examples if row.label in set(absent)],
                code="D013",
                severity="warning",
                sentence=sentence,
                effect="A macro average over the labels leaves them out or counts them as zero.",
                remedy="Add rows of it." if len(absent) == 1 else "Add rows of them.",
            )
        )
    return findings


def find_what_can_be_shown(rows: RowsToCheck) -> list[Finding]:
    """D038: how many rows there are for each label, and what difference the test rows can show."""
    test = next((part for part in rows.parts if part.name == "test"), None)
    if test is None or not len(test):
        return []
    counts = rows.train.dataset.label_counts
    fewest = min(counts, key=lambda label: counts[label])
    of_label = Counter(test.dataset.labels)[fewest]
    half, difference = half_width(len(test)), smallest_difference(len(test))
    return [
        Finding(
            code="D038",
            severity="warning" if len(test) < FEWEST_TEST_ROWS else "info",
            sentence=(
                f"{counted(len(rows.train), 'training row', 'training rows')} of {len(counts)} labels, the rarest ({quoted(fewest)}) {counts[fewest]:,}; "
                f"{counted(len(test), 'test row', 'test rows')}, {of_label:,} of the rarest."
            ),
            effect=(
                f"An accuracy of 50 % is known to ± {100 * half:.1f} points, one of 90 % to ± {100 * half_width(len(test), 0.9):.1f}; "
                f"two models must differ by about {100 * difference:.1f} points to be told apart."
            ),
            remedy="--folds 5 judges on all rows." if len(test) < 1000 and not test.is_given else "",
        )
    ]


def half_width(num_rows: int, accuracy: float = 0.5) -> float:
    """Half of the 95 % interval of an accuracy on so many rows, as a share. Source: the normal approximation."""
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / num_rows)


def smallest_difference(num_rows: int, disagreement: float = 0.2) -> float:
    """The difference of two accuracies on the same rows that shows with p < 0.05, as a share.

    Args:
        num_rows: test rows.
        disagreement: share of the rows on which exactly one of the two models is right; a fifth is usual.

    Source: McNemar's test, normal approximation: the difference has the standard error √(disagreement / rows).
    """
    return 1.96 * math.sqrt(disagreement / num_rows)
