"""What the splits show: texts that they share, contradicting labels, repeated texts, labels that one lacks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from bertsmith.data.duplicates import fold_example
from bertsmith.data.example import Dataset
from bertsmith.errors import list_names
from bertsmith.findings import Finding, finding_about


def find_in_splits(train: Dataset, validation: Dataset, test: Dataset) -> tuple[Finding, ...]:
    """Texts that splits share, texts with several labels, repeated texts, labels that a split lacks."""
    parts: dict[str, Dataset] = {"train": train, "validation": validation, "test": test}
    keys = {name: [fold_example(example) for example in part.examples] for name, part in parts.items()}
    found = [
        *_shared_texts(parts, keys),
        *_contradictions(parts, keys),
        *_repeats(parts, keys),
        *_absent_labels(train, {"validation": validation, "test": test}),
    ]
    return tuple(found)


def _shared_texts(parts: Mapping[str, Dataset], keys: Mapping[str, list[str]]) -> list[Finding]:
    """D010: rows of a given split whose text is in an earlier one too."""
    found = []
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        known = set(keys[first])
        rows = [
            str(row.origin)
            for row, key in zip(parts[second].examples, keys[second], strict=True)
            if key in known
        ]
        if rows:
            share = f"{len(rows):,} of {len(parts[second]):,} {second} rows"
            sentence = f"{share} have a text that is in the {first} rows too."
            place = second if first == "train" else first
            remedy = f"Scores on them tell memory, not learning: remove them from the {place} file."
            found.append(
                finding_about(rows, code="D010", severity="warning", sentence=sentence, remedy=remedy)
            )
    return found


def _contradictions(parts: Mapping[str, Dataset], keys: Mapping[str, list[str]]) -> list[Finding]:
    """D011: the same text with different labels."""
    labels: dict[str, set[str]] = defaultdict(set)
    for name, part in parts.items():
        for row, key in zip(part.examples, keys[name], strict=True):
            labels[key].add(row.label)
    torn = {key for key, names in labels.items() if len(names) > 1}
    rows = [
        str(row.origin)
        for name, part in parts.items()
        for row, key in zip(part.examples, keys[name], strict=True)
        if key in torn
    ]
    if not rows:
        return []
    sentence = f"{_counted(len(torn), 'text has', 'texts have')} different labels in different rows ({len(rows):,} rows)."
    return [
        finding_about(
            rows,
            code="D011",
            severity="warning",
            sentence=sentence,
            remedy="Decide on one label for each of them.",
        )
    ]


def _repeats(parts: Mapping[str, Dataset], keys: Mapping[str, list[str]]) -> list[Finding]:
    """D012: rows that repeat a text of their own split."""
    rows = []
    for name, part in parts.items():
        seen: set[str] = set()
        for row, key in zip(part.examples, keys[name], strict=True):
            if key in seen:
                rows.append(str(row.origin))
            seen.add(key)
    if not rows:
        return []
    sentence = f"{_counted(len(rows), 'row repeats', 'rows repeat')} a text of their split; rows of one text were kept together."
    return [finding_about(rows, code="D012", severity="info", sentence=sentence)]


def _counted(number: int, one: str, many: str) -> str:
    """`1 row repeats`, `1,200 rows repeat`."""
    return f"{number:,} {one if number == 1 else many}"


def _absent_labels(train: Dataset, held_out: Mapping[str, Dataset]) -> list[Finding]:
    """D013: labels that a held-out split has no row of."""
    found = []
    for name, part in held_out.items():
        counts = Counter(part.labels)
        absent = [label for label in train.label_counts if label not in counts]
        if absent:
            rows = [str(row.origin) for row in train.examples if row.label in set(absent)]
            sentence = (
                f"{len(absent)} labels have no {name} row; their scores stay unknown: {list_names(absent)}."
            )
            if len(absent) == 1:
                sentence = f"The label {absent[0]!r} has no {name} row; its scores stay unknown."
            found.append(
                finding_about(
                    rows, code="D013", severity="warning", sentence=sentence, remedy="Add rows of it."
                )
            )
    return found
